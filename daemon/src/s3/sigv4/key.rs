//! Signing keys: derived, cached, used. Compared in constant time only.

use super::scope::Scope;
use crate::s3::percent::digit;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashMap;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Most keys kept. Beyond it the cache starts over: a derivation costs only microseconds.
const KEYS_MAX: usize = 1024;

/// A key for one access key, day, region and service. Holds the state of HMAC after the key, so
/// that a signature costs half as many hash rounds.
#[derive(Clone)]
pub(super) struct SigningKey(Hmac<Sha256>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Derives the key for a scope.
    pub fn derive(secret: &[u8], scope: &Scope<'_>) -> Self {
        let mut start = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
        start.extend_from_slice(b"AWS4");
        start.extend_from_slice(secret);
        let mut key = Self::of(&start);
        for part in [scope.date, scope.region, scope.service, "aws4_request"] {
            key = Self::of(&*Zeroizing::new(key.sign(&[part.as_bytes()])));
        }
        key
    }

    fn of(key: &[u8]) -> Self {
        // HMAC takes keys of any length, so this cannot fail; a zero key would still verify nothing
        // that a client could know how to sign.
        Self(Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default())))
    }

    /// Signs the concatenation of `parts`.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

struct Entry {
    secret: Zeroizing<Vec<u8>>,
    key: SigningKey,
}

/// Keys by credential, which names access key, day, region and service. Only keys that verified a
/// signature get in, so strangers cannot fill it.
#[derive(Default)]
pub(super) struct KeyCache(HashMap<String, Vec<Entry>>);

impl KeyCache {
    /// The key for a scope, if it was derived from this very secret.
    pub fn get(&self, scope: &Scope<'_>, secret: &[u8]) -> Option<SigningKey> {
        let entries = self.0.get(scope.credential())?;
        let same = |entry: &&Entry| bool::from(entry.secret.as_slice().ct_eq(secret));
        entries.iter().find(same).map(|entry| entry.key.clone())
    }

    /// Remembers a key.
    pub fn put(&mut self, scope: &Scope<'_>, secret: &[u8], key: SigningKey) {
        if self.0.len() >= KEYS_MAX {
            self.0.clear();
        }
        let secret = Zeroizing::new(secret.to_vec());
        let entries = self.0.entry(scope.credential().to_owned()).or_default();
        // While a secret is being replaced there are two.
        entries.truncate(1);
        entries.insert(0, Entry { secret, key });
    }
}

/// Whether two signatures are the same, in constant time.
pub(super) fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.ct_eq(right).into()
}

/// Parses a signature: 64 hexadecimal digits, lower case.
pub(super) fn parse_signature(text: &[u8]) -> Option<[u8; 32]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    parse_hash(text)
}

/// Parses a SHA-256: 64 hexadecimal digits.
pub(super) fn parse_hash(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(out)
}

/// Hexadecimal digits of bytes, lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |d: u8| char::from(DIGITS.get(usize::from(d)).copied().unwrap_or(b'0'));
    bytes
        .iter()
        .flat_map(|b| [digit(b >> 4), digit(b & 15)])
        .collect()
}
