//! Credentials in the query: presigned URLs.

use super::header::valid_signed_headers;
use super::{Claim, EXPIRES_SECONDS_MAX, SKEW_MS_MAX, Scope, no_session_token, parse_signature};
use crate::base::Timestamp;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::head::RequestHead;
use crate::s3::query::Query;
use crate::s3::time::{self, AmzTime};

/// The parameters of the signature.
pub(super) struct Parts<'a> {
    scope: Scope<'a>,
    signed_headers: &'a str,
    signature: [u8; 32],
    date: (Timestamp, AmzTime),
    expires_seconds: u64,
    payload: Option<&'a str>,
}

/// Parses the parameters, each of which must be there exactly once.
pub(super) fn parse<'a>(query: &'a Query<'_>) -> Result<Parts<'a>> {
    let invalid =
        |what: &'static str| S3Error::new(ErrorCode::AuthorizationQueryParametersError, what);
    let optional = |name: &str| {
        let mut found = query
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value);
        let first = found.next();
        if found.next().is_some() {
            return Err(invalid(
                "A query parameter of the signature was sent more than once.",
            ));
        }
        Ok(first)
    };
    let required = |name: &str| {
        optional(name)?.ok_or_else(|| {
            invalid(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, \
                 X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and \
                 X-Amz-Expires parameters.",
            )
        })
    };
    let algorithm = required("X-Amz-Algorithm")?;
    let credential = required("X-Amz-Credential")?;
    let signature = required("X-Amz-Signature")?;
    let date = required("X-Amz-Date")?;
    let signed_headers = required("X-Amz-SignedHeaders")?;
    let expires = required("X-Amz-Expires")?;
    if algorithm != "AWS4-HMAC-SHA256" {
        return Err(invalid(
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
        ));
    }
    no_session_token(optional("X-Amz-Security-Token")?.map(str::as_bytes))?;
    let scope = Scope::parse(credential).ok_or_else(|| {
        invalid(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; \
             expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        )
    })?;
    if !valid_signed_headers(signed_headers) {
        return Err(invalid(
            "X-Amz-SignedHeaders is not a list of lower-case names.",
        ));
    }
    let date = time::parse_amz_text(date).ok_or_else(|| {
        invalid("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    })?;
    Ok(Parts {
        scope,
        signed_headers,
        signature: parse_signature(signature.as_bytes())
            .ok_or_else(|| invalid("X-Amz-Signature is not 64 hexadecimal digits."))?,
        date,
        expires_seconds: parse_expires(expires)?,
        payload: optional("X-Amz-Content-Sha256")?,
    })
}

fn parse_expires(text: &str) -> Result<u64> {
    let number: i64 = text.parse().map_err(|_| {
        S3Error::new(
            ErrorCode::AuthorizationQueryParametersError,
            "X-Amz-Expires should be a number",
        )
    })?;
    match u64::try_from(number) {
        Ok(seconds @ 1..=EXPIRES_SECONDS_MAX) => Ok(seconds),
        _ => Err(S3Error::new(
            ErrorCode::AccessDenied,
            "X-Amz-Expires must be at least 1 and at most 604800 seconds (a week).",
        )),
    }
}

/// Adds what the headers say. The body is unsigned unless the URL or a signed header has its hash.
pub(super) fn claim<'a, H: RequestHead>(parts: &Parts<'a>, head: &'a H) -> Result<Claim<'a>> {
    no_session_token(head.header("x-amz-security-token"))?;
    let header_is_signed = parts
        .signed_headers
        .split(';')
        .any(|name| name == "x-amz-content-sha256");
    let payload = match (parts.payload, head.header("x-amz-content-sha256")) {
        (Some(text), _) => text.as_bytes(),
        (None, Some(value)) if header_is_signed => super::payload::ascii(value)?,
        (None, _) => b"UNSIGNED-PAYLOAD",
    };
    Ok(Claim {
        scope: parts.scope,
        signed_headers: parts.signed_headers,
        signature: parts.signature,
        date: parts.date.0,
        amz_date: parts.date.1,
        payload,
        presigned: true,
    })
}

/// Checks that the URL is valid now.
pub(super) fn check_time(parts: &Parts<'_>, date: Timestamp, now: Timestamp) -> Result<()> {
    if date.0 > now.0 + SKEW_MS_MAX {
        return Err(S3Error::new(
            ErrorCode::AccessDenied,
            "Request is not yet valid",
        ));
    }
    let expires = Timestamp(date.0 + parts.expires_seconds * 1000);
    if now > expires {
        return Err(S3Error::new(ErrorCode::AccessDenied, "Request has expired")
            .with("X-Amz-Expires", parts.expires_seconds.to_string())
            .with("Expires", time::format_iso8601(expires))
            .with("ServerTime", time::format_iso8601(now)));
    }
    Ok(())
}
