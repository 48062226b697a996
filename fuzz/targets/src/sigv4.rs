//! Signatures: what the second implementation signs is accepted; what it would sign differently is
//! not; and no bytes at all in the place of a signature let anybody in.

use crate::canonical::{
    ACCESS_KEY, DATE, NOW, SCOPE, SECRET, authorize, canonical, decode, names, sign_request,
};
use crate::input::Input;
use chainringd::base::Timestamp;
use chainringd::s3::head::PlainHead;
use chainringd::s3::query::Query;
use chainringd::s3::sigv4::{Identity, Verifier};

const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// Whether a request is let in as the user; an anonymous one is not.
pub fn lets_in(head: &PlainHead) -> bool {
    let Ok(query) = Query::parse(&head.query) else {
        return false;
    };
    let lookup = |key: &str| (key == ACCESS_KEY).then_some(((), SECRET));
    let verified = Verifier::new("us-east-1").verify(head, &query, Timestamp(NOW), lookup);
    verified.is_ok_and(|authenticated| matches!(authenticated.identity(), Identity::User(())))
}

/// What a target may be made of, as the layer below leaves it.
fn printable(bytes: &[u8], but: &[u8]) -> Vec<u8> {
    let good = |b: &&u8| (b.is_ascii_graphic() || **b >= 0x80) && !but.contains(b);
    bytes.iter().filter(good).copied().collect()
}

/// A head made of an input: path, query and some headers.
fn make(input: &mut Input<'_>) -> PlainHead {
    let mut head = PlainHead::new(METHODS[usize::from(input.byte()) % METHODS.len()], "/");
    head.path.extend(printable(input.line(), b"?#"));
    head.query = printable(input.line(), b"#");
    for at in 0..input.byte() % 4 {
        let name = ["x-amz-meta-a", "x-b", "range", "x-b"][usize::from(at)];
        let line = input.line().to_vec();
        let value: Vec<u8> = line
            .into_iter()
            .filter(|b| *b == b'\t' || *b >= b' ')
            .collect();
        head = head.with(name, value.trim_ascii());
    }
    head.with("host", "h")
}

/// Whether a query holds, however encoded, what only a signature may hold.
fn speaks_of_signatures(query: &[u8]) -> bool {
    let text = decode(query, true).unwrap_or_default().to_ascii_lowercase();
    ["x-amz-", "signature", "awsaccesskeyid"]
        .iter()
        .any(|word| {
            text.windows(word.len())
                .any(|window| window == word.as_bytes())
        })
}

/// Whether a head can be read at all: what is not can have no signature.
fn is_readable(head: &PlainHead) -> bool {
    let text = |pair: &[u8]| {
        let decoded = decode(pair, true).map(String::from_utf8);
        matches!(decoded, Some(Ok(_)))
    };
    decode(&head.path, false).is_some() && head.query.split(|b| b"&=".contains(b)).all(text)
}

/// Changes one byte of what was signed.
fn tamper(head: &mut PlainHead, input: &mut Input<'_>) {
    let (place, at, bit) = (input.byte(), usize::from(input.number()), input.byte() % 8);
    let bytes = match place % 3 {
        0 => &mut head.path,
        1 => &mut head.query,
        _ => match head
            .headers
            .iter_mut()
            .find(|(name, _)| name.starts_with("x-"))
        {
            Some((_, value)) => value,
            None => return,
        },
    };
    if let Some(count) = bytes.len().checked_sub(1) {
        bytes[at % (count + 1)] ^= 1 << bit;
    }
}

/// Signed in the `Authorization` header.
pub fn header(data: &[u8]) {
    let mut input = Input(data);
    if input.byte().is_multiple_of(4) {
        let head = make(&mut input)
            .with("x-amz-date", DATE)
            .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
            .with("authorization", [b"AWS4-HMAC-SHA256 ", input.0].concat());
        assert!(!lets_in(&head), "nobody signed this");
        return;
    }
    let mut head = make(&mut input)
        .with("x-amz-date", DATE)
        .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    let signed = names(&head);
    let Some(before) = canonical(&head, &signed, "UNSIGNED-PAYLOAD") else {
        assert!(!lets_in(&head));
        return;
    };
    authorize(&mut head, "UNSIGNED-PAYLOAD").unwrap();
    let may = is_readable(&head) && !speaks_of_signatures(&head.query);
    if may {
        assert!(lets_in(&head), "{head:?}");
    }
    let mut other = head.clone();
    tamper(&mut other, &mut input);
    if !is_readable(&other) || speaks_of_signatures(&other.query) {
        return;
    }
    let after = canonical(&other, &signed, "UNSIGNED-PAYLOAD");
    let same = after.as_ref() == Some(&before);
    assert_eq!(lets_in(&other), same && may, "{head:?} and {other:?}");
}

/// Signed in the query.
pub fn query(data: &[u8]) {
    let mut input = Input(data);
    let raw = input.byte().is_multiple_of(4);
    let mut head = make(&mut input);
    // A presigned request signs its host and whatever else its maker wanted.
    let signed = names(&head);
    if !head.query.is_empty() {
        head.query.push(b'&');
    }
    let own = head.query.clone();
    let expires = input.number();
    let parameters = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCESS_KEY}%2F{}&X-Amz-Date={DATE}\
         &X-Amz-Expires={expires}&X-Amz-SignedHeaders={}",
        SCOPE.replace('/', "%2F"),
        signed.join("%3B"),
    );
    head.query.extend_from_slice(parameters.as_bytes());
    if raw {
        head.query.extend_from_slice(b"&X-Amz-Signature=");
        head.query.extend(printable(input.0, b"#"));
        assert!(!lets_in(&head), "nobody signed this");
        return;
    }
    let Some(before) = canonical(&head, &signed, "UNSIGNED-PAYLOAD") else {
        return;
    };
    let signature = format!("&X-Amz-Signature={}", sign_request(&before));
    head.query.extend_from_slice(signature.as_bytes());
    let may = is_readable(&head) && !speaks_of_signatures(&own) && expires > 0;
    if may {
        assert!(lets_in(&head), "{head:?}");
    }
    let mut other = head.clone();
    tamper(&mut other, &mut input);
    if !is_readable(&other) {
        return;
    }
    // A changed parameter of the signature is refused or changes nothing of what was signed.
    if lets_in(&other) {
        let after = canonical(&other, &signed, "UNSIGNED-PAYLOAD");
        assert_eq!(after, Some(before), "{head:?} and {other:?}");
    }
}
