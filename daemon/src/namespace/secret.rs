//! Secret keys: wiped from memory when dropped, never printed.

use crate::namespace::error::NamespaceError;
use std::fmt;
use zeroize::Zeroizing;

/// Fewest characters of a secret key.
pub const SECRET_CHARS_MIN: usize = 8;
/// Most characters of a secret key.
pub const SECRET_CHARS_MAX: usize = 128;
/// Fewest characters of an access key.
pub const ACCESS_KEY_CHARS_MIN: usize = 3;
/// Most characters of an access key.
pub const ACCESS_KEY_CHARS_MAX: usize = 128;

/// A secret key. `Debug` shows nothing of it, and there is no `Display`, no comparison (use a
/// constant-time one on [`Secret::expose`]) and no serialisation.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret over when its length and characters are allowed.
    pub fn new(text: String) -> Result<Self, NamespaceError> {
        let secret = Self(Zeroizing::new(text));
        let chars = secret.0.len();
        if (SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&chars)
            && secret.0.bytes().all(|b| b.is_ascii_graphic())
        {
            Ok(secret)
        } else {
            Err(NamespaceError::InvalidSecret)
        }
    }

    /// The secret itself. Whoever asks for it must not print or keep it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Whether `text` may be an access key: nothing that has a meaning in an `Authorization` header.
#[must_use]
pub fn is_access_key(text: &str) -> bool {
    (ACCESS_KEY_CHARS_MIN..=ACCESS_KEY_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-@$+".contains(&b))
}

/// Where unpredictable bytes come from. Handed in, so that a simulated run can be repeated.
pub type Entropy = std::rc::Rc<dyn Fn(&mut [u8])>;

/// An access key of 20 characters `A-Z0-9`.
pub(crate) fn random_access_key(entropy: &Entropy) -> String {
    random_text(entropy, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 20)
}

/// A secret of 40 characters of the base64 alphabet (but `/`, which breaks copy and paste into URLs).
pub(crate) fn random_secret(entropy: &Entropy) -> Secret {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+";
    Secret(Zeroizing::new(random_text(entropy, alphabet, 40)))
}

/// Uniform over `alphabet`: bytes that would favour its first letters are thrown away.
fn random_text(entropy: &Entropy, alphabet: &[u8], chars: usize) -> String {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(chars);
    let mut pool = Zeroizing::new([0u8; 64]);
    while text.len() < chars {
        entropy(pool.as_mut_slice());
        for &byte in pool.iter().filter(|&&b| usize::from(b) < fair) {
            let letter = alphabet.get(usize::from(byte) % alphabet.len());
            if let (Some(&letter), true) = (letter, text.len() < chars) {
                text.push(char::from(letter));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("hunter2hunter2".into()).unwrap();
        assert!(!format!("{secret:?}").contains("hunter"));
    }

    #[test]
    fn bounds_are_enforced() {
        assert!(Secret::new("short".into()).is_err());
        assert!(Secret::new("x".repeat(129)).is_err());
        assert!(Secret::new("with space".into()).is_err());
        assert!(is_access_key("tenant$user") && is_access_key("AKIA"));
        for bad in ["ab", "a/b/c", "a,bc", "a=bc", "abc ", "", &"x".repeat(129)] {
            assert!(!is_access_key(bad), "{bad:?}");
        }
    }

    #[test]
    fn random_keys_have_their_form() {
        let seed = Rc::new(Cell::new(0u8));
        let entropy: Entropy = Rc::new(move |out: &mut [u8]| {
            for byte in out {
                seed.set(seed.get().wrapping_mul(13).wrapping_add(7));
                *byte = seed.get();
            }
        });
        let key = random_access_key(&entropy);
        assert!(key.len() == 20 && is_access_key(&key));
        assert_eq!(random_secret(&entropy).expose().len(), 40);
    }
}
