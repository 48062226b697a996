//! A secret access key that cannot be printed by accident.

use crate::codec::{Codec, Malformed, Reader, TooLong, encode_text};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Text that is shown only where [`Secret::expose`] is written, and wiped when dropped.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` secret.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// Takes the same time whatever the secrets' contents.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Codec for Secret {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        encode_text(&self.0, out)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        String::decode(reader).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s32_a_secret_does_not_print() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(...)");
        assert_eq!(secret, Secret::new("hunter2".to_owned()));
        assert_ne!(secret, Secret::new("hunter3".to_owned()));
    }
}
