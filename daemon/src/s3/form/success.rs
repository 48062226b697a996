//! What a form wants to be told when its file is stored.

use super::fields::Form;
use crate::s3::percent::push_encoded;

/// How success is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Success {
    /// By sending the browser there.
    Redirect(String),
    /// By this status: 200, 201 or 204.
    Status(u16),
}

impl Success {
    /// What a form asks for. A URL or a status that makes no sense counts as none, as S3 has it.
    /// `etag` is without quotes.
    #[must_use]
    pub fn of(form: &Form, bucket: &str, key: &str, etag: &str) -> Self {
        let url = form
            .get("success_action_redirect")
            .or_else(|| form.get("redirect"))
            .and_then(valid_url);
        match (url, form.get("success_action_status")) {
            (Some(url), _) => Self::Redirect(with_query(url, bucket, key, etag)),
            (None, Some(b"200")) => Self::Status(200),
            (None, Some(b"201")) => Self::Status(201),
            (None, _) => Self::Status(204),
        }
    }
}

/// An absolute URL of the web in visible ASCII: nothing that could end a header.
fn valid_url(value: &[u8]) -> Option<&str> {
    let url = std::str::from_utf8(value).ok()?.trim();
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    let (scheme, rest) = url.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let has_host = !rest.is_empty() && !rest.starts_with(['/', '?', '#']);
    (web && has_host && url.bytes().all(plain)).then_some(url)
}

fn with_query(url: &str, bucket: &str, key: &str, etag: &str) -> String {
    let (place, fragment) = match url.find('#').and_then(|at| url.split_at_checked(at)) {
        Some((place, fragment)) => (place, fragment),
        None => (url, ""),
    };
    let mut out = place.as_bytes().to_vec();
    out.push(if place.contains('?') { b'&' } else { b'?' });
    for (name, value) in [("bucket=", bucket), ("&key=", key), ("&etag=%22", etag)] {
        out.extend_from_slice(name.as_bytes());
        for byte in value.bytes() {
            push_encoded(&mut out, byte);
        }
    }
    out.extend_from_slice(b"%22");
    out.extend_from_slice(fragment.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}
