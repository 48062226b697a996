//! Keys as clients name them and keys as they are stored. A link may show only what lies under a
//! prefix of its source, so the two differ; the types keep them apart, and a [`Key`] is made in one
//! place only: [`crate::s3::place::Place::key`].

use std::borrow::Cow;

/// A key as a client named it. Good for answers and messages; the store does not take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedKey<'a>(&'a str);

impl<'a> AskedKey<'a> {
    pub(in crate::s3) const fn new(key: &'a str) -> Self {
        Self(key)
    }

    /// The text, to be shown.
    #[must_use]
    pub const fn shown(self) -> &'a str {
        self.0
    }
}

/// A key of a resolved bucket: as it was asked for and as it is stored.
#[derive(Clone, Debug)]
pub struct Key<'a> {
    asked: Cow<'a, str>,
    /// `None` when it is the same.
    stored: Option<Box<str>>,
}

impl<'a> Key<'a> {
    /// Only [`crate::s3::place::Place`] knows what is stored.
    pub(super) const fn of(asked: AskedKey<'a>, stored: Option<Box<str>>) -> Self {
        Self {
            asked: Cow::Borrowed(asked.0),
            stored,
        }
    }

    /// The key as the client knows it, to be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.asked
    }

    /// The key as the store knows it.
    #[must_use]
    pub fn stored(&self) -> &str {
        self.stored.as_deref().unwrap_or(&self.asked)
    }

    /// The bytes of [`Key::stored`].
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.stored().as_bytes()
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Key<'static> {
        Key {
            asked: Cow::Owned(self.asked.into_owned()),
            stored: self.stored,
        }
    }
}
