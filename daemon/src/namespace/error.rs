//! What can go wrong in the namespace, one enum per question asked.

use crate::base::codec::Malformed;
use crate::base::{BucketId, Timestamp};
use crate::index::map::MapError;
use crate::io::IoError;
use crate::log::LogError;
use crate::namespace::acl::AclError;
use crate::namespace::name::Name;

/// Names met on the way from a link to its source, the link first, as (volume, name).
pub type Chain = Vec<(Name, Name)>;

/// Why a (volume, bucket) does not lead to a bucket.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ResolveError {
    /// No such volume.
    #[error("volume not found")]
    VolumeNotFound,
    /// The volume has no such bucket or link.
    #[error("bucket not found")]
    BucketNotFound,
    /// The link leads to a name that nothing has, or to another bucket than the one it is bound to.
    #[error("the link dangles: /{volume}/{bucket} {}", if *.bound { "is not the bucket it is bound to" } else { "does not exist" })]
    Dangling {
        /// Volume of the missing name.
        volume: String,
        /// The missing name.
        bucket: String,
        /// Whether the name is there, but not the bucket that the link is bound to.
        bound: bool,
    },
    /// The time of the link, or of one on its way, is over.
    #[error("the link /{volume}/{name} has expired")]
    Expired {
        /// Volume of the link that has expired.
        volume: String,
        /// The link that has expired.
        name: String,
        /// When it did.
        at: Timestamp,
    },
    /// The link leads back to itself or into a loop.
    #[error("loop of links: {}", show_chain(chain))]
    Loop {
        /// The way, its last name is one met before.
        chain: Chain,
    },
    /// More hops than [`crate::base::limits::LINK_CHAIN_MAX`].
    #[error("too many links in a row: {}", show_chain(chain))]
    TooDeep {
        /// The way, as far as it was followed.
        chain: Chain,
    },
    /// The index file does not hold what was written to it. A restart rebuilds it from the log.
    #[error(transparent)]
    Damaged(#[from] ReadError),
}

/// The index could not be read. Never means "not there".
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// A page of the index is damaged.
    #[error("namespace index: {0}")]
    Map(#[from] MapError),
    /// An entry of the index has no meaning for this version.
    #[error("namespace entry: {0}")]
    Entry(#[from] Malformed),
}

impl From<MapError> for ResolveError {
    fn from(error: MapError) -> Self {
        Self::Damaged(error.into())
    }
}

impl From<Malformed> for ResolveError {
    fn from(error: Malformed) -> Self {
        Self::Damaged(error.into())
    }
}

/// Why a command was refused, or failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// Not a volume name.
    #[error("invalid volume name {0:?}")]
    InvalidVolumeName(String),
    /// Not a bucket name.
    #[error("invalid bucket name {0:?}")]
    InvalidBucketName(String),
    /// Not a user name.
    #[error("invalid user name {0:?}")]
    InvalidUserName(String),
    /// Not an access key.
    #[error(
        "invalid access key: 3 to 128 letters, digits or . _ - @ +; $ in access ids of tenants"
    )]
    InvalidAccessKey,
    /// Not a secret key.
    #[error("invalid secret key: 8 to 128 printable ASCII characters without spaces")]
    InvalidSecret,
    /// The command makes no sense.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// No such volume.
    #[error("volume {0} not found")]
    VolumeNotFound(Name),
    /// There is one already.
    #[error("volume {0} already exists")]
    VolumeAlreadyExists(Name),
    /// It holds buckets or links.
    #[error("volume {0} is not empty")]
    VolumeNotEmpty(Name),
    /// `s3v` cannot be deleted.
    #[error("volume {0} cannot be deleted")]
    VolumeIsPermanent(Name),
    /// No such bucket or link.
    #[error("bucket {0} not found")]
    BucketNotFound(String),
    /// A bucket or a link of this name exists.
    #[error("bucket or link {0} already exists")]
    BucketAlreadyExists(String),
    /// No bucket has this number (any more).
    #[error("bucket {} not found", .0.0)]
    BucketGone(BucketId),
    /// The bucket is not the one that was expected: deleted and re-created meanwhile.
    #[error("bucket {0} is not the expected one any more")]
    BucketChanged(String),
    /// A command for buckets met a link.
    #[error("{0} is a link, not a bucket")]
    IsALink(String),
    /// A command for links met a bucket.
    #[error("{0} is a bucket, not a link")]
    NotALink(String),
    /// The link has another source or generation than expected: somebody was faster.
    #[error("link {link} was changed meanwhile: generation {generation}, source {source_is}")]
    LinkChanged {
        /// The link.
        link: String,
        /// Its generation.
        generation: u64,
        /// Its source.
        source_is: String,
    },
    /// The link never had this generation, or it is too long ago.
    #[error("link {0} has no generation {1} to go back to")]
    NoGeneration(String, u64),
    /// A protected bucket that links name cannot be deleted.
    #[error("bucket {bucket} is protected and {links} links lead to it, {first} first")]
    BucketIsLinked {
        /// The bucket.
        bucket: String,
        /// How many links name it.
        links: u64,
        /// One of them.
        first: String,
    },
    /// A link can be bound or delegated only while it leads to a bucket.
    #[error("the link cannot be bound or delegated: {0}")]
    NoTarget(ResolveError),
    /// The grantor may not change the access control list of the bucket.
    #[error("user {grantor} may not delegate {bucket}: WRITE_ACL is needed there")]
    MayNotDelegate {
        /// Who wanted to consent.
        grantor: Name,
        /// The bucket.
        bucket: String,
    },
    /// An access control list that cannot be.
    #[error(transparent)]
    Acl(#[from] AclError),
    /// A prefix of keys that cannot be.
    #[error("invalid prefix {0:?}: 1 to 1024 bytes without NUL")]
    InvalidPrefix(String),
    /// Not possible.
    #[error("not supported: {0}")]
    NotSupported(&'static str),
    /// A strict link would not lead to a bucket.
    #[error("strict link refused: {0}")]
    Strict(ResolveError),
    /// No such user.
    #[error("user {0} not found")]
    UserNotFound(Name),
    /// There is one already.
    #[error("user {0} already exists")]
    UserAlreadyExists(Name),
    /// The last administrator cannot be deleted.
    #[error("user {0} is the last administrator")]
    LastAdmin(Name),
    /// None of the secrets opens with the key that was given.
    #[error("the secrets of this store are encrypted with another key")]
    WrongSecretsKey,
    /// No such access key.
    #[error("access key not found")]
    AccessKeyNotFound,
    /// Access keys are unique over all users.
    #[error("access key already exists")]
    AccessKeyAlreadyExists,
    /// A change that a quota does not leave room for.
    #[error("{0}")]
    QuotaExceeded(String),
    /// A quota that cannot be: nothing, below what is used, a bucket's above its volume's.
    #[error("{0}")]
    QuotaInvalid(String),
    /// The owner has as many volumes as allowed.
    #[error("user {0} has the most volumes allowed, {1}")]
    TooManyVolumes(Name, usize),
    /// The store has as many buckets and links as allowed.
    #[error("the store has the most buckets and links allowed, {0}")]
    TooManyBuckets(u64),
    /// The volume is a tenant's.
    #[error("volume {0} belongs to a tenant")]
    VolumeIsReferenced(Name),
    /// No such tenant.
    #[error("tenant {0} not found")]
    TenantNotFound(Name),
    /// There is one already.
    #[error("tenant {0} already exists")]
    TenantAlreadyExists(Name),
    /// Users are assigned to it.
    #[error("tenant {0} is not empty: {1} access ids are assigned")]
    TenantNotEmpty(Name, u32),
    /// The user has an access id in the tenant, or the access id exists.
    #[error("user {user} cannot be assigned: access id {access_id} exists")]
    AccessIdAlreadyExists {
        /// The user to be assigned.
        user: Name,
        /// The access id in the way.
        access_id: String,
    },
    /// No tenant has this access id.
    #[error("access id {0} not found")]
    AccessIdNotFound(String),
    /// An administrator of a tenant must be dismissed before it is revoked.
    #[error("access id {0} administers its tenant: revoke that first")]
    AccessIdIsAdmin(String),
    /// An opaque property is larger than [`crate::namespace::PROPERTY_BYTES_MAX`].
    #[error("bucket property too large: {0} bytes")]
    PropertyTooLarge(usize),
    /// The namespace log failed. When it is poisoned, nothing is acknowledged any more.
    #[error("namespace log: {0}")]
    Log(#[from] LogError),
    /// Acknowledged records of the namespace log cannot be read, and nothing else has them.
    #[error("namespace log: {0}")]
    Damaged(LogError),
    /// The log does not continue what the index or the snapshot ends with.
    #[error("namespace log: it does not reach back to the newest readable snapshot")]
    Gap,
    /// The namespace log holds something this version does not understand.
    #[error("namespace log record: {0}")]
    Record(#[from] Malformed),
    /// The index could not be read or written.
    #[error("namespace index: {0}")]
    Map(#[from] MapError),
    /// A snapshot could not be read or written.
    #[error("namespace snapshot: {0}")]
    Disk(#[from] IoError),
    /// The namespace was closed, or its loop is gone.
    #[error("namespace is closed")]
    Closed,
}

impl From<ReadError> for NamespaceError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Map(error) => Self::Map(error),
            ReadError::Entry(error) => Self::Record(error),
        }
    }
}

/// `/volume/name`, as errors show a bucket or a link.
#[must_use]
pub fn show_place(volume: &Name, name: &Name) -> String {
    format!("/{volume}/{name}")
}

/// `/v/a -> /v/b -> /v/a`
#[must_use]
pub fn show_chain(chain: &[(Name, Name)]) -> String {
    let names: Vec<String> = chain.iter().map(|(v, b)| show_place(v, b)).collect();
    names.join(" -> ")
}
