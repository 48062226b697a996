//! What requests ask and replies say. Every message is its fields in order, each in its own
//! encoding, nothing in between and nothing after.

mod acl;
mod bucket;
mod hello;
mod key;
mod link;
mod scrub;
mod status;
mod tenant;
mod upload;
mod user;
mod volume;

use crate::codec::{Codec, Malformed, Reader, TooLong};

pub use acl::{
    AclAction, AclEdit, AclGet, AclInfo, AclKind, AclRule, AclScope, AclSubject, AclTarget,
};
pub use bucket::{
    BucketClearQuota, BucketCreate, BucketDelete, BucketDeleted, BucketInfo, BucketInfoGet,
    BucketLink, BucketList, BucketSetQuota, BucketUpdate, Versioning,
};
pub use hello::{Authenticate, Authentication, Hello, HelloReply};
pub use key::{
    KeyCopy, KeyDelete, KeyEntry, KeyGet, KeyInfo, KeyInfoGet, KeyList, KeyPut, KeyRename, Property,
};
pub use link::{
    Delegation, LinkGeneration, LinkGenerations, LinkHistory, LinkInfo, LinkList, LinkRevoke,
    LinkRollback, LinkSetSource, LinkStats, LinkStatus,
};
pub use scrub::{
    Scrub, ScrubAction, ScrubDamage, ScrubGet, ScrubInfo, ScrubObject, ScrubPhase, ScrubShard,
};
pub use status::{Durability, ShardState, ShardStatus, Status, StatusGet};
pub use tenant::{
    TenantCreate, TenantDelete, TenantInfo, TenantInfoGet, TenantList, TenantUser,
    TenantUserAssign, TenantUserAssignAdmin, TenantUserInfoGet, TenantUserList, TenantUserRevoke,
    TenantUserRevokeAdmin, TenantUserSecretGet, TenantUserSecretSet,
};
pub use upload::{UploadAbort, UploadAborted, UploadInfo, UploadList};
pub use user::{
    AccessKeyInfo, Credentials, S3SecretGet, S3SecretRevoke, S3SecretSet, UserCreate, UserDelete,
    UserInfo, UserList, UserUpdate,
};
pub use volume::{
    VolumeClearQuota, VolumeCreate, VolumeDelete, VolumeInfo, VolumeInfoGet, VolumeList,
    VolumeSetQuota, VolumeUpdate,
};

/// Defines a struct whose encoding is its fields in order.
macro_rules! message {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::codec::Codec for $name {
            #[allow(unused_variables, reason = "a message may have no fields")]
            fn encode(&self, out: &mut Vec<u8>) -> Result<(), $crate::codec::TooLong> {
                $($crate::codec::Codec::encode(&self.$field, out)?;)*
                Ok(())
            }

            #[allow(unused_variables, reason = "a message may have no fields")]
            fn decode(
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::Malformed> {
                Ok(Self { $($field: $crate::codec::Codec::decode(reader)?,)* })
            }
        }
    };
}

/// Defines an enum of one byte with names as people read them.
macro_rules! byte_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $number:literal $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_meta])* $variant = $number,)*
        }

        impl $name {
            /// The name that people read.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl $crate::codec::Codec for $name {
            fn encode(&self, out: &mut Vec<u8>) -> Result<(), $crate::codec::TooLong> {
                out.push(*self as u8);
                Ok(())
            }

            fn decode(
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::Malformed> {
                match u8::decode(reader)? {
                    $($number => Ok(Self::$variant),)*
                    _ => Err($crate::codec::Malformed(concat!("unknown ", stringify!($name)))),
                }
            }
        }
    };
}

pub(crate) use {byte_enum, message};

message! {
    /// A reply that says no more than that it was done.
    pub struct Done {}
}

message! {
    /// A bucket or link by name.
    pub struct BucketName {
        /// The volume.
        pub volume: String,
        /// The bucket in it.
        pub bucket: String,
    }
}

impl BucketName {
    /// A bucket's name.
    #[must_use]
    pub fn new(volume: impl Into<String>, bucket: impl Into<String>) -> Self {
        Self {
            volume: volume.into(),
            bucket: bucket.into(),
        }
    }
}

impl std::fmt::Display for BucketName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/{}/{}", self.volume, self.bucket)
    }
}

/// One page of a listing, in order. To go on, ask again for what comes after the last entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether there is more after the last entry.
    pub more: bool,
}

impl<T: Codec> Codec for Page<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        self.entries.encode(out)?;
        self.more.encode(out)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            entries: Codec::decode(reader)?,
            more: Codec::decode(reader)?,
        })
    }
}

message! {
    /// Which page of a listing.
    pub struct Paging {
        /// Only names that begin with this.
        pub prefix: String,
        /// Only names after this one; empty for the first page.
        pub after: String,
        /// Most entries wanted; the daemon may send fewer. 0 stands for as many as it likes.
        pub limit: u16,
    }
}

impl Paging {
    /// The first page, with as many entries as the daemon likes.
    #[must_use]
    pub const fn first() -> Self {
        Self {
            prefix: String::new(),
            after: String::new(),
            limit: 0,
        }
    }
}
