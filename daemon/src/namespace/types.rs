//! What the namespace holds, as readers see it.

use crate::base::codec::Malformed;
use crate::base::hex::hex_into;
use crate::base::{BucketId, Timestamp};
use crate::namespace::acl::Acl;
use crate::namespace::gates::Gates;
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
    /// Who may do what in it.
    pub acl: Acl,
    /// Most bytes in its buckets together.
    pub quota_bytes: Option<u64>,
    /// Most buckets and links in it.
    pub quota_namespace: Option<u64>,
    /// Buckets and links in it.
    pub used_namespace: u64,
    /// Whether it is a tenant's.
    pub tenant: bool,
    /// Access ids that are assigned to the tenant.
    pub references: u32,
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
    /// Whether it stays as long as links name it.
    pub protected: bool,
    /// Most bytes in it.
    pub quota_bytes: Option<u64>,
    /// Most objects in it.
    pub quota_namespace: Option<u64>,
    /// Seconds after which an upload that nobody goes on with ends; 0: never. Without a value the
    /// daemon's settings say so.
    pub expire_uploads: Option<u64>,
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
    /// The time of the link, or of one on its way, is over. See [`Link::status_at`].
    Expired,
}

/// Where a link leads. Kept with the link, renewed whenever anything on its way changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// How it ended, whatever the time: never `Expired`.
    pub status: LinkStatus,
    /// Links followed, this one included.
    pub hops: u8,
    /// Last name met: the bucket, the missing name, the name met twice, or where the patience ended.
    pub volume: Name,
    /// See `volume`.
    pub bucket: Name,
    /// The bucket, when the status is `Ok`.
    pub target: Option<Target>,
    /// What all keys seen through the link begin with in the bucket: the prefixes of all links on
    /// the way, this one's last.
    pub prefix: Option<Box<str>>,
    /// Whether any link on the way forbids to write.
    pub read_only: bool,
    /// When the first link on the way expires.
    pub expires: Option<Timestamp>,
    /// Whether the link itself is delegated: there is consent, and it is valid. See [`Consent`].
    pub delegated: bool,
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
    /// Whether nothing may be written through it.
    pub read_only: bool,
    /// What the keys it shows begin with in its source.
    pub prefix: Option<Box<str>>,
    /// When it stops leading anywhere.
    pub expires: Option<Timestamp>,
    /// The bucket it must lead to; it dangles otherwise.
    pub bind: Option<BucketId>,
    /// The consent that its own list decides in place of the bucket's. Says nothing about whether
    /// it is still valid: that is `resolution.delegated`.
    pub delegate: Option<Consent>,
    /// Number of its present source: 1 at first, one more with every change of the source.
    pub generation: u64,
    /// When the present source was given.
    pub changed: Timestamp,
    /// Who gave it.
    pub changed_by: Name,
    /// Where that leads today.
    pub resolution: Resolution,
}

impl Link {
    /// The present source, as one of its history.
    #[must_use]
    pub fn present(&self) -> LinkGeneration {
        LinkGeneration {
            generation: self.generation,
            source_volume: self.source_volume,
            source_bucket: self.source_bucket,
            read_only: self.read_only,
            prefix: self.prefix.clone(),
            expires: self.expires,
            bind: self.bind,
            at: self.changed,
            by: self.changed_by,
        }
    }

    /// How the link stands at a time.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> LinkStatus {
        match self.resolution.expires {
            Some(end) if end <= now => LinkStatus::Expired,
            _ => self.resolution.status,
        }
    }
}

/// The consent of somebody who may change the access control list of a bucket, that the list of a
/// link decides who may do what through it. Valid only as long as the link leads to that bucket and
/// the grantor may still do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Who gave it.
    pub grantor: Name,
    /// Whether as an administrator, of the store or of the bucket's tenant: whose rights are not
    /// asked for again.
    pub admin: bool,
    /// The bucket it is about.
    pub bucket: BucketId,
    /// When it was given.
    pub at: Timestamp,
}

/// Some links, and the last name looked at when there may be more behind it.
pub type LinkPage = (Vec<Entry>, Option<(Name, Name)>);

/// How many generations of a link are kept, the present one included.
pub const LINK_GENERATIONS_KEPT: u64 = 1000;

/// One of the sources a link has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkGeneration {
    /// Its number.
    pub generation: u64,
    /// Volume of the source.
    pub source_volume: Name,
    /// Name of the source.
    pub source_bucket: Name,
    /// See [`Link`].
    pub read_only: bool,
    /// See [`Link`].
    pub prefix: Option<Box<str>>,
    /// See [`Link`].
    pub expires: Option<Timestamp>,
    /// See [`Link`].
    pub bind: Option<BucketId>,
    /// When the link got this source.
    pub at: Timestamp,
    /// Who gave it.
    pub by: Name,
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
    /// Who may do what with it. Of a bucket this adds to the canned list.
    pub acl: Acl,
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
    /// Volume of the name asked for.
    pub entry_volume: Name,
    /// The name asked for.
    pub entry_name: Name,
    /// What all keys begin with in the bucket: see [`Resolved::key`] and [`Resolved::shown`].
    pub prefix: Option<Box<str>>,
    /// Whether nothing may be written through this name. [`Resolved::allows`] minds it.
    pub read_only: bool,
    /// When the name stops leading here. It has not yet, at the time it was resolved for.
    pub expires: Option<Timestamp>,
    /// The generation of the link asked for, 0 for a bucket.
    pub link_generation: u64,
    /// Whether a delegated link decides who may do what, in place of the bucket.
    pub delegated: bool,
    /// Who may pass, and what they may do then: see [`Resolved::allows`].
    pub(crate) gates: Gates,
}

/// A user's canonical id, 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub [u8; 32]);

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut digits = [0; 64];
        hex_into(&self.0, &mut digits);
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
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
    /// The groups the user is in, sorted.
    pub groups: Vec<Name>,
    /// The access keys of no tenant, sorted.
    pub access_keys: Vec<String>,
    /// The access ids in tenants, sorted.
    pub tenant_ids: Vec<String>,
}

/// One access key and all that a signature check needs.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The access key.
    pub access_key: String,
    /// Its secret.
    pub secret: Secret,
    /// The secret before this one, and until when a signature may be made with it, too. Whoever
    /// checks signatures compares the time.
    pub previous: Option<(Secret, Timestamp)>,
    /// The user it belongs to.
    pub user: Name,
    /// The user's canonical id.
    pub id: UserId,
    /// The user's name for people.
    pub display_name: String,
    /// Whether the user is an administrator. Never with an access id of a tenant.
    pub admin: bool,
    /// The groups the user is in, sorted.
    pub groups: Vec<Name>,
    /// The tenant, for an access id of one: its volume is what S3 shows.
    pub tenant: Option<Name>,
    /// Whether it administers the tenant.
    pub tenant_admin: bool,
    /// Whether it may appoint administrators of the tenant.
    pub delegated: bool,
}
