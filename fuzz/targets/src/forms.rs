//! Uploads by form: the parser of multipart/form-data, and policies.

use crate::input::Input;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chainringd::base::Timestamp;
use chainringd::s3::form::{Delimiter, Form, Parser, Policy, Sought, Success, Value, parse_json};
use serde_json::Value as Json;

const BOUNDARY: &[u8] = b"XX";

type Fields = Vec<(String, Vec<u8>)>;

fn fields(form: &Form) -> Fields {
    let owned = |(name, value): (&str, &[u8])| (name.to_owned(), value.to_vec());
    form.iter().map(owned).collect()
}

/// The form and the content of its file, when `step` bytes come at a time. No content: its end did
/// not come.
fn read(wire: &[u8], step: usize) -> Option<(Form, Option<Vec<u8>>)> {
    let mut parser = Parser::new(Delimiter::new(BOUNDARY).unwrap());
    let mut chunks = wire.chunks(step);
    let mut held = Vec::new();
    loop {
        let chunk = chunks.next()?;
        if let Some(before) = parser.push(chunk).ok()? {
            assert!(before <= chunk.len(), "more than there is");
            held.extend_from_slice(&chunk[before..]);
            break;
        }
    }
    let (form, delimiter) = parser.finish().ok()?;
    let mut content = Vec::new();
    loop {
        let sought = delimiter.seek(&held);
        let (Sought::Found(count) | Sought::Open(count)) = sought;
        content.extend(held.drain(..count));
        if let Sought::Found(_) = sought {
            return Some((form, Some(content)));
        }
        assert!(
            held.len() < delimiter.bytes().len(),
            "too much is held back"
        );
        match chunks.next() {
            Some(chunk) => held.extend_from_slice(chunk),
            None => return Some((form, None)),
        }
    }
}

/// Where a piece begins in a text.
fn position(text: &[u8], piece: &[u8]) -> Option<usize> {
    text.windows(piece.len()).position(|window| window == piece)
}

/// What a plain reading of the whole finds in a form that is accepted: values, and the content.
fn plain(wire: &[u8], count: usize) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
    let delimiter = [b"\r\n--", BOUNDARY].concat();
    let mut rest = [b"\r\n", wire].concat();
    let mut values = Vec::new();
    for _ in 0..=count {
        let at = position(&rest, &delimiter).unwrap();
        rest.drain(..at + delimiter.len());
        let at = position(&rest, b"\r\n\r\n").unwrap();
        rest.drain(..at + 4);
        match position(&rest, &delimiter) {
            Some(end) => values.push(rest[..end].to_vec()),
            None => return (values, None),
        }
    }
    let content = values.pop();
    (values, content)
}

/// Any bytes as a form.
pub fn form(data: &[u8]) {
    let whole = read(data, data.len().max(1));
    for step in [1, 7] {
        assert_eq!(read(data, step), whole, "cut differently");
    }
    let Some((form, content)) = whole else {
        return;
    };
    let fields = fields(&form);
    let (values, file) = plain(data, fields.len());
    assert_eq!(file, content);
    for ((name, value), plain) in fields.iter().zip(&values) {
        // A key may have got the name of the file.
        assert!(value == plain || name == "key", "{name}");
        assert_eq!(fields.iter().filter(|(other, _)| other == name).count(), 1);
    }
    if let Ok(head) = form.as_head() {
        for (name, value) in &head.headers {
            let bad = |b: &u8| (*b < b' ' && *b != b'\t') || *b == 0x7f;
            assert!(!value.iter().any(bad), "{name} would break a head");
        }
    }
    let key = form.text("key").ok().flatten().unwrap_or_default();
    if let Success::Redirect(url) = Success::of(&form, "b", key, "e") {
        assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url}");
    }
}

fn same(ours: &Value, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Value::Text(a), Json::String(b)) => a == b,
        (Value::Number(a), Json::Number(b)) => Some(*a) == b.as_u64(),
        (Value::Other, Json::Number(b)) => b.as_u64().is_none(),
        (Value::Other, Json::Bool(_) | Json::Null) => true,
        (Value::List(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        // The other one keeps the last of equal names.
        (Value::Object(a), Json::Object(b)) => b.iter().all(|(name, theirs)| {
            let ours = a.iter().rfind(|(other, _)| other == name);
            ours.is_some_and(|(_, ours)| same(ours, theirs))
        }),
        _ => false,
    }
}

/// Whether a form meets a policy, read by the other parser.
fn allowed(policy: &Json, fields: &Fields) -> bool {
    let with_bucket: Vec<(&str, &[u8])> = fields
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_slice()))
        .chain([("bucket", &b"b"[..])])
        .collect();
    let Some(conditions) = policy["conditions"].as_array() else {
        return false;
    };
    let mut spoken_of: Vec<String> = Vec::new();
    for condition in conditions {
        let (prefix, name, wanted) = match condition {
            Json::Object(one) => {
                let (name, wanted) = one.iter().next().unwrap();
                (false, name.clone(), wanted.as_str().unwrap().to_owned())
            }
            list if list[1].is_string() && list[1].as_str().unwrap().starts_with('$') => {
                let prefix = list[0]
                    .as_str()
                    .unwrap()
                    .eq_ignore_ascii_case("starts-with");
                let name = list[1].as_str().unwrap()[1..].to_owned();
                (prefix, name, list[2].as_str().unwrap().to_owned())
            }
            _ => continue,
        };
        let name = name.to_ascii_lowercase();
        let wanted = wanted.as_bytes();
        let mut of_name = with_bucket.iter().filter(|(n, _)| *n == name).peekable();
        let holds = |value: &[u8]| match prefix {
            true => value.starts_with(wanted),
            false => value == wanted,
        };
        if of_name.peek().is_none() || !of_name.all(|(_, value)| holds(value)) {
            return false;
        }
        spoken_of.push(name);
    }
    let exempt = ["policy", "signature", "awsaccesskeyid", "x-amz-signature"];
    with_bucket.iter().all(|(name, _)| {
        exempt.contains(name)
            || name.starts_with("x-ignore-")
            || spoken_of.iter().any(|known| known == name)
    })
}

/// Lines of fields (`name=value`) up to an empty one, then a policy document.
pub fn policy(data: &[u8]) {
    let mut input = Input(data);
    let mut fields = Fields::new();
    loop {
        let line = input.line();
        let Some(at) = position(line, b"=") else {
            break;
        };
        let name = String::from_utf8_lossy(&line[..at]).to_ascii_lowercase();
        fields.push((name, line[at + 1..].to_vec()));
    }
    let text = input.0;
    let theirs: Option<Json> = serde_json::from_slice(text).ok();
    let ours = std::str::from_utf8(text).ok().and_then(parse_json);
    if let (Some(ours), Some(theirs)) = (&ours, &theirs) {
        assert!(same(ours, theirs), "{ours:?} {theirs:?}");
    }
    // Ours is stricter about depth, and knows two escapes more; a number without end is none of ours.
    let odd = text.contains(&b'\\') || text.contains(&b'e') || text.contains(&b'E');
    assert!(ours.is_none() || theirs.is_some() || odd);
    let Ok(policy) = Policy::parse(&STANDARD.encode(text)) else {
        return;
    };
    let Ok(form) = Form::new(fields.clone(), b"file") else {
        return;
    };
    let judged = policy.judge(&form, "b", Timestamp(0));
    let expired = matches!(&judged, Err(error) if error.message.contains("expired"));
    // Lists of types are judged item by item, which the plain reading does not know.
    let kind = form.get("content-type").unwrap_or_default();
    let listed = kind.contains(&b',') || kind.first().is_some_and(u8::is_ascii_whitespace);
    if let (Some(theirs), false) = (theirs, listed || expired) {
        assert_eq!(allowed(&theirs, &fields), judged.is_ok(), "{fields:?}");
    }
}
