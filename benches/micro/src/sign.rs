//! Signatures for requests of a fixed moment, that of the simulated clock.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The user's access key.
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// The user's secret.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The server's region.
pub const REGION: &str = "us-east-1";
/// SHA-256 of an empty body.
pub const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const DATE: &str = "20260101T000000Z";
const SCOPE: &str = "20260101/us-east-1/s3/aws4_request";
const HOST: &str = "127.0.0.1:9000";

/// The headers of a signed request, `Host` among them. `query` must be sorted and encoded.
pub fn headers(method: &str, path: &str, query: &str) -> Vec<(&'static str, String)> {
    let names = "host;x-amz-content-sha256;x-amz-date";
    let canonical = format!(
        "{method}\n{path}\n{query}\nhost:{HOST}\nx-amz-content-sha256:{EMPTY}\nx-amz-date:{DATE}\n\n\
         {names}\n{EMPTY}"
    );
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{SCOPE}, SignedHeaders={names}, Signature={}",
        signature(&canonical)
    );
    // As boto3 sends them.
    vec![
        ("Host", HOST.to_owned()),
        ("Accept-Encoding", "identity".to_owned()),
        (
            "User-Agent",
            "Boto3/1.35.0 md/Botocore#1.35.0 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.11"
                .to_owned(),
        ),
        ("X-Amz-Date", DATE.to_owned()),
        ("X-Amz-Content-SHA256", EMPTY.to_owned()),
        ("Authorization", authorization),
        (
            "amz-sdk-invocation-id",
            "01234567-89ab-cdef-0123-456789abcdef".to_owned(),
        ),
        ("amz-sdk-request", "attempt=1".to_owned()),
    ]
}

/// The head of a signed request without a body.
pub fn head(method: &str, path: &str, query: &str) -> Vec<u8> {
    let mark = if query.is_empty() { "" } else { "?" };
    let mut head = format!("{method} {path}{mark}{query} HTTP/1.1\r\n");
    for (name, value) in headers(method, path, query) {
        // Writing to a string cannot fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// The query of a presigned request.
pub fn presigned(method: &str, path: &str) -> String {
    let credential = format!("{ACCESS_KEY}/{SCOPE}").replace('/', "%2F");
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={DATE}\
         &X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
    );
    let canonical = format!("{method}\n{path}\n{query}\nhost:{HOST}\n\nhost\nUNSIGNED-PAYLOAD");
    format!("{query}&X-Amz-Signature={}", signature(&canonical))
}

/// The `Host` header of every request.
pub const fn host() -> &'static str {
    HOST
}

fn signature(canonical: &str) -> String {
    let hash = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{DATE}\n{SCOPE}\n{hash}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in SCOPE.split('/') {
        key = hmac(&key, part.as_bytes());
    }
    hex(&hmac(&key, text.as_bytes()))
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
