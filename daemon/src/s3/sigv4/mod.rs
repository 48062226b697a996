//! Who sent a request: AWS Signature Version 4 in the `Authorization` header, in the query, or in the
//! fields of a form.
//!
//! [`Authenticated`] is the only way into an operation and only [`Verifier`] makes one, so that an operation cannot be reached around the check. Every decision fails closed: what is
//! neither clearly signed nor clearly unsigned is an error, not anonymous.

mod canonical;
mod form;
mod header;
mod key;
mod payload;
mod presigned;
mod scope;

pub use payload::{ChunkSigner, Payload};

use super::error::{ErrorCode, Result, S3Error};
use super::form::Form;
use super::head::RequestHead;
use super::query::{Query, split};
use super::time::AmzTime;
use crate::base::Timestamp;
use canonical::{Canonical, EncodedSlash};
use key::{KeyCache, SigningKey, parse_signature, same};
use scope::Scope;
use std::cell::RefCell;
use std::rc::Rc;

/// How far a client's clock may be off.
pub const SKEW_MS_MAX: u64 = 15 * 60 * 1000;
/// Longest life of a presigned URL.
pub const EXPIRES_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;

/// Whom a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity<U> {
    /// Its signature was verified with this user's secret.
    User(U),
    /// It carried no credentials at all.
    Anonymous,
}

/// A request whose credentials were checked, and how its body is to be checked.
#[derive(Debug)]
pub struct Authenticated<U> {
    identity: Identity<U>,
    payload: Payload,
}

impl<U> Authenticated<U> {
    /// Whom the request comes from.
    pub const fn identity(&self) -> &Identity<U> {
        &self.identity
    }

    /// Whom the request comes from, for keeps.
    pub fn into_identity(self) -> Identity<U> {
        self.identity
    }

    /// The user, unless anonymous.
    pub const fn user(&self) -> Option<&U> {
        match &self.identity {
            Identity::User(user) => Some(user),
            Identity::Anonymous => None,
        }
    }

    /// How the body is to be checked.
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Takes what the body's decoder needs; a second call finds [`Payload::Unsigned`].
    pub const fn take_payload(&mut self) -> Payload {
        std::mem::replace(&mut self.payload, Payload::Unsigned)
    }
}

/// The secrets with which a signature may have been made.
pub trait Secrets {
    /// The one in force.
    fn current(&self) -> &[u8];

    /// The one before it, as long as it is valid, too.
    fn previous(&self) -> Option<&[u8]> {
        None
    }
}

impl Secrets for &str {
    fn current(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Verifies signatures. One per core: it caches signing keys.
pub struct Verifier {
    region: String,
    keys: RefCell<KeyCache>,
    scratch: RefCell<Vec<u8>>,
}

/// Where and how a request carries its signature, whichever of the two ways it came.
struct Claim<'a> {
    scope: Scope<'a>,
    /// Names, lower case, separated by `;`.
    signed_headers: &'a str,
    signature: [u8; 32],
    date: Timestamp,
    /// The same as it stands in the string to sign.
    amz_date: AmzTime,
    /// Hash or mode as it stands in the canonical request.
    payload: &'a [u8],
    presigned: bool,
}

impl Verifier {
    /// A verifier for requests signed for `region`.
    #[must_use]
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            keys: RefCell::new(KeyCache::default()),
            scratch: RefCell::new(Vec::new()),
        }
    }

    /// Checks a request's credentials. `lookup` finds the user and the secrets of an access key; they
    /// are asked for with every request, so that a revoked one ends at once.
    pub fn verify<H, U, S>(
        &self,
        head: &H,
        query: &Query<'_>,
        now: Timestamp,
        lookup: impl FnOnce(&str) -> Option<(U, S)>,
    ) -> Result<Authenticated<U>>
    where
        H: RequestHead,
        S: Secrets,
    {
        let (user, payload) = match locate(head, query)? {
            Location::None => {
                let payload = Payload::of_anonymous(head)?;
                return Ok(Authenticated {
                    identity: Identity::Anonymous,
                    payload,
                });
            }
            Location::Header(text) => {
                let parts = header::parse(text)?;
                let claim = header::claim(&parts, head)?;
                claim.scope.check(&self.region, &claim.amz_date, false)?;
                let secret = known(lookup(claim.scope.access_key), claim.scope.access_key)?;
                header::check_time(claim.date, now)?;
                self.check(head, &claim, secret)?
            }
            Location::Query => {
                let parts = presigned::parse(query)?;
                let claim = presigned::claim(&parts, head)?;
                claim.scope.check(&self.region, &claim.amz_date, true)?;
                let secret = known(lookup(claim.scope.access_key), claim.scope.access_key)?;
                presigned::check_time(&parts, claim.date, now)?;
                self.check(head, &claim, secret)?
            }
        };
        Ok(Authenticated {
            identity: Identity::User(user),
            payload,
        })
    }

    /// Checks the credentials of a form. They stand in its fields and nowhere else; what is signed is
    /// the policy, so who gets in may do no more than that says: see [`super::form::accept`].
    pub fn verify_form<H, U, S>(
        &self,
        head: &H,
        query: &Query<'_>,
        form: &Form,
        now: Timestamp,
        lookup: impl FnOnce(&str) -> Option<(U, S)>,
    ) -> Result<Authenticated<U>>
    where
        H: RequestHead,
        S: Secrets,
    {
        if !matches!(locate(head, query)?, Location::None) {
            return Err(two_mechanisms());
        }
        let identity = if form.has_credentials() {
            let parts = form::parse(form)?;
            let access_key = parts.scope.access_key;
            parts.scope.check(&self.region, &parts.amz_date, true)?;
            let (user, secrets) = known(lookup(access_key), access_key)?;
            form::check_time(parts.date, now)?;
            self.check_policy(&parts, &secrets)?;
            Identity::User(user)
        } else {
            Identity::Anonymous
        };
        Ok(Authenticated {
            identity,
            payload: Payload::Unsigned,
        })
    }

    /// Compares the signature of a policy.
    fn check_policy<S: Secrets>(&self, parts: &form::Parts<'_>, secrets: &S) -> Result<()> {
        let scope = &parts.scope;
        let policy = [parts.policy.as_bytes()];
        let mut candidate = self.candidate(scope, secrets.current());
        let mut older = secrets.previous().map(|s| self.candidate(scope, s));
        let mut matches = candidate.signed(&policy, &parts.signature);
        if let Some(older) = &mut older {
            // Tried whatever the first gave: the time taken tells neither apart.
            matches |= older.signed(&policy, &parts.signature);
        }
        if !matches {
            return Err(S3Error::from(ErrorCode::SignatureDoesNotMatch)
                .with("AWSAccessKeyId", scope.access_key)
                .with("StringToSign", parts.policy)
                .with("SignatureProvided", key::hex(&parts.signature)));
        }
        if let Some(older) = older.filter(|_| !candidate.matches) {
            candidate = older;
        }
        if candidate.is_new {
            let mut keys = self.keys.borrow_mut();
            keys.put(scope, candidate.secret, candidate.key);
        }
        Ok(())
    }

    /// The signing key of a secret, from the cache if it is there.
    fn candidate<'s>(&self, scope: &Scope<'_>, secret: &'s [u8]) -> Candidate<'s> {
        let cached = self.keys.borrow_mut().get(scope, secret);
        let is_new = cached.is_none();
        Candidate {
            secret,
            key: cached.unwrap_or_else(|| Rc::new(SigningKey::derive(secret, scope))),
            is_new,
            matches: false,
        }
    }

    /// Compares the signature. This is the one place where a user is let in.
    fn check<H: RequestHead, U, S: Secrets>(
        &self,
        head: &H,
        claim: &Claim<'_>,
        (user, secrets): (U, S),
    ) -> Result<(U, Payload)> {
        let scope = &claim.scope;
        let mut candidate = self.candidate(scope, secrets.current());
        let mut older = secrets.previous().map(|s| self.candidate(scope, s));
        let time = claim.amz_date;
        let mut buffer = self.scratch.take();
        let mut canonical = Canonical::new(&mut buffer);
        let mut matches = false;
        let slashes: &[EncodedSlash] = if canonical::has_encoded_slash(head.raw_path()) {
            &[EncodedSlash::Plain, EncodedSlash::AsSent]
        } else {
            &[EncodedSlash::Plain]
        };
        for slash in slashes {
            let covered = canonical.build(head, claim, *slash)?;
            canonical::check_covered(head, claim, &covered)?;
            let hash = canonical.hash_hex();
            let to_sign = string_to_sign(&time, scope, &hash);
            // Both secrets are tried whatever the first gives: the time taken tells neither apart.
            matches |= candidate.signed(&to_sign, &claim.signature);
            if let Some(older) = &mut older {
                matches |= older.signed(&to_sign, &claim.signature);
            }
        }
        if !matches {
            return Err(mismatch(claim, &time, &canonical));
        }
        if !candidate.matches
            && let Some(older) = older
        {
            candidate = older;
        }
        let key = candidate.key;
        if candidate.is_new {
            let mut keys = self.keys.borrow_mut();
            keys.put(scope, candidate.secret, key.clone());
        }
        self.scratch.replace(buffer);
        let mode = payload::Mode::parse(claim.payload)?;
        let payload = match mode {
            payload::Mode::Unsigned if claim.presigned => payload::of_presigned_unsigned(head)?,
            mode => Payload::new(mode, || {
                ChunkSigner::new(key, time.as_str(), scope.text(), &claim.signature)
            }),
        };
        Ok((user, payload))
    }
}

/// The error of a signature that is none: with the texts that tell a client what it did wrong.
#[cold]
fn mismatch(claim: &Claim<'_>, time: &AmzTime, canonical: &Canonical<'_>) -> S3Error {
    let hash = canonical.hash_hex();
    let to_sign = string_to_sign(time, &claim.scope, &hash).concat();
    S3Error::from(ErrorCode::SignatureDoesNotMatch)
        .with("AWSAccessKeyId", claim.scope.access_key)
        .with("StringToSign", String::from_utf8_lossy(&to_sign))
        .with("SignatureProvided", key::hex(&claim.signature))
        .with(
            "CanonicalRequest",
            String::from_utf8_lossy(canonical.bytes()),
        )
}

/// A key that may have made a signature.
struct Candidate<'s> {
    secret: &'s [u8],
    key: Rc<SigningKey>,
    is_new: bool,
    matches: bool,
}

impl Candidate<'_> {
    /// Compares the signature of a text.
    fn signed(&mut self, text: &[&[u8]], signature: &[u8; 32]) -> bool {
        let matches = same(&self.key.sign(text), signature);
        self.matches |= matches;
        matches
    }
}

/// The text that is signed, in pieces.
fn string_to_sign<'a>(time: &'a AmzTime, scope: &Scope<'a>, hash: &'a [u8; 64]) -> [&'a [u8]; 6] {
    [
        b"AWS4-HMAC-SHA256\n",
        time.as_bytes(),
        b"\n",
        scope.text().as_bytes(),
        b"\n",
        hash,
    ]
}

fn known<T>(found: Option<T>, access_key: &str) -> Result<T> {
    found.ok_or_else(|| {
        S3Error::from(ErrorCode::InvalidAccessKeyId).with("AWSAccessKeyId", access_key)
    })
}

/// Where a request carries credentials.
enum Location<'a> {
    None,
    Header(&'a str),
    Query,
}

/// Finds the one place with credentials. Two places, or one twice, are refused.
fn locate<'a, H: RequestHead>(head: &'a H, query: &Query<'_>) -> Result<Location<'a>> {
    let in_query = query.iter().any(|(name, _)| {
        ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    });
    let v2_in_query = query.has("Signature") || query.has("AWSAccessKeyId");
    let in_header = head.header_count("authorization");
    if in_header + usize::from(in_query) + usize::from(v2_in_query) > 1 {
        return Err(two_mechanisms());
    }
    if v2_in_query {
        return Err(version_2());
    }
    if in_query {
        return Ok(Location::Query);
    }
    let Some(value) = head.header("authorization") else {
        return Ok(Location::None);
    };
    let text = std::str::from_utf8(value)
        .map_err(|_| S3Error::from(ErrorCode::AuthorizationHeaderMalformed))?
        .trim_ascii();
    if let Some(rest) = text.strip_prefix("AWS4-HMAC-SHA256 ") {
        return Ok(Location::Header(rest));
    }
    match text.split_once(' ').unwrap_or((text, "")) {
        ("", _) => Err(ErrorCode::AccessDenied.into()),
        ("AWS4-HMAC-SHA256", rest) => Ok(Location::Header(rest)),
        ("AWS", credentials) if credentials.split_once(':').is_some() => Err(version_2()),
        ("AWS", _) => Err(S3Error::argument(
            "Authorization",
            text,
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
        )),
        ("AWS4-ECDSA-P256-SHA256", _) => Err(S3Error::not_implemented("AWS4-ECDSA-P256-SHA256")),
        _ => Err(S3Error::argument(
            "Authorization",
            text,
            "Unsupported Authorization Type",
        )),
    }
}

/// The answer to credentials in two places.
fn two_mechanisms() -> S3Error {
    S3Error::new(
        ErrorCode::InvalidArgument,
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
         query string parameter or the Authorization header should be specified",
    )
}

/// The answer to Signature Version 2.
fn version_2() -> S3Error {
    S3Error::new(
        ErrorCode::InvalidRequest,
        "The authorization mechanism you have provided is not supported. Please use \
         AWS4-HMAC-SHA256.",
    )
}

/// Session tokens belong to a service we do not have.
fn no_session_token(token: Option<&[u8]>) -> Result<()> {
    match token {
        None => Ok(()),
        Some(_) => Err(ErrorCode::InvalidToken.into()),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
#[cfg(test)]
#[path = "vector_tests.rs"]
mod vector_tests;
