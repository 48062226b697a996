//! Signature Version 4 a second time, written from AWS's description and as plainly as can be: texts,
//! sorted lists, no caches. It shares no line with the daemon's.

use chainringd::s3::head::PlainHead;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub const ACCESS_KEY: &str = "AK";
pub const SECRET: &str = "secret";
pub const DATE: &str = "20231114T221320Z";
/// The same in milliseconds since 1970.
pub const NOW: u64 = 1_700_000_000_000;
pub const SCOPE: &str = "20231114/us-east-1/s3/aws4_request";

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// Signs a string to sign.
pub fn sign(text: &str) -> String {
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in SCOPE.split('/') {
        key = mac(&key, part.as_bytes());
    }
    hex(&mac(&key, text.as_bytes()))
}

/// The signature of a canonical request.
pub fn sign_request(canonical: &[u8]) -> String {
    sign(&format!(
        "AWS4-HMAC-SHA256\n{DATE}\n{SCOPE}\n{}",
        sha256(canonical)
    ))
}

/// Undoes percent-encoding; `None` where a `%` is not followed by two digits.
pub fn decode(text: &[u8], plus_is_blank: bool) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'%' => {
                let digits = std::str::from_utf8(text.get(at + 1..at + 3)?).ok()?;
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                out.push(u8::from_str_radix(digits, 16).ok()?);
                at += 2;
            }
            b'+' if plus_is_blank => out.push(b' '),
            byte => out.push(byte),
        }
        at += 1;
    }
    Some(out)
}

fn encode(bytes: &[u8], slash: bool) -> String {
    let mut out = String::new();
    for byte in bytes {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        if plain || (*byte == b'/' && slash) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn canonical_query(query: &[u8]) -> Option<String> {
    let mut pairs = Vec::new();
    for pair in query.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = encode(&decode(halves.next()?, true)?, false);
        let value = encode(&decode(halves.next().unwrap_or_default(), true)?, false);
        // Names of the signature's own parameters are read in any case.
        if !name.eq_ignore_ascii_case("X-Amz-Signature") {
            pairs.push((name, value));
        }
    }
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
    Some(pairs.join("&"))
}

/// The canonical request of a head whose signature covers the headers of these names. `None` when
/// path or query are not encoded as they must be.
pub fn canonical(head: &PlainHead, signed: &[String], payload: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let path = encode(&decode(&head.path, false)?, true);
    for line in [head.method.as_str(), &path, &canonical_query(&head.query)?] {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    for name in signed {
        let values: Vec<Vec<u8>> = head
            .headers
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| {
                let words: Vec<&[u8]> = value
                    .split(|b| *b == b' ' || *b == b'\t')
                    .filter(|word| !word.is_empty())
                    .collect();
                words.join(&b' ')
            })
            .collect();
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(&values.join(&b','));
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed.join(";").as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload.as_bytes());
    Some(out)
}

/// The names of a head's headers, sorted, each once.
pub fn names(head: &PlainHead) -> Vec<String> {
    let mut names: Vec<String> = head.headers.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Adds the `Authorization` header for all headers that are there; returns the signature.
pub fn authorize(head: &mut PlainHead, payload: &str) -> Option<String> {
    let signed = names(head);
    let signature = sign_request(&canonical(head, &signed, payload)?);
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{SCOPE},SignedHeaders={},Signature={signature}",
        signed.join(";")
    );
    head.set("authorization", value);
    Some(signature)
}
