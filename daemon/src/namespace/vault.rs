//! Secrets at rest: sealed with AES-256-GCM under a key that lies in a file of its own.
//!
//! A sealed secret is a random nonce of 12 bytes, the ciphertext, and a tag of 16. The associated
//! data is the access key, and for a secret that was replaced a mark behind it, so that no sealed
//! secret passes for another one.

use crate::base::codec::Malformed;
use crate::namespace::secret::{Entropy, SECRET_CHARS_MAX, Secret};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Bytes of the nonce in front of the ciphertext.
const NONCE_BYTES: usize = 12;
/// Bytes of the tag behind it.
const TAG_BYTES: usize = 16;
/// What stands behind the access key for a secret that was replaced. No access key holds it.
const PREVIOUS: &[u8] = b"\0previous";

/// The key that secrets are sealed with. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SecretsKey(Zeroizing<[u8; KEY_BYTES]>);

impl SecretsKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new key.
    #[must_use]
    pub fn random(entropy: &Entropy) -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        entropy(key.as_mut_slice());
        Self(key)
    }

    /// A key as its file holds it: 64 hexadecimal digits, white space around them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_ascii().as_bytes();
        if digits.len() != 2 * KEY_BYTES {
            return None;
        }
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            let digit = |d: u8| {
                char::from(d)
                    .to_digit(16)
                    .and_then(|d| u8::try_from(d).ok())
            };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(key))
    }

    /// Inverse of [`SecretsKey::parse`], with a line end.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 1));
        for byte in self.0.iter() {
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        text.push('\n');
        text
    }
}

impl fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretsKey(..)")
    }
}

/// Which secret of an access key is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Current,
    Previous,
}

/// A sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed(Vec<u8>);

impl Sealed {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let longest = NONCE_BYTES + SECRET_CHARS_MAX + TAG_BYTES;
        if (NONCE_BYTES + TAG_BYTES..=longest).contains(&bytes.len()) {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(Malformed("length of a sealed secret"))
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Seals secrets and opens them.
pub(crate) struct Vault {
    cipher: Aes256Gcm,
}

impl Vault {
    pub(crate) fn new(key: &SecretsKey) -> Self {
        Self {
            cipher: Aes256Gcm::new((&*key.0).into()),
        }
    }

    /// Seals a secret of an access key.
    pub(crate) fn seal(
        &self,
        secret: &Secret,
        access_key: &str,
        role: Role,
        entropy: &Entropy,
    ) -> Result<Sealed, Malformed> {
        let mut nonce = [0; NONCE_BYTES];
        entropy(&mut nonce);
        let message = secret.expose().as_bytes();
        let sealed = with_associated(access_key, role, |aad| {
            let payload = Payload { msg: message, aad };
            self.cipher.encrypt((&nonce).into(), payload)
        });
        let sealed = sealed.map_err(|_| Malformed("a secret cannot be sealed"))?;
        Ok(Sealed([&nonce[..], &sealed].concat()))
    }

    /// Opens a sealed secret of an access key.
    pub(crate) fn open(
        &self,
        sealed: &Sealed,
        access_key: &str,
        role: Role,
    ) -> Result<Secret, Malformed> {
        let closed = Malformed("a sealed secret does not open");
        let (nonce, message) = sealed.0.split_first_chunk::<NONCE_BYTES>().ok_or(closed)?;
        let opened = with_associated(access_key, role, |aad| {
            let payload = Payload { msg: message, aad };
            self.cipher.decrypt(nonce.into(), payload)
        });
        let text = String::from_utf8(opened.map_err(|_| closed)?).map_err(|_| closed)?;
        Secret::new(text).map_err(|_| closed)
    }
}

fn with_associated<T>(access_key: &str, role: Role, with: impl FnOnce(&[u8]) -> T) -> T {
    match role {
        Role::Current => with(access_key.as_bytes()),
        Role::Previous => with(&[access_key.as_bytes(), PREVIOUS].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    fn counting() -> Entropy {
        let next = Cell::new(0u8);
        Rc::new(move |out: &mut [u8]| {
            out.fill_with(|| {
                next.set(next.get().wrapping_add(1));
                next.get()
            });
        })
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned()).unwrap()
    }

    #[test]
    fn a_key_file_reads_back_and_anything_else_is_no_key() {
        let key = SecretsKey::random(&counting());
        let text = key.to_text();
        assert_eq!(text.len(), 65);
        assert_eq!(*SecretsKey::parse(&text).unwrap().0, *key.0);
        assert!(SecretsKey::parse(&text.to_ascii_uppercase()).is_some());
        for bad in [
            "",
            "00",
            &text[1..],
            &format!("0{}", &*text),
            &"+f".repeat(32),
        ] {
            assert!(SecretsKey::parse(bad).is_none(), "{bad:?}");
        }
        assert!(!format!("{key:?}").contains("01"));
    }

    #[test]
    fn only_the_same_key_access_key_and_role_open_a_secret() {
        let vault = Vault::new(&SecretsKey::new([7; 32]));
        let entropy = counting();
        let sealed = vault
            .seal(&secret("hunter2hunter2"), "ALICE", Role::Current, &entropy)
            .unwrap();
        let shown = String::from_utf8_lossy(sealed.as_bytes()).into_owned();
        assert!(!shown.contains("hunter"));
        let open = |vault: &Vault, access_key, role| vault.open(&sealed, access_key, role);
        assert_eq!(
            open(&vault, "ALICE", Role::Current).unwrap().expose(),
            "hunter2hunter2"
        );
        assert!(open(&vault, "ALICF", Role::Current).is_err());
        assert!(open(&vault, "ALICE", Role::Previous).is_err());
        let other = Vault::new(&SecretsKey::new([8; 32]));
        assert!(open(&other, "ALICE", Role::Current).is_err());
        for at in 0..sealed.0.len() {
            let mut bad = sealed.clone();
            bad.0[at] ^= 1;
            assert!(vault.open(&bad, "ALICE", Role::Current).is_err(), "{at}");
        }
        let again = vault
            .seal(&secret("hunter2hunter2"), "ALICE", Role::Current, &entropy)
            .unwrap();
        assert_ne!(sealed, again, "a nonce of its own");
    }

    #[test]
    fn lengths_are_bounded() {
        for (length, fine) in [
            (0, false),
            (27, false),
            (28, true),
            (156, true),
            (157, false),
        ] {
            assert_eq!(Sealed::from_bytes(&vec![0; length]).is_ok(), fine);
        }
    }

    /// What a request pays; run with --release --nocapture --ignored.
    #[test]
    #[ignore = "a measurement"]
    fn time_to_open() {
        let vault = Vault::new(&SecretsKey::new([7; 32]));
        let entropy = counting();
        let text = "x".repeat(40);
        let sealed = vault
            .seal(
                &secret(&text),
                "AKIAIOSFODNN7EXAMPLE",
                Role::Current,
                &entropy,
            )
            .unwrap();
        let start = std::time::Instant::now();
        for _ in 0..1_000_000 {
            let _ = std::hint::black_box(vault.open(
                std::hint::black_box(&sealed),
                "AKIAIOSFODNN7EXAMPLE",
                Role::Current,
            ));
        }
        println!("{} ns", start.elapsed().as_nanos() / 1_000_000);
    }
}
