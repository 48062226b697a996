//! Authentication over TCP: a challenge-response with HMAC-SHA256, then a tag on every frame.
//!
//! Both sides derive a session's keys from the secret and the *transcript*, the bytes of the hello
//! frame and of its answer. The transcript holds both nonces, the key id and the negotiated version,
//! so a tag is good for one connection, one direction, one position in it, one opcode and one body:
//! nothing can be replayed, reordered, redirected or downgraded. The secret itself never travels.
//!
//! What this does *not* give is confidentiality, so operations that show or set a secret are
//! refused over TCP ([`crate::Access::LocalAdmin`]).

use crate::limits::TAG_BYTES;
use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

const SESSION_LABEL: &[u8] = b"chainring-admin-1 session";
const CLIENT_LABEL: &[u8] = b"chainring-admin-1 client";
const DAEMON_LABEL: &[u8] = b"chainring-admin-1 daemon";

/// The tag of a frame is not the one it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tag of a frame is wrong")]
pub struct BadTag;

/// A hash over the hello frame and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transcript([u8; TAG_BYTES]);

impl Transcript {
    /// Of the two whole frames, headers included.
    #[must_use]
    pub fn new(hello: &[u8], answer: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(hello);
        hash.update(answer);
        Self(hash.finalize().into())
    }

    /// The hash.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; TAG_BYTES] {
        &self.0
    }
}

/// A session's two directions.
#[derive(Debug)]
pub struct Session {
    /// Signs and checks what the client sends.
    pub client: Signer,
    /// Signs and checks what the daemon sends.
    pub daemon: Signer,
}

impl Session {
    /// The session of whoever knows `secret`.
    #[must_use]
    pub fn new(secret: &Secret, transcript: &Transcript) -> Self {
        let mut session = tag(secret.expose().as_bytes(), &[SESSION_LABEL, &transcript.0]);
        let client = Signer::new(tag(&session, &[CLIENT_LABEL]));
        let daemon = Signer::new(tag(&session, &[DAEMON_LABEL]));
        session.zeroize();
        Self { client, daemon }
    }
}

/// One direction of a session: its key and the number of its next frame. Each side keeps its own
/// copy of both.
pub struct Signer {
    key: [u8; TAG_BYTES],
    sequence: u64,
}

impl Signer {
    /// A direction whose next frame is its first.
    #[must_use]
    pub const fn new(key: [u8; TAG_BYTES]) -> Self {
        Self { key, sequence: 0 }
    }

    /// The key, for the test vectors.
    #[must_use]
    pub const fn key(&self) -> &[u8; TAG_BYTES] {
        &self.key
    }

    /// The tag of the next frame; `frame` is its header and body.
    pub fn sign(&mut self, frame: &[u8]) -> [u8; TAG_BYTES] {
        let sequence = self.sequence.to_le_bytes();
        // A connection would have to live for centuries to come around; it stops instead.
        self.sequence = self.sequence.saturating_add(1);
        tag(&self.key, &[&sequence, frame])
    }

    /// Checks the tag of the next frame in constant time. After a wrong one the connection is of no
    /// further use.
    pub fn verify(&mut self, frame: &[u8], tag: &[u8; TAG_BYTES]) -> Result<(), BadTag> {
        if bool::from(self.sign(frame).ct_eq(tag)) {
            Ok(())
        } else {
            Err(BadTag)
        }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

fn tag(key: &[u8], parts: &[&[u8]]) -> [u8; TAG_BYTES] {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length is valid");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> (Session, Session) {
        let secret = Secret::new("a secret".to_owned());
        let transcript = Transcript::new(b"hello", b"answer");
        (
            Session::new(&secret, &transcript),
            Session::new(&secret, &transcript),
        )
    }

    #[test]
    fn a_tag_is_good_once_in_its_place_and_direction() {
        let (mut here, mut there) = sessions();
        let first = here.client.sign(b"one");
        let second = here.client.sign(b"two");

        assert_eq!(
            there.daemon.verify(b"one", &first),
            Err(BadTag),
            "reflected"
        );
        assert_eq!(there.client.verify(b"one", &first), Ok(()));
        let mut reordered = sessions().1;
        assert_eq!(reordered.client.verify(b"two", &second), Err(BadTag));
        assert_eq!(there.client.verify(b"two", &second), Ok(()));
        assert_eq!(
            there.client.verify(b"two", &second),
            Err(BadTag),
            "replayed"
        );
    }

    #[test]
    fn another_secret_or_transcript_gives_other_tags() {
        let (mut here, _) = sessions();
        let sent = here.client.sign(b"one");
        let transcript = Transcript::new(b"hello", b"answer");
        let mut wrong = Session::new(&Secret::new("A secret".to_owned()), &transcript);
        assert_eq!(wrong.client.verify(b"one", &sent), Err(BadTag));
        let secret = Secret::new("a secret".to_owned());
        let mut other = Session::new(&secret, &Transcript::new(b"hello", b"Answer"));
        assert_eq!(other.client.verify(b"one", &sent), Err(BadTag));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let frame = *b"header and body";
        let tag = sessions().0.client.sign(&frame);
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sessions().1.client.verify(&flipped, &tag), Err(BadTag));
        }
        for bit in 0..tag.len() * 8 {
            let mut flipped = tag;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sessions().1.client.verify(&frame, &flipped), Err(BadTag));
        }
    }
}
