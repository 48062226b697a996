//! Signing keys: derived, cached, used. Compared in constant time only.

use super::scope::Scope;
use crate::base::hex::hex_into;
use crate::s3::percent::digit;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Most keys kept. Beyond it the cache starts over: a derivation costs only microseconds.
const KEYS_MAX: usize = 1024;

/// A key for one access key, day, region and service. Holds the state of HMAC after the key, so
/// that a signature costs half as many hash rounds.
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
    key: Rc<SigningKey>,
}

/// Keys by credential, which names access key, day, region and service. Only keys that verified a
/// signature get in, so strangers cannot fill it.
#[derive(Default)]
pub(super) struct KeyCache {
    keys: HashMap<String, Vec<Entry>>,
    /// The credential used last and its keys, which stand in the map, too: most requests follow one
    /// of the same client.
    last: Option<(String, Rc<SigningKey>, Zeroizing<Vec<u8>>)>,
}

impl KeyCache {
    /// The key for a scope, if it was derived from this very secret. Both secrets are ours: to
    /// compare them takes no care about time.
    pub fn get(&mut self, scope: &Scope<'_>, secret: &[u8]) -> Option<Rc<SigningKey>> {
        if let Some((credential, key, of)) = &self.last
            && credential == scope.credential()
            && of.as_slice() == secret
        {
            return Some(key.clone());
        }
        let (credential, entries) = self.keys.get_key_value(scope.credential())?;
        let entry = entries
            .iter()
            .find(|entry| entry.secret.as_slice() == secret)?;
        self.last = Some((credential.clone(), entry.key.clone(), entry.secret.clone()));
        Some(entry.key.clone())
    }

    /// Remembers a key.
    pub fn put(&mut self, scope: &Scope<'_>, secret: &[u8], key: Rc<SigningKey>) {
        if self.keys.len() >= KEYS_MAX {
            self.keys.clear();
            self.last = None;
        }
        let secret = Zeroizing::new(secret.to_vec());
        let entries = self.keys.entry(scope.credential().to_owned()).or_default();
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
    decode(text, &LOWER)
}

/// Parses a SHA-256: 64 hexadecimal digits.
pub(super) fn parse_hash(text: &[u8]) -> Option<[u8; 32]> {
    decode(text, &ANY_CASE)
}

/// What stands in the tables for a byte that is no digit.
const NO_DIGIT: u8 = 0xff;
static ANY_CASE: [u8; 256] = digits(true);
static LOWER: [u8; 256] = digits(false);

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn digits(upper: bool) -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut byte = 0u8;
    while byte < 128 {
        if let Some(value) = digit(byte)
            && (upper || !byte.is_ascii_uppercase())
        {
            table[byte as usize] = value;
        }
        byte += 1;
    }
    table
}

fn decode(text: &[u8], digits: &[u8; 256]) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let value = |byte: u8| digits.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT);
    let (mut out, mut seen) = ([0; 32], 0);
    for (byte, pair) in out.iter_mut().zip(text.as_chunks::<2>().0) {
        let [high, low] = pair.map(value);
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen < 16).then_some(out)
}

/// Hexadecimal digits of a hash, lower case.
pub(super) fn hex_digits(hash: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    hex_into(hash, &mut text);
    text
}

/// The same as a text.
pub(super) fn hex(hash: &[u8; 32]) -> String {
    String::from_utf8_lossy(&hex_digits(hash)).into_owned()
}
