//! The parser of multipart/form-data (RFC 7578) as far as the content of the file. It is shown the
//! bytes in pieces of any size; how they are cut makes no difference.

use super::delimiter::Delimiter;
use super::fields::Form;
use super::parameters::parameters;
use crate::base::limits::{FORM_BYTES_MAX, FORM_FIELDS_MAX, FORM_PART_HEAD_BYTES_MAX};
use crate::s3::error::{ErrorCode, Result, S3Error};
use memchr::memmem;

/// Most lines in the head of a part.
const PART_LINES_MAX: usize = 16;

/// What comes next.
enum State {
    /// The first delimiter, perhaps behind a preamble.
    Start,
    /// What follows a delimiter: a line end, or the end of the form.
    Delimited,
    /// The head of a part.
    Head,
    /// The value of this field.
    Value(String),
    /// The content of the file, which is not for this parser.
    File,
}

/// What a step came to.
enum Step {
    Done,
    More,
}

/// The form, as far as it has come.
pub struct Parser {
    delimiter: Delimiter,
    state: State,
    bytes: Vec<u8>,
    /// Up to where the bytes are parsed.
    at: usize,
    /// Up to where what is looked for now was looked for in vain.
    searched: usize,
    fields: Vec<(String, Vec<u8>)>,
    filename: Vec<u8>,
}

impl Parser {
    /// A parser of a form whose parts this delimiter ends.
    #[must_use]
    pub const fn new(delimiter: Delimiter) -> Self {
        Self {
            delimiter,
            state: State::Start,
            bytes: Vec::new(),
            at: 0,
            searched: 0,
            fields: Vec::new(),
            filename: Vec::new(),
        }
    }

    /// Takes the next bytes. `Some` says how many of them precede the content of the file, and that
    /// the form is complete; `None`, that all were taken.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        let before = self.bytes.len();
        // One byte more than allowed, so that an excess is seen.
        let room = (FORM_BYTES_MAX + 1).saturating_sub(before);
        self.bytes
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        while let Step::Done = self.step()? {
            if matches!(self.state, State::File) {
                break;
            }
        }
        let is_file = matches!(self.state, State::File);
        let used = if is_file { self.at } else { self.bytes.len() };
        if used > FORM_BYTES_MAX {
            return Err(ErrorCode::MaxPostPreDataLengthExceededError.into());
        }
        Ok(is_file.then(|| used.saturating_sub(before)))
    }

    /// The form, once [`Parser::push`] said that it is complete.
    pub fn finish(self) -> Result<(Form, Delimiter)> {
        if !matches!(self.state, State::File) {
            return Err(malformed("it ends before its file."));
        }
        Ok((Form::new(self.fields, &self.filename)?, self.delimiter))
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn step(&mut self) -> Result<Step> {
        match &self.state {
            State::Start => {
                let delimiter = self.delimiter.bytes();
                let first = delimiter.get(2..).unwrap_or_default();
                if self.rest().starts_with(first) {
                    return Ok(self.go_on(first.len(), State::Delimited));
                }
                let len = delimiter.len();
                let found = self.find(|parser, bytes| parser.delimiter.find(bytes), len);
                Ok(match found {
                    Some(at) => self.go_on(at + len, State::Delimited),
                    None => Step::More,
                })
            }
            State::Delimited => self.after_delimiter(),
            State::Head => self.head(),
            State::Value(_) => {
                let len = self.delimiter.bytes().len();
                let found = self.find(|parser, bytes| parser.delimiter.find(bytes), len);
                let Some(at) = found else {
                    return Ok(Step::More);
                };
                let value = self.rest().get(..at).unwrap_or_default().to_vec();
                let state = std::mem::replace(&mut self.state, State::Delimited);
                if let State::Value(name) = state {
                    self.fields.push((name, value));
                }
                Ok(self.go_on(at + len, State::Delimited))
            }
            State::File => Ok(Step::More),
        }
    }

    /// Goes on behind the next `count` bytes.
    fn go_on(&mut self, count: usize, state: State) -> Step {
        self.at += count;
        self.searched = self.at;
        self.state = state;
        Step::Done
    }

    /// Looks for something of `len` bytes, not again where it was not.
    fn find(&mut self, find: impl Fn(&Self, &[u8]) -> Option<usize>, len: usize) -> Option<usize> {
        let from = self.at.max(self.searched.saturating_sub(len - 1));
        let found = find(self, self.bytes.get(from..).unwrap_or_default());
        self.searched = self.bytes.len();
        found.map(|at| from + at - self.at)
    }

    /// `--` ends the form; blanks may stand before the line end (RFC 2046, 5.1.1).
    fn after_delimiter(&mut self) -> Result<Step> {
        let rest = self.rest();
        if rest.starts_with(b"--") {
            let message = "POST requires exactly one file upload per request.";
            return Err(S3Error::argument("file", "0", message));
        }
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t'));
        let blanks = blanks.count();
        match rest.get(blanks..).unwrap_or_default() {
            [] | [b'\r'] => Ok(Step::More),
            [b'-'] if blanks == 0 => Ok(Step::More),
            [b'\r', b'\n', ..] => Ok(self.go_on(blanks + 2, State::Head)),
            _ => Err(malformed("a boundary is not alone on its line.")),
        }
    }

    fn head(&mut self) -> Result<Step> {
        let found = self.find(|_, bytes| memmem::find(bytes, b"\r\n\r\n"), 4);
        let length = found.unwrap_or_else(|| self.rest().len());
        if self.rest().starts_with(b"\r\n") {
            return Err(malformed("a part has no name."));
        }
        if length > FORM_PART_HEAD_BYTES_MAX {
            return Err(malformed("the head of a part is too long."));
        }
        let Some(length) = found else {
            return Ok(Step::More);
        };
        let head = self.rest().get(..length).unwrap_or_default();
        let (name, filename) = part(head)?;
        if name == "file" {
            self.filename = filename.unwrap_or_default();
            return Ok(self.go_on(length + 4, State::File));
        }
        if self.fields.len() >= FORM_FIELDS_MAX {
            return Err(malformed("it has too many fields."));
        }
        Ok(self.go_on(length + 4, State::Value(name)))
    }
}

/// The form cannot be read.
pub(super) fn malformed(what: &str) -> S3Error {
    let code = ErrorCode::MalformedPOSTRequest;
    S3Error::new(code, format!("{} Here {what}", code.message()))
}

/// The name, in lower case, and the file name in the head of a part.
fn part(head: &[u8]) -> Result<(String, Option<Vec<u8>>)> {
    let mut found = None;
    let mut rest = Some(head);
    for _ in 0..PART_LINES_MAX {
        let Some(text) = rest else { break };
        let line = match memmem::find(text, b"\r\n") {
            Some(at) => {
                rest = text.get(at + 2..);
                text.get(..at).unwrap_or_default()
            }
            None => {
                rest = None;
                text
            }
        };
        let colon = memchr::memchr(b':', line)
            .ok_or_else(|| malformed("a line in the head of a part is no header."))?;
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        let is_token = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_';
        let is_text = |b: &u8| (*b >= b' ' && *b != 0x7f) || *b == b'\t';
        if name.is_empty() || !name.iter().all(is_token) || !value.iter().all(is_text) {
            return Err(malformed("a line in the head of a part is no header."));
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-disposition") {
            if found.replace(disposition(value)?).is_some() {
                return Err(malformed("a part has two names."));
            }
        } else if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
            let plain = [&b"binary"[..], b"8bit", b"7bit"];
            if !plain.iter().any(|known| value.eq_ignore_ascii_case(known)) {
                return Err(malformed("a part is encoded."));
            }
        }
    }
    if rest.is_some() {
        return Err(malformed("the head of a part has too many lines."));
    }
    found.ok_or_else(|| malformed("a part has no name."))
}

fn disposition(value: &[u8]) -> Result<(String, Option<Vec<u8>>)> {
    let found = parameters(value)
        .filter(|found| found.kind.eq_ignore_ascii_case(b"form-data"))
        .ok_or_else(|| malformed("a part's Content-Disposition cannot be read."))?;
    let name = found.get("name").and_then(|n| std::str::from_utf8(n).ok());
    let name = name
        .filter(|name| !name.is_empty())
        .ok_or_else(|| malformed("a part has no name."))?;
    let filename = found.get("filename").map(<[u8]>::to_vec);
    Ok((name.to_ascii_lowercase(), filename))
}
