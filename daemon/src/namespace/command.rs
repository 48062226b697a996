//! What can be asked of the namespace, and what it answers.

use crate::base::{BucketId, Timestamp};
use crate::namespace::acl::{Acl, Rule};
use crate::namespace::name::Name;
use crate::namespace::quota::{QuotaChange, Used};
use crate::namespace::secret::Secret;
use crate::namespace::types::{CannedAcl, Credential, Entry, Volume};

/// A change. All or nothing; names are checked here, not by the caller.
#[derive(Clone, Debug)]
pub enum Command {
    /// Answers [`Reply::Volume`].
    CreateVolume {
        /// The volume.
        name: String,
        /// The user it belongs to.
        owner: String,
        /// Most bytes in its buckets together.
        quota_bytes: Option<u64>,
        /// Most buckets and links in it.
        quota_namespace: Option<u64>,
    },
    /// Refused while it holds anything or is a tenant's. Answers [`Reply::Done`].
    DeleteVolume {
        /// The volume.
        name: String,
    },
    /// Answers [`Reply::Volume`].
    SetVolumeOwner {
        /// The volume.
        name: String,
        /// The new owner.
        owner: String,
    },
    /// Answers [`Reply::Entry`].
    CreateBucket {
        /// The volume, must exist.
        volume: String,
        /// The bucket.
        name: String,
        /// The user it belongs to.
        owner: String,
        /// Its canned access control list.
        acl: CannedAcl,
        /// Whether objects may be locked.
        object_lock: bool,
        /// Whether it stays as long as links name it.
        protected: bool,
        /// Most bytes in it.
        quota_bytes: Option<u64>,
        /// Most objects in it.
        quota_namespace: Option<u64>,
    },
    /// Answers [`Reply::Entry`], with the link's status.
    CreateLink {
        /// Volume and name of the source. Not looked up, unless `strict`.
        source: (String, String),
        /// The link's volume, must exist.
        volume: String,
        /// The link.
        name: String,
        /// The user the link belongs to.
        owner: String,
        /// Refuse when the link would not lead to a bucket now.
        strict: bool,
        /// What else it says.
        options: LinkOptions,
    },
    /// Gives a link another source, at once for everybody: a new generation. Everything else about
    /// the link stays; a link bound to a bucket is bound to the one it leads to now. Consent is
    /// dropped unless given anew. Answers [`Reply::Entry`].
    SetLinkSource {
        /// The link's volume.
        volume: String,
        /// The link.
        name: String,
        /// Volume and name of the new source.
        source: (String, String),
        /// Refuse unless this is its source.
        expect: Option<(String, String)>,
        /// Refuse unless this is its generation.
        expect_generation: Option<u64>,
        /// Consent to decide in place of the new source.
        delegate: Option<Grantor>,
        /// Who does it.
        by: String,
    },
    /// Makes a new generation out of an old one. Consent is dropped. Answers [`Reply::Entry`].
    RollbackLink {
        /// The link's volume.
        volume: String,
        /// The link.
        name: String,
        /// The generation to go back to; the one before the present one when missing.
        to: Option<u64>,
        /// Who does it.
        by: String,
    },
    /// Takes the consent back: the link is a plain one again. Answers [`Reply::Entry`].
    RevokeDelegation {
        /// The link's volume.
        volume: String,
        /// The link.
        name: String,
    },
    /// Changes an access control list. Answers [`Reply::Acl`].
    SetAcl {
        /// Of what.
        target: AclTarget,
        /// How.
        edit: AclEdit,
    },
    /// Says whether a bucket stays as long as links name it. Answers [`Reply::Entry`].
    SetProtected {
        /// The volume.
        volume: String,
        /// The bucket.
        name: String,
        /// Whether it does.
        protected: bool,
    },
    /// Says after how long an upload to a bucket that nobody goes on with ends. Answers
    /// [`Reply::Entry`].
    SetExpireUploads {
        /// The volume.
        volume: String,
        /// The bucket.
        name: String,
        /// Seconds, 0 for never; without a value what the daemon's settings say.
        seconds: Option<u64>,
    },
    /// Deletes a bucket whose emptiness the caller has made sure of. Answers [`Reply::Deleted`].
    DeleteBucket {
        /// The volume.
        volume: String,
        /// The bucket.
        name: String,
        /// The bucket that was found empty.
        expect: BucketId,
    },
    /// Deletes a link, never its source. Answers [`Reply::Deleted`]: links to this link dangle.
    DeleteLink {
        /// The volume.
        volume: String,
        /// The link.
        name: String,
    },
    /// Changes the owner of a bucket or of a link (not of its source). Answers [`Reply::Entry`].
    SetEntryOwner {
        /// The volume.
        volume: String,
        /// The bucket or link.
        name: String,
        /// The new owner.
        owner: String,
    },
    /// Answers [`Reply::Entry`] with the bucket.
    SetBucketAcl {
        /// The bucket.
        bucket: BucketId,
        /// Its new list.
        acl: CannedAcl,
    },
    /// Keeps or removes an opaque property of a bucket. Answers [`Reply::Done`].
    SetBucketProperty {
        /// The bucket.
        bucket: BucketId,
        /// Which property; the S3 layer gives these numbers their meaning.
        property: u8,
        /// Its value, or `None` to remove it.
        value: Option<Vec<u8>>,
    },
    /// Creates a user with one access key. Answers [`Reply::Credential`].
    CreateUser {
        /// The user.
        name: String,
        /// The name for people; the user's name when missing.
        display_name: Option<String>,
        /// The access key; a random one when missing.
        access_key: Option<String>,
        /// The secret; a random one when missing.
        secret: Option<Secret>,
        /// Whether the user is an administrator.
        admin: bool,
        /// The groups the user is in.
        groups: Vec<String>,
    },
    /// Puts a user into these groups and no others. Answers [`Reply::Done`].
    SetUserGroups {
        /// The user.
        name: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// Refused for the last administrator. Its access keys are gone with it. Answers [`Reply::Done`].
    DeleteUser {
        /// The user.
        name: String,
    },
    /// Gives a user another access key. Answers [`Reply::Credential`].
    CreateSecret {
        /// The user.
        user: String,
        /// The access key; a random one when missing.
        access_key: Option<String>,
        /// The secret; a random one when missing.
        secret: Option<Secret>,
    },
    /// Changes the secret of an access key, of a tenant or not. Answers [`Reply::Credential`].
    SetSecret {
        /// The access key.
        access_key: String,
        /// The new secret; a random one when missing.
        secret: Option<Secret>,
        /// Until when the secret so far stays valid, too. At most one does: the one before it is
        /// forgotten with this change.
        keep_old: Option<Timestamp>,
    },
    /// Removes an access key of no tenant. Answers [`Reply::Done`].
    RevokeSecret {
        /// The access key.
        access_key: String,
    },
    /// Encrypts the secret of an access key anew. Answers [`Reply::Done`].
    SealSecret {
        /// The access key.
        access_key: String,
    },
    /// Changes the quotas of a volume. Answers [`Reply::Volume`].
    SetVolumeQuota {
        /// The volume.
        name: String,
        /// Most bytes in its buckets together.
        bytes: QuotaChange,
        /// Most buckets and links in it.
        namespace: QuotaChange,
        /// What its buckets hold together, when the caller knows: a quota below is refused.
        used: Option<Used>,
    },
    /// Changes the quotas of a bucket, never through a link. Answers [`Reply::Entry`].
    SetBucketQuota {
        /// The volume.
        volume: String,
        /// The bucket.
        name: String,
        /// Most bytes in it.
        bytes: QuotaChange,
        /// Most objects in it.
        namespace: QuotaChange,
        /// What it holds, when the caller knows: a quota below is refused.
        used: Option<Used>,
    },
    /// Makes a tenant and its volume. Answers [`Reply::Volume`].
    CreateTenant {
        /// The tenant and the volume.
        name: String,
        /// The user the volume belongs to.
        owner: String,
        /// Take a volume that exists, with its owner and all that is in it.
        force: bool,
    },
    /// Refused while users are assigned. The volume stays. Answers [`Reply::Done`].
    DeleteTenant {
        /// The tenant.
        name: String,
    },
    /// Gives a user an access id in a tenant. Answers [`Reply::Credential`].
    AssignTenantUser {
        /// The tenant.
        tenant: String,
        /// The user, who must exist.
        user: String,
        /// The access id, must begin with `tenant$`; `tenant$user` when missing.
        access_id: Option<String>,
        /// The secret; a random one when missing.
        secret: Option<Secret>,
    },
    /// Takes an access id away. Refused for an administrator of the tenant. Answers
    /// [`Reply::Done`].
    RevokeTenantUser {
        /// The access id.
        access_id: String,
    },
    /// Appoints or dismisses an administrator of a tenant. Answers [`Reply::Done`].
    SetTenantAdmin {
        /// The access id.
        access_id: String,
        /// Whether it administers the tenant.
        admin: bool,
        /// Whether it may appoint others.
        delegated: bool,
    },
}

/// What a link says besides its source.
#[derive(Clone, Debug, Default)]
pub struct LinkOptions {
    /// Nothing may be written through it.
    pub read_only: bool,
    /// It shows only the keys that begin so, without this beginning.
    pub prefix: Option<String>,
    /// It leads nowhere any more from then on.
    pub expires: Option<Timestamp>,
    /// It leads to the bucket it leads to now and never to another one. Refused when it leads to
    /// none.
    pub bind_id: bool,
    /// Consent to decide in place of the source's list. Refused when it leads to no bucket.
    pub delegate: Option<Grantor>,
    /// Who makes it; its owner when missing.
    pub by: Option<String>,
}

/// Who consents that a link's own list decides: must be allowed to change the list of the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantor {
    /// The user.
    pub name: String,
    /// Whether it acts as an administrator of the store.
    pub admin: bool,
    /// The tenant whose access id it acts with.
    pub tenant: Option<String>,
    /// Whether it is an administrator of that tenant.
    pub tenant_admin: bool,
}

/// What has an access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AclTarget {
    /// A volume.
    Volume(String),
    /// A bucket or a link (never its source), by volume and name.
    Entry(String, String),
    /// The keys of a bucket that begin so.
    Prefix(BucketId, String),
}

/// A change of an access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AclEdit {
    /// Gives more rights.
    Add(Vec<Rule>),
    /// Takes rights away.
    Remove(Vec<Rule>),
    /// Puts this in place of the list.
    Set(Vec<Rule>),
}

/// What a command answers. When it arrives, the change is durable and every core reads it.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Nothing to say.
    Done,
    /// The volume as it is now.
    Volume(Volume),
    /// The bucket or link as it is now.
    Entry(Box<Entry>),
    /// The access control list as it is now.
    Acl(Acl),
    /// Something is gone.
    Deleted {
        /// Links that led to a bucket before and do not any more, the first
        /// [`crate::namespace::DANGLING_SHOWN_MAX`] of them.
        dangling: Vec<(Name, Name)>,
        /// How many there are in all.
        dangling_count: u64,
    },
    /// An access key with its secret: the only moment it is shown.
    Credential(Credential),
}

/// The administrator a store is created with.
#[derive(Clone, Debug)]
pub struct FirstUser {
    /// The user's name.
    pub name: String,
    /// The access key; a random one when missing.
    pub access_key: Option<String>,
    /// The secret; a random one when missing.
    pub secret: Option<Secret>,
}
