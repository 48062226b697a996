//! What is written to a shard: objects whose bytes are here already, or in the log.

use crate::base::{AlignedBuf, BucketId, Location, Timestamp};
use crate::log::ExtentRef;
use crate::store::condition::WriteCondition;
use crate::store::holds::{Hold, NewExtent};
use crate::store::meta::ObjectMeta;
use crate::store::record::{Body, ETag, PartRef};

/// The bytes of a new object or part.
#[derive(Debug)]
pub enum NewBody {
    /// A short body: the bytes of a buffer from this offset on, copied once into the batch.
    Inline(AlignedBuf, usize),
    /// Extents that were appended before.
    Extents(Vec<NewExtent>),
    /// Parts of an upload, or of another object in this shard.
    Parts(Vec<PartRef>),
}

impl NewBody {
    /// The extents of an object whose record is written again; see
    /// [`WriteCondition::if_unmoved`].
    #[must_use]
    pub fn kept(extents: &[ExtentRef]) -> Self {
        let kept = |extent: &ExtentRef| NewExtent {
            extent: *extent,
            hold: None,
        };
        Self::Extents(extents.iter().map(kept).collect())
    }

    /// What the record says of it, and what is needed until it is published.
    pub(super) fn split(self) -> (Body, Tail) {
        match self {
            Self::Inline(buf, start) => {
                let len = buf.len().saturating_sub(start);
                let tail = Tail {
                    inline: Some((buf, start)),
                    holds: Vec::new(),
                };
                (Body::Inline(u32::try_from(len).unwrap_or(u32::MAX)), tail)
            }
            Self::Extents(extents) => {
                let (extents, holds): (_, Vec<_>) = extents
                    .into_iter()
                    .map(|new| (new.extent, new.hold))
                    .unzip();
                let tail = Tail {
                    inline: None,
                    holds: holds.into_iter().flatten().collect(),
                };
                (Body::Extents(extents), tail)
            }
            Self::Parts(parts) => (Body::Parts(parts), Tail::default()),
        }
    }
}

/// What a new body is apart from what its record says of it.
#[derive(Default)]
pub(super) struct Tail {
    inline: Option<(AlignedBuf, usize)>,
    /// Of its extents.
    pub(super) holds: Vec<Hold>,
}

impl Tail {
    /// The bytes that follow the record's head.
    pub(super) fn bytes(&self) -> &[u8] {
        self.inline
            .as_ref()
            .and_then(|(buf, start)| buf.get(*start..))
            .unwrap_or_default()
    }
}

/// A PUT (or copy, or change of metadata) whose bytes are already here.
#[derive(Debug)]
pub struct NewObject {
    /// The resolved bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: Vec<u8>,
    /// Entity tag.
    pub etag: ETag,
    /// Bytes.
    pub size: u64,
    /// Everything else.
    pub meta: ObjectMeta,
    /// Where the bytes are.
    pub body: NewBody,
    /// What must hold.
    pub condition: WriteCondition,
    /// Keeps this time instead of now (a change of tags does not modify the object).
    pub modified: Option<Timestamp>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where the record is.
    pub at: Location,
    /// Its modification time.
    pub modified: Timestamp,
}
