//! Conditions of a write, judged by the shard's owner at the moment the write takes its place in
//! the log. Of any number of simultaneous `If-None-Match: *` exactly one wins.

use crate::base::{Location, Timestamp};
use crate::store::entry::ObjectEntry;

/// What an `If-Match` or `If-None-Match` header names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EtagSet {
    /// `*`: any object at all.
    Any,
    /// One of these entity tags, without quotes.
    OneOf(Vec<String>),
}

impl EtagSet {
    /// Whether the object is in the set.
    #[must_use]
    pub fn contains(&self, entry: &ObjectEntry) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => {
                let own = entry.etag.to_string();
                tags.iter().any(|t| *t == own || t == "*")
            }
        }
    }
}

/// Conditions of one write; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteCondition {
    /// The object exists and is one of these.
    pub if_match: Option<EtagSet>,
    /// The object does not exist or is none of these.
    pub if_none_match: Option<EtagSet>,
    /// The object has this size (`x-amz-if-match-size`).
    pub if_size: Option<u64>,
    /// The object was last modified in this second (`x-amz-if-match-last-modified-time`).
    pub if_modified_at: Option<Timestamp>,
    /// The object is the one that this record wrote, wherever that is by now. No request asks for
    /// this.
    pub if_at: Option<Location>,
    /// With [`WriteCondition::if_at`]: and the record is still there, as what is written rests on
    /// where its bytes are.
    pub if_unmoved: bool,
}

/// What a condition says of the current object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Holds,
    /// The object that it wants to match does not exist.
    Missing,
    /// It does not hold.
    Fails,
}

impl WriteCondition {
    /// Whether there is anything to judge.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Judges the current object, or its absence.
    #[must_use]
    pub fn judge(&self, current: Option<&ObjectEntry>) -> Verdict {
        let Some(entry) = current else {
            let wants_one = self.if_match.is_some()
                || self.if_size.is_some()
                || self.if_modified_at.is_some()
                || self.if_at.is_some();
            return if wants_one {
                Verdict::Missing
            } else {
                Verdict::Holds
            };
        };
        let fails = self
            .if_match
            .as_ref()
            .is_some_and(|set| !set.contains(entry))
            || self
                .if_none_match
                .as_ref()
                .is_some_and(|set| set.contains(entry))
            || self.if_size.is_some_and(|size| size != entry.size)
            || self
                .if_modified_at
                .is_some_and(|t| t.seconds() != entry.modified.seconds())
            || self.if_at.is_some_and(|at| at != entry.at);
        if fails {
            Verdict::Fails
        } else {
            Verdict::Holds
        }
    }
}
