//! The parser and the search for the end of the file: every cut of the input gives the same, and a
//! simple reading of the whole buffer agrees.

use super::{Delimiter, Form, Parser, Sought};
use crate::base::limits::{FORM_BYTES_MAX, FORM_FIELDS_MAX};
use crate::s3::error::{ErrorCode, Result};
use proptest::prelude::*;

fn delimiter() -> Delimiter {
    Delimiter::new(b"XX").unwrap()
}

type Pairs = Vec<(String, Vec<u8>)>;

/// Parses a form that comes in pieces; the form and the content of its file.
fn parse(pieces: &[&[u8]]) -> Result<(Form, Option<Vec<u8>>)> {
    let mut parser = Parser::new(delimiter());
    let mut pieces = pieces.iter();
    let mut held: Vec<u8> = Vec::new();
    loop {
        let Some(piece) = pieces.next() else {
            return parser.finish().map(|(form, _)| (form, None));
        };
        if let Some(before) = parser.push(piece)? {
            held.extend_from_slice(&piece[before..]);
            break;
        }
    }
    let (form, delimiter) = parser.finish()?;
    let mut content = Vec::new();
    loop {
        match delimiter.seek(&held) {
            Sought::Found(count) => {
                content.extend_from_slice(&held[..count]);
                return Ok((form, Some(content)));
            }
            Sought::Open(count) => {
                content.extend(held.drain(..count));
                assert!(held.len() < delimiter.bytes().len());
            }
        }
        match pieces.next() {
            Some(piece) => held.extend_from_slice(piece),
            None => return Ok((form, None)),
        }
    }
}

/// The same by looking at everything at once.
fn oracle(whole: &[u8]) -> Option<(Pairs, Vec<u8>)> {
    let text: String = whole.iter().map(|b| char::from(*b)).collect();
    let bytes = |text: &str| text.chars().map(|c| c as u8).collect::<Vec<u8>>();
    let text = format!("\r\n{text}");
    let mut fields = Vec::new();
    for part in text.split("\r\n--XX").skip(1) {
        let part = part.trim_start_matches([' ', '\t']).strip_prefix("\r\n")?;
        let (head, content) = part.split_once("\r\n\r\n")?;
        let name = head.split("name=\"").nth(1)?.split('"').next()?;
        if name == "file" {
            // Not the last part, so a delimiter followed it.
            let closed = text.matches("\r\n--XX").count() > fields.len() + 1;
            return closed.then(|| (fields, bytes(content)));
        }
        fields.push((name.to_owned(), bytes(content)));
    }
    None
}

fn form(fields: &[(&str, &str)], filename: &str, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        out.extend_from_slice(part.as_bytes());
    }
    let part = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\
         Content-Type: a/b\r\n\r\n"
    );
    out.extend_from_slice(part.as_bytes());
    out.extend_from_slice(content);
    out.extend_from_slice(b"\r\n--XX--\r\n");
    out
}

#[test]
fn every_cut_gives_the_same() {
    let content = b"a\r\n--X\r\r\n--\r\n\r\n-\r\n-- XX\r\n--Xx--\r";
    let fields = [
        ("Key", "a/${filename}"),
        ("acl", ""),
        ("x-ignore-y", "\r\n--X\r\n"),
    ];
    let mut whole = form(&fields, r"C:\in\b.txt", content);
    whole.extend_from_slice(b"--XX\r\nContent-Disposition: form-data; name=\"late\"\r\n\r\nno");
    let (parsed, found) = parse(&[&whole]).unwrap();
    assert_eq!(parsed.get("key"), Some(&b"a/b.txt"[..]));
    assert_eq!(parsed.get("acl"), Some(&b""[..]));
    assert_eq!(parsed.get("x-ignore-y"), Some(&b"\r\n--X\r\n"[..]));
    assert_eq!(parsed.get("late"), None);
    assert_eq!(found.as_deref(), Some(&content[..]));
    for first in 0..whole.len() {
        let (a, rest) = whole.split_at(first);
        assert_eq!(
            parse(&[a, rest]).unwrap(),
            (parsed.clone(), found.clone()),
            "{first}"
        );
        let (b, c) = rest.split_at((first * 7) % (rest.len() + 1));
        let cut = parse(&[a, b, c]).unwrap();
        assert_eq!(cut, (parsed.clone(), found.clone()), "{first}");
    }
    let single: Vec<&[u8]> = whole.chunks(1).collect();
    assert_eq!(parse(&single).unwrap(), (parsed, found));
}

#[test]
fn what_is_no_form() {
    let part = "Content-Disposition: form-data; name=\"a\"";
    for (text, code) in [
        (String::new(), ErrorCode::MalformedPOSTRequest),
        ("no delimiter".into(), ErrorCode::MalformedPOSTRequest),
        ("--XX--\r\n".into(), ErrorCode::InvalidArgument),
        (
            format!("--XX\r\n{part}\r\n\r\nv\r\n--XX--\r\n"),
            ErrorCode::InvalidArgument,
        ),
        (
            format!("--XX\r\n{part}\r\n\r\nv"),
            ErrorCode::MalformedPOSTRequest,
        ),
        (
            format!("--XXY\r\n{part}\r\n\r\nv\r\n--XX--"),
            ErrorCode::MalformedPOSTRequest,
        ),
        (
            format!("--XX\r\n{part}\r\n{part}\r\n\r\nv\r\n--XX--"),
            ErrorCode::MalformedPOSTRequest,
        ),
        (
            format!("--XX\r\n{part}\n\r\n\r\nv\r\n--XX--"),
            ErrorCode::MalformedPOSTRequest,
        ),
        (
            format!("--XX\r\n{part}\r\n folded\r\n\r\nv\r\n--XX--"),
            ErrorCode::MalformedPOSTRequest,
        ),
        (
            format!("--XX\r\n{part}\r\nContent-Transfer-Encoding: base64\r\n\r\nv\r\n--XX--"),
            ErrorCode::MalformedPOSTRequest,
        ),
        (
            "--XX\r\n\r\nv\r\n--XX--".into(),
            ErrorCode::MalformedPOSTRequest,
        ),
        (
            "--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nv".into(),
            ErrorCode::MalformedPOSTRequest,
        ),
        (
            "--XX\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nv".into(),
            ErrorCode::MalformedPOSTRequest,
        ),
    ] {
        assert_eq!(parse(&[text.as_bytes()]).unwrap_err().code, code, "{text}");
        let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(parse(&single).unwrap_err().code, code, "{text}");
    }
}

#[test]
fn limits_hold_to_the_byte() {
    let empty = form(&[("a", "")], "", b"");
    let before = empty.len() - b"\r\n--XX--\r\n".len();
    for (more, fits) in [(0, true), (1, false)] {
        let value = "v".repeat(FORM_BYTES_MAX - before + more);
        let whole = form(&[("a", &value)], "", b"content");
        for size in [1, 1000, whole.len()] {
            let pieces: Vec<&[u8]> = whole.chunks(size).collect();
            match parse(&pieces) {
                Ok((_, content)) => assert!(fits && content.is_some()),
                Err(error) => {
                    assert!(!fits);
                    let code = ErrorCode::MaxPostPreDataLengthExceededError;
                    assert_eq!(error.code, code);
                }
            }
        }
    }
    let names: Vec<String> = (0..=FORM_FIELDS_MAX).map(|n| format!("f{n}")).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert!(parse(&[&form(&fields[1..], "", b"")]).is_ok());
    assert!(parse(&[&form(&fields, "", b"")]).is_err());
    let long = "x".repeat(5000);
    assert!(parse(&[&form(&[], &long, b"")]).is_err());
}

#[test]
fn boundaries() {
    for (good, boundary) in [
        (true, &b"a"[..]),
        (true, &[b'-'; 70]),
        (true, b"a b:?'()+_,-./="),
        (false, b""),
        (false, &[b'-'; 71]),
        (false, b"a "),
        (false, b"a\r\nb"),
        (false, b"\xff"),
    ] {
        assert_eq!(Delimiter::new(boundary).is_some(), good, "{boundary:?}");
    }
}

proptest! {
    /// Pieces of what forms are made of, in any order and cut anywhere.
    #[test]
    fn a_simple_reading_of_the_whole_agrees(
        fields in proptest::collection::vec(("[a-e]", "(\r|\n|-|X|--XX|\r\n--|a){0,6}"), 0..4),
        content in "(\r|\n|-|X|--XX|\r\n--X|a){0,12}",
        preamble in "(|--X|\r\n--|a\r\n)",
        cuts in proptest::collection::vec(0usize..400, 0..6),
    ) {
        let pairs: Vec<(&str, &str)> =
            fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut whole = preamble.as_bytes().to_vec();
        if !preamble.is_empty() {
            whole.extend_from_slice(b"\r\n");
        }
        whole.extend(form(&pairs, "f", content.as_bytes()));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(whole.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&whole[from..cut]);
            from = cut;
        }
        pieces.push(&whole[from..]);
        let cut = parse(&pieces);
        let at_once = parse(&[&whole]);
        prop_assert_eq!(&cut, &at_once);
        if let (Ok((form, Some(found))), Some((expected, body))) = (&at_once, oracle(&whole)) {
            let fields: Vec<(String, Vec<u8>)> =
                form.iter().map(|(n, v)| (n.to_owned(), v.to_vec())).collect();
            prop_assert_eq!(fields, expected);
            prop_assert_eq!(found, &body);
        }
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        // Nothing but a field twice or a boundary in a value is refused.
        let inside = fields.iter().any(|(_, v)| format!("\r\n{v}").contains("\r\n--XX"));
        if names.len() == pairs.len() && !inside {
            prop_assert!(at_once.is_ok(), "{:?}", at_once);
        }
    }

    #[test]
    fn any_bytes_parse_without_panic(bytes: Vec<u8>, cut in 0usize..100) {
        let cut = cut.min(bytes.len());
        prop_assert_eq!(parse(&[&bytes]), parse(&[&bytes[..cut], &bytes[cut..]]));
    }
}
