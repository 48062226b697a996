//! XML of a request as a small tree: strict, bounded, without DTDs and entities.
//!
//! The documents of S3 are tiny in kind (elements and text, two or three levels), so a tree keeps
//! the readers of [`super::read`] declarative. Attributes are ignored but for their syntax;
//! comments and processing instructions are skipped.

use crate::base::limits::XML_BYTES_MAX;
use crate::s3::error::{ErrorCode, Result, S3Error};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deepest nesting accepted. The deepest of S3's documents needs five.
const DEPTH_MAX: usize = 8;
/// Most elements of a document: a thousand keys to delete, five elements each, with room.
/// A completed upload of ten thousand parts has up to seven elements each.
const ELEMENTS_MAX: usize = 100_000;

/// An element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Name without a namespace prefix.
    pub name: String,
    /// The value of `xsi:type`, which tells grantees apart.
    pub kind: Option<String>,
    /// Text directly inside, with references resolved.
    pub text: String,
    /// Elements directly inside.
    pub children: Vec<Element>,
}

/// The error for whatever is not as it should be.
pub(super) fn malformed() -> S3Error {
    ErrorCode::MalformedXML.into()
}

impl Element {
    /// Parses a document and checks the name of its root.
    pub fn document(bytes: &[u8], root: &str) -> Result<Self> {
        if bytes.len() > XML_BYTES_MAX {
            return Err(ErrorCode::MaxMessageLengthExceeded.into());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let element = parse(text)?;
        if element.name == root {
            Ok(element)
        } else {
            Err(malformed())
        }
    }

    /// The only child of this name, if there is one; two are an error.
    pub fn child(&self, name: &str) -> Result<Option<&Self>> {
        let mut found = self.children.iter().filter(|c| c.name == name);
        let first = found.next();
        if found.next().is_some() {
            return Err(malformed());
        }
        Ok(first)
    }

    /// The text of the only child of this name, if there is one.
    pub fn child_text(&self, name: &str) -> Result<Option<&str>> {
        match self.child(name)? {
            Some(child) => child.leaf().map(Some),
            None => Ok(None),
        }
    }

    /// The text of an element that may hold nothing else.
    pub fn leaf(&self) -> Result<&str> {
        if self.children.is_empty() {
            Ok(&self.text)
        } else {
            Err(malformed())
        }
    }

    /// Checks that there are no other children than these and no text between them.
    pub fn only(&self, names: &[&str]) -> Result<()> {
        let known = self
            .children
            .iter()
            .all(|child| names.contains(&child.name.as_str()));
        if known && self.text.trim_ascii().is_empty() {
            Ok(())
        } else {
            Err(malformed())
        }
    }
}

fn parse(text: &str) -> Result<Element> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root: Option<Element> = None;
    let mut elements = 0;
    loop {
        let event = reader.read_event().map_err(|_| malformed())?;
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                elements += 1;
                let whole = root.is_some() && open.is_empty();
                if whole || open.len() == DEPTH_MAX || elements > ELEMENTS_MAX {
                    return Err(malformed());
                }
                let element = begin(start)?;
                if matches!(event, Event::Start(_)) {
                    open.push(element);
                } else {
                    close(element, &mut open, &mut root);
                }
            }
            Event::End(_) => {
                let element = open.pop().ok_or_else(malformed)?;
                close(element, &mut open, &mut root);
            }
            Event::Text(text) => add_text(&mut open, &text.xml10_content())?,
            Event::CData(text) => add_text(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let resolved = resolve(&reference).ok_or_else(malformed)?;
                let mut buffer = [0; 4];
                add_text(&mut open, resolved.encode_utf8(&mut buffer))?;
            }
            Event::Decl(_) if root.is_none() && open.is_empty() => {}
            Event::Comment(_) | Event::PI(_) => {}
            // A DTD can define entities that grow without bound or name files.
            Event::DocType(_) | Event::Decl(_) => return Err(malformed()),
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err(malformed());
    }
    root.ok_or_else(malformed)
}

fn begin(start: &BytesStart<'_>) -> Result<Element> {
    let mut kind = None;
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| malformed())?;
        let name: &str = attribute.key.local_name().into_inner();
        if name == "type" {
            kind = Some(attribute.value.to_string());
        }
    }
    Ok(Element {
        name: start.local_name().into_inner().to_owned(),
        kind,
        ..Element::default()
    })
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

fn add_text(open: &mut [Element], text: &str) -> Result<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim_ascii().is_empty() => {}
        None => return Err(malformed()),
    }
    Ok(())
}

/// Resolves a character reference or one of XML's five entities. References to control characters
/// that XML 1.0 cannot hold are resolved too: there are keys with them, and they must be deletable.
fn resolve(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let (digits, radix) = match number.strip_prefix('x') {
                Some(hex) => (hex, 16),
                None => (number, 10),
            };
            if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return None;
            }
            char::from_u32(u32::from_str_radix(digits, radix).ok()?)
        }
    }
}
