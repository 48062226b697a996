//! What somebody may do: single rights and sets of them.

use crate::namespace::rule::{AclError, shorten};
use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

/// What somebody may want to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Right {
    /// Read objects; follow a link; reach what is in a volume.
    Read = 1,
    /// Create and overwrite objects.
    Write = 2,
    /// Create objects, not overwrite them; create buckets and links in a volume.
    Create = 4,
    /// Delete objects; delete a bucket or link.
    Delete = 8,
    /// List.
    List = 16,
    /// Read the access control list.
    ReadAcl = 32,
    /// Change the access control list.
    WriteAcl = 64,
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(pub(super) u16);

/// Each right with its letter, in the order in which they are written.
pub(super) const LETTERS: [(char, Rights); 7] = [
    ('r', Rights::READ),
    ('w', Rights::WRITE),
    ('c', Rights::CREATE),
    ('d', Rights::DELETE),
    ('l', Rights::LIST),
    ('x', Rights::READ_ACL),
    ('y', Rights::WRITE_ACL),
];

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// See [`Right::Read`].
    pub const READ: Self = Self::of(Right::Read);
    /// See [`Right::Write`].
    pub const WRITE: Self = Self::of(Right::Write);
    /// See [`Right::Create`].
    pub const CREATE: Self = Self::of(Right::Create);
    /// See [`Right::Delete`].
    pub const DELETE: Self = Self::of(Right::Delete);
    /// See [`Right::List`].
    pub const LIST: Self = Self::of(Right::List);
    /// See [`Right::ReadAcl`].
    pub const READ_ACL: Self = Self::of(Right::ReadAcl);
    /// See [`Right::WriteAcl`].
    pub const WRITE_ACL: Self = Self::of(Right::WriteAcl);
    /// Every right. Has a bit of its own, so that it will include rights that come later.
    pub const ALL: Self = Self(128 | Self::EACH);

    /// Every single right there is.
    const EACH: u16 = 127;

    /// The set of one right.
    #[must_use]
    pub const fn of(right: Right) -> Self {
        Self(right as u16)
    }

    /// Whether the right is among them.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & right as u16 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Those of either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without the others. All without one are the other ones.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        let left = self.0 & !other.0;
        if left & Self::EACH == Self::EACH {
            Self(left)
        } else {
            Self(left & Self::EACH)
        }
    }

    pub(super) const fn from_bits(bits: u64) -> Option<Self> {
        match bits {
            0..=127 => Some(Self(bits.to_le_bytes()[0] as u16)),
            255 => Some(Self::ALL),
            _ => None,
        }
    }
}

impl BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl From<Right> for Rights {
    fn from(right: Right) -> Self {
        Self::of(right)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("a");
        }
        if self.is_none() {
            return f.write_str("n");
        }
        LETTERS
            .iter()
            .filter(|(_, right)| self.0 & right.0 != 0)
            .try_for_each(|(letter, _)| write!(f, "{letter}"))
    }
}

impl FromStr for Rights {
    type Err = AclError;
    fn from_str(text: &str) -> Result<Self, AclError> {
        if text.is_empty() {
            return Err(AclError::NoRights);
        }
        text.chars().try_fold(Self::NONE, |rights, letter| {
            let one = match letter {
                'a' => Self::ALL,
                'n' => Self::NONE,
                _ => {
                    let found = LETTERS.iter().find(|(its, _)| *its == letter);
                    let unknown = || AclError::UnknownRight(letter, shorten(text));
                    found.ok_or_else(unknown)?.1
                }
            };
            Ok(rights | one)
        })
    }
}
