//! The credential of a signature: access key and scope.

use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::time::AmzTime;

/// `ACCESS_KEY/20130524/us-east-1/s3/aws4_request`, split. The access key may hold slashes itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    credential: &'a str,
    pub access_key: &'a str,
    pub date: &'a str,
    pub region: &'a str,
    pub service: &'a str,
    terminal: &'a str,
}

/// Splits a text at its last slash.
fn cut_last(text: &str) -> Option<(&str, &str)> {
    let at = memchr::memrchr(b'/', text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

impl<'a> Scope<'a> {
    /// Splits a credential.
    pub fn parse(credential: &'a str) -> Option<Self> {
        let (rest, terminal) = cut_last(credential)?;
        let (rest, service) = cut_last(rest)?;
        let (rest, region) = cut_last(rest)?;
        let (access_key, date) = cut_last(rest).filter(|(key, _)| !key.is_empty())?;
        Some(Self {
            credential,
            access_key,
            date,
            region,
            service,
            terminal,
        })
    }

    /// Checks that the scope is ours and of the day the request says.
    pub fn check(&self, region: &str, time: &AmzTime, presigned: bool) -> Result<()> {
        let (code, start) = if presigned {
            (
                ErrorCode::AuthorizationQueryParametersError,
                "Error parsing the X-Amz-Credential parameter",
            )
        } else {
            (
                ErrorCode::AuthorizationHeaderMalformed,
                "The authorization header is malformed",
            )
        };
        let fail = |what: String| Err(S3Error::new(code, format!("{start}; {what}")));
        if self.terminal != "aws4_request" {
            let terminal = self.terminal;
            return fail(format!(
                "incorrect terminal \"{terminal}\". This endpoint uses \"aws4_request\"."
            ));
        }
        if self.service != "s3" {
            let service = self.service;
            return fail(format!(
                "incorrect service \"{service}\". This endpoint belongs to \"s3\"."
            ));
        }
        if self.region != region {
            let wrong = self.region;
            return fail(format!(
                "the region '{wrong}' is wrong; expecting '{region}'"
            ))
            .map_err(|error: S3Error| error.with("Region", region));
        }
        if time.day() != self.date.as_bytes() {
            let date = self.date;
            return fail(format!(
                "Invalid credential date \"{date}\". This date is not the same as X-Amz-Date: \
                 \"{}\".",
                String::from_utf8_lossy(time.day())
            ));
        }
        Ok(())
    }

    /// The whole credential, access key and scope.
    pub const fn credential(&self) -> &'a str {
        self.credential
    }

    /// The scope alone, as it stands in the string to sign.
    pub fn text(&self) -> &'a str {
        self.credential
            .get(self.access_key.len() + 1..)
            .unwrap_or_default()
    }
}
