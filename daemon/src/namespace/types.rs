//! What the namespace holds, as readers see it.

use crate::base::codec::Malformed;
use crate::base::{BucketId, Timestamp};
use crate::namespace::name::Name;
use crate::namespace::secret::Secret;

/// The canned access control list of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CannedAcl {
    /// Only the owner.
    #[default]
    Private,
    /// Everybody may read.
    PublicRead,
    /// Everybody may read and write.
    PublicReadWrite,
    /// Every user with a key may read.
    AuthenticatedRead,
}

impl CannedAcl {
    /// Its byte in the log and in the index.
    #[must_use]
    pub const fn to_u8(self) -> u8 {
        match self {
            Self::Private => 0,
            Self::PublicRead => 1,
            Self::PublicReadWrite => 2,
            Self::AuthenticatedRead => 3,
        }
    }

    /// Inverse of [`CannedAcl::to_u8`]; an unknown byte is refused, never taken for another list.
    pub const fn from_u8(byte: u8) -> Result<Self, Malformed> {
        match byte {
            0 => Ok(Self::Private),
            1 => Ok(Self::PublicRead),
            2 => Ok(Self::PublicReadWrite),
            3 => Ok(Self::AuthenticatedRead),
            _ => Err(Malformed("unknown canned ACL")),
        }
    }
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: Name,
    /// The user it belongs to.
    pub owner: Name,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
}

/// What a bucket is, apart from its name and owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its number, never used again.
    pub id: BucketId,
    /// Its canned access control list.
    pub acl: CannedAcl,
    /// Whether it was created with object lock.
    pub object_lock: bool,
}

/// The status of a link, as shown in `info` and `list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStatus {
    /// Leads to a bucket.
    Ok,
    /// Leads to a name that nothing has.
    Dangling,
    /// Leads into a loop.
    Loop,
    /// Leads over more hops than allowed.
    TooDeep,
}

/// Where a link leads. Kept with the link, renewed whenever anything on its way changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// How it ended.
    pub status: LinkStatus,
    /// Links followed, this one included.
    pub hops: u8,
    /// Last name met: the bucket, the missing name, the name met twice, or where the patience ended.
    pub volume: Name,
    /// See `volume`.
    pub bucket: Name,
    /// The bucket, when the status is `Ok`.
    pub target: Option<Target>,
}

/// The bucket a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The bucket.
    pub bucket: Bucket,
    /// Its owner.
    pub owner: Name,
    /// When it was created.
    pub created: Timestamp,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Volume of the source, as it was given: may itself be a link, or nothing.
    pub source_volume: Name,
    /// Name of the source.
    pub source_bucket: Name,
    /// Where that leads today.
    pub resolution: Resolution,
}

/// A bucket or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its volume.
    pub volume: Name,
    /// Its name.
    pub name: Name,
    /// The user it belongs to. A link has an owner of its own.
    pub owner: Name,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Which of the two.
    pub kind: EntryKind,
}

/// Bucket or link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Holds objects.
    Bucket(Bucket),
    /// Shows another bucket.
    Link(Box<Link>),
}

impl Entry {
    /// The link, if it is one.
    #[must_use]
    pub const fn link(&self) -> Option<&Link> {
        match &self.kind {
            EntryKind::Link(link) => Some(link),
            EntryKind::Bucket(_) => None,
        }
    }

    /// The bucket, if it is one.
    #[must_use]
    pub const fn bucket(&self) -> Option<&Bucket> {
        match &self.kind {
            EntryKind::Bucket(bucket) => Some(bucket),
            EntryKind::Link(_) => None,
        }
    }
}

/// A (volume, bucket) that leads to a bucket: what every operation on objects starts from. Only
/// [`crate::namespace::NamespaceReader::resolve`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The bucket that holds the data.
    pub bucket: BucketId,
    /// Its volume.
    pub source_volume: Name,
    /// Its name.
    pub source_bucket: Name,
    /// Its owner.
    pub source_owner: Name,
    /// Its canned access control list.
    pub acl: CannedAcl,
    /// Whether it was created with object lock.
    pub object_lock: bool,
    /// When it was created.
    pub created: Timestamp,
    /// Owner of the name asked for: the link's owner when it is one.
    pub entry_owner: Name,
    /// When the name asked for was created.
    pub entry_created: Timestamp,
    /// Whether the name asked for is a link.
    pub is_link: bool,
    /// Links followed, 0 for a bucket.
    pub hops: u8,
    /// The state of the namespace this was read from.
    pub generation: u64,
}

/// A user's canonical id, 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub [u8; 32]);

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A user, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, unique.
    pub name: Name,
    /// The canonical id; [`UserId`] prints as 64 hexadecimal digits.
    pub id: UserId,
    /// The name shown to people.
    pub display_name: String,
    /// Whether the user may use the admin protocol over TCP and read everything.
    pub admin: bool,
    /// When it was created.
    pub created: Timestamp,
    /// The access keys, sorted.
    pub access_keys: Vec<String>,
}

/// One access key and all that a signature check needs.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The access key.
    pub access_key: String,
    /// Its secret.
    pub secret: Secret,
    /// The user it belongs to.
    pub user: Name,
    /// The user's canonical id.
    pub id: UserId,
    /// The user's name for people.
    pub display_name: String,
    /// Whether the user is an administrator.
    pub admin: bool,
}
