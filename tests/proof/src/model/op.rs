//! What can be asked of a store, and what it answers: the words in which histories are written.

use chainringd::store::ETag;
use std::rc::Rc;

/// Volume and name of a bucket or link.
pub type Place = (String, String);

/// The bytes of an object or part.
pub type Bytes = Rc<[u8]>;

/// Bytes to be written: which they are, and how they get into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// Bodies of different tags have different bytes.
    pub tag: u32,
    /// How many.
    pub len: usize,
    /// Bytes of each extent; 0 puts the body into the record.
    pub extent: usize,
}

impl Body {
    /// The bytes. Each 16 of them name the tag and their place, so that no piece passes for another.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        let line = |at: usize| format!("{:08x}{at:08x}", self.tag).into_bytes();
        let lines = (0..self.len.div_ceil(16)).flat_map(line);
        lines.take(self.len).collect()
    }
}

/// What must hold for a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Always,
    /// There is no object.
    IfAbsent,
    /// There is one.
    IfPresent,
    /// There is one with this entity tag.
    IfMatch(String),
}

/// An operation. What is asked of a name may be asked of a bucket or of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum Op {
    /// Makes a volume.
    Volume(String),
    /// Removes an empty volume.
    DropVolume(String),
    /// Makes a bucket.
    Bucket(Place),
    /// Makes a link.
    Link {
        at: Place,
        to: Place,
        prefix: Option<String>,
        read_only: bool,
    },
    /// Gives a link another source.
    Relink { at: Place, to: Place },
    /// Removes a link, or an empty bucket.
    Drop(Place),
    /// Writes an object.
    Put {
        at: Place,
        key: String,
        body: Body,
        condition: Condition,
    },
    /// Deletes an object; one that is missing is fine.
    Delete {
        at: Place,
        key: String,
        condition: Condition,
    },
    /// Copies an object.
    Copy {
        from: Place,
        key: String,
        at: Place,
        to: String,
    },
    /// Begins a multipart upload.
    Begin {
        at: Place,
        key: String,
        upload: u128,
    },
    /// Writes a part.
    Part {
        at: Place,
        key: String,
        upload: u128,
        number: u32,
        body: Body,
    },
    /// Makes an object of these parts.
    Complete {
        at: Place,
        key: String,
        upload: u128,
        parts: Vec<u32>,
    },
    /// Gives an upload up.
    Abort {
        at: Place,
        key: String,
        upload: u128,
    },
    /// Reads a range of an object: its first byte and how many.
    Get {
        at: Place,
        key: String,
        from: usize,
        len: usize,
    },
    /// Lists keys that begin so and come after this one, at most so many.
    List {
        at: Place,
        prefix: String,
        after: String,
        limit: usize,
    },
}

impl Op {
    /// Whether it changes names: volumes, buckets, links.
    #[must_use]
    pub const fn is_of_names(&self) -> bool {
        matches!(
            self,
            Self::Volume(_)
                | Self::DropVolume(_)
                | Self::Bucket(_)
                | Self::Link { .. }
                | Self::Relink { .. }
                | Self::Drop(_)
        )
    }

    /// Name and key that it writes to.
    #[must_use]
    pub const fn target(&self) -> Option<(&Place, &String)> {
        match self {
            Self::Copy { at, to, .. } => Some((at, to)),
            Self::Put { at, key, .. }
            | Self::Delete { at, key, .. }
            | Self::Begin { at, key, .. }
            | Self::Part { at, key, .. }
            | Self::Complete { at, key, .. }
            | Self::Abort { at, key, .. } => Some((at, key)),
            _ => None,
        }
    }

    /// The upload that it changes, as long as that is one.
    #[must_use]
    pub const fn upload(&self) -> Option<u128> {
        match self {
            Self::Begin { upload, .. } | Self::Part { upload, .. } | Self::Abort { upload, .. } => {
                Some(*upload)
            }
            _ => None,
        }
    }

    /// Whether it only reads.
    #[must_use]
    pub const fn only_reads(&self) -> bool {
        matches!(self, Self::Get { .. } | Self::List { .. })
    }
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Refusal {
    NoVolume,
    NoBucket,
    Exists,
    NotEmpty,
    Permanent,
    NotALink,
    Dangling,
    Loop,
    TooDeep,
    ReadOnly,
    NoSuchKey,
    Precondition,
    NoSuchUpload,
    InvalidPart,
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and that is all there is to say.
    Done,
    /// A bucket came to be, with this number.
    Made(u64),
    /// An object or a part was written.
    Stored(ETag),
    /// Bytes of an object, and its entity tag.
    Found(Bytes, ETag),
    /// Keys in order.
    Keys(Vec<String>),
    /// Nothing was done.
    Refused(Refusal),
    /// Nothing is known of what was done, or a read failed: the system's words.
    Failed(String),
    /// The device is full: nothing was done.
    Full,
}
