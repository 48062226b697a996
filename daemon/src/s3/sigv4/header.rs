//! Credentials in the `Authorization` header.

use super::{Claim, SKEW_MS_MAX, Scope, no_session_token, parse_signature};
use crate::base::Timestamp;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::head::RequestHead;
use crate::s3::time::{self, AmzTime};

/// The components of the header.
pub(super) struct Parts<'a> {
    scope: Scope<'a>,
    signed_headers: &'a str,
    signature: [u8; 32],
}

/// Parses what follows `AWS4-HMAC-SHA256`: three components, each exactly once.
pub(super) fn parse(text: &str) -> Result<Parts<'_>> {
    let malformed = |what: &str| {
        S3Error::new(
            ErrorCode::AuthorizationHeaderMalformed,
            format!("The authorization header is malformed; {what}"),
        )
    };
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (component, after) = match cut(text, b',') {
            Some((component, after)) => (component, Some(after)),
            None => (text, None),
        };
        rest = after;
        let (name, value) = cut(component.trim_ascii(), b'=')
            .ok_or_else(|| malformed("a component is not of the form name=value."))?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return Err(malformed("it has an unknown component.")),
        };
        if slot.replace(value).is_some() {
            return Err(malformed("it has a component twice."));
        }
    }
    let (Some(credential), Some(signed_headers), Some(signature)) =
        (credential, signed_headers, signature)
    else {
        return Err(malformed(
            "the authorization header requires three components: Credential, SignedHeaders, and \
             Signature.",
        ));
    };
    let scope = Scope::parse(credential).ok_or_else(|| {
        malformed(
            "the Credential is mal-formed; expecting \
             \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        )
    })?;
    if !valid_signed_headers(signed_headers) {
        return Err(malformed(
            "SignedHeaders is not a list of lower-case names.",
        ));
    }
    let signature = parse_signature(signature.as_bytes())
        .ok_or_else(|| malformed("Signature is not 64 hexadecimal digits."))?;
    Ok(Parts {
        scope,
        signed_headers,
        signature,
    })
}

/// Which bytes a list of header names may have.
static IN_NAMES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[byte as usize] = !byte.is_ascii_uppercase() && byte != b':';
        }
        byte += 1;
    }
    table
};

/// Splits a text at the first of an ASCII byte, without it.
fn cut(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(byte, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Whether a list of signed headers is one: lower-case names, none twice.
pub(super) fn valid_signed_headers(list: &str) -> bool {
    let good = |b: &u8| IN_NAMES.get(usize::from(*b)).copied().unwrap_or(false);
    if !list.as_bytes().iter().fold(true, |all, b| all & good(b)) {
        return false;
    }
    // In order, as clients send them, each is compared with its neighbour only.
    let (mut before, mut rest, mut ordered) = (&b""[..], list.as_bytes(), true);
    loop {
        let end = memchr::memchr(b';', rest);
        let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if name.is_empty() {
            return false;
        }
        ordered &= before < name;
        before = name;
        match end {
            Some(end) => rest = rest.get(end + 1..).unwrap_or_default(),
            None if ordered => return true,
            None => break,
        }
    }
    let names = || list.as_bytes().split(|b| *b == b';');
    let unique = |(at, name)| !names().skip(at + 1).any(|other| other == name);
    names().count() <= crate::base::limits::HTTP_HEADERS_MAX && names().enumerate().all(unique)
}

/// Adds what the other headers say.
pub(super) fn claim<'a, H: RequestHead>(parts: &Parts<'a>, head: &'a H) -> Result<Claim<'a>> {
    no_session_token(head.header("x-amz-security-token"))?;
    let text = head
        .header("x-amz-date")
        .or_else(|| head.header("date"))
        .and_then(|value| std::str::from_utf8(value).ok())
        .unwrap_or_default();
    let (date, amz_date) = time::parse_amz_text(text)
        .or_else(|| time::parse_http(text).map(|date| (date, AmzTime::new(date))))
        .ok_or_else(|| {
            S3Error::new(
                ErrorCode::AccessDenied,
                "AWS authentication requires a valid Date or x-amz-date header",
            )
        })?;
    if head.header_count("x-amz-content-sha256") > 1 || head.header_count("x-amz-date") > 1 {
        return Err(S3Error::new(
            ErrorCode::InvalidRequest,
            "A header of the signature was sent more than once.",
        ));
    }
    let payload = head.header("x-amz-content-sha256").ok_or_else(|| {
        S3Error::new(
            ErrorCode::InvalidRequest,
            "Missing required header for this request: x-amz-content-sha256",
        )
    })?;
    Ok(Claim {
        scope: parts.scope,
        signed_headers: parts.signed_headers,
        signature: parts.signature,
        date,
        amz_date,
        payload: super::payload::ascii(payload)?,
        presigned: false,
    })
}

/// Checks that client and server agree about the time.
pub(super) fn check_time(date: Timestamp, now: Timestamp) -> Result<()> {
    if date.0.abs_diff(now.0) <= SKEW_MS_MAX {
        return Ok(());
    }
    Err(S3Error::from(ErrorCode::RequestTimeTooSkewed)
        .with("RequestTime", time::format_amz(date))
        .with("ServerTime", time::format_iso8601(now))
        .with("MaxAllowedSkewMilliseconds", SKEW_MS_MAX.to_string()))
}
