//! Credentials in the fields of a form. What is signed is the policy, as it stands in the form.

use super::{
    EXPIRES_SECONDS_MAX, SKEW_MS_MAX, Scope, no_session_token, parse_signature, version_2,
};
use crate::base::Timestamp;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::form::Form;
use crate::s3::time::{self, AmzTime};

/// What a form says about its signature.
pub(super) struct Parts<'a> {
    pub scope: Scope<'a>,
    pub signature: [u8; 32],
    pub date: Timestamp,
    pub amz_date: AmzTime,
    pub policy: &'a str,
}

/// Reads the fields, each of which must be there.
pub(super) fn parse(form: &Form) -> Result<Parts<'_>> {
    let fourth = ["x-amz-algorithm", "x-amz-credential", "x-amz-signature"];
    let is_fourth = fourth.iter().any(|name| form.get(name).is_some());
    if form.get("awsaccesskeyid").is_some() || form.get("signature").is_some() {
        return Err(match is_fourth {
            true => super::two_mechanisms(),
            false => version_2(),
        });
    }
    no_session_token(form.get("x-amz-security-token"))?;
    let algorithm = form.required("x-amz-algorithm")?;
    let credential = form.required("x-amz-credential")?;
    let date = form.required("x-amz-date")?;
    let signature = form.required("x-amz-signature")?;
    let policy = form.required("policy")?;
    if algorithm != "AWS4-HMAC-SHA256" {
        let message = "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"";
        return Err(S3Error::argument("x-amz-algorithm", algorithm, message));
    }
    let scope = Scope::parse(credential).ok_or_else(|| {
        let message = "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; \
                       expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
        S3Error::argument("x-amz-credential", credential, message)
    })?;
    let (date, amz_date) = time::parse_amz_text(date).ok_or_else(|| {
        let message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"";
        S3Error::argument("x-amz-date", date, message)
    })?;
    let signature = parse_signature(signature.as_bytes()).ok_or_else(|| {
        let message = "X-Amz-Signature is not 64 hexadecimal digits.";
        S3Error::argument("x-amz-signature", signature, message)
    })?;
    Ok(Parts {
        scope,
        signature,
        date,
        amz_date,
        policy,
    })
}

/// Checks that what signed the form is valid now. A form has no life of its own but its policy's;
/// a signing key is good for a week, as with a URL.
pub(super) fn check_time(date: Timestamp, now: Timestamp) -> Result<()> {
    if date.0 > now.0.saturating_add(SKEW_MS_MAX) {
        let message = "Request is not yet valid";
        return Err(S3Error::new(ErrorCode::AccessDenied, message));
    }
    let expires = Timestamp(date.0.saturating_add(EXPIRES_SECONDS_MAX * 1000));
    if now > expires {
        return Err(S3Error::new(ErrorCode::AccessDenied, "Request has expired")
            .with("Expires", time::format_iso8601(expires))
            .with("ServerTime", time::format_iso8601(now)));
    }
    Ok(())
}
