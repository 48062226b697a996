//! The table of operations: one line each gives an operation its opcode, its name, who may call it,
//! its request and its reply.

use crate::codec::{Codec, Malformed, TooLong};
use crate::message::{
    AclEdit, AclGet, AclInfo, Authenticate, BucketClearQuota, BucketCreate, BucketDelete,
    BucketDeleted, BucketInfo, BucketInfoGet, BucketLink, BucketList, BucketSetQuota, BucketUpdate,
    Credentials, Done, Hello, HelloReply, KeyCopy, KeyDelete, KeyEntry, KeyGet, KeyInfo,
    KeyInfoGet, KeyList, KeyPut, KeyRename, LinkGenerations, LinkHistory, LinkList, LinkRevoke,
    LinkRollback, LinkSetSource, Page, S3SecretGet, S3SecretRevoke, S3SecretSet, Scrub, ScrubGet,
    ScrubInfo, Status, StatusGet, TenantCreate, TenantDelete, TenantInfo, TenantInfoGet,
    TenantList, TenantUser, TenantUserAssign, TenantUserAssignAdmin, TenantUserInfoGet,
    TenantUserList, TenantUserRevoke, TenantUserRevokeAdmin, TenantUserSecretGet,
    TenantUserSecretSet, UploadAbort, UploadAborted, UploadInfo, UploadList, UserCreate,
    UserDelete, UserInfo, UserList, UserUpdate, VolumeClearQuota, VolumeCreate, VolumeDelete,
    VolumeInfo, VolumeInfoGet, VolumeList, VolumeSetQuota, VolumeUpdate,
};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone who connected; only what opens a connection.
    Anyone,
    /// Any user who proved to be one. What of it that user may do, the engine judges by owners,
    /// access lists and tenants.
    User,
    /// The same, on the unix socket only: the request or its reply carries a secret, and TCP is not
    /// confidential.
    LocalUser,
    /// Administrators.
    Admin,
    /// Administrators, on the unix socket only.
    LocalAdmin,
}

impl Access {
    /// Whether a secret travels, so that it is refused over TCP.
    #[must_use]
    pub const fn only_local(self) -> bool {
        matches!(self, Self::LocalUser | Self::LocalAdmin)
    }

    /// Whether it takes an administrator, whoever owns what.
    #[must_use]
    pub const fn only_admins(self) -> bool {
        matches!(self, Self::Admin | Self::LocalAdmin)
    }
}

/// A request with its opcode and the type of its reply.
pub trait Call: Codec {
    /// The number in the header.
    const OPCODE: Opcode;
    /// What a successful response carries.
    type Reply: Codec;
}

macro_rules! operations {
    ($($(#[$meta:meta])* $request:ident = $number:literal $name:literal $access:ident -> $reply_variant:ident($reply:ty),)*) => {
        /// What is asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Opcode {
            $($(#[$meta])* $request = $number,)*
        }

        impl Opcode {
            /// Every opcode, by number.
            pub const ALL: &[Self] = &[$(Self::$request,)*];

            /// The opcode of a number; `None` for one that this version does not know.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$request),)*
                    _ => None,
                }
            }

            /// The name in logs and documents, for example `volume create`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$request => $name,)*
                }
            }

            /// Who may call it.
            #[must_use]
            pub const fn access(self) -> Access {
                match self {
                    $(Self::$request => Access::$access,)*
                }
            }
        }

        /// Any request.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant is the message of that name")]
        pub enum Request {
            $($request($request),)*
        }

        impl Request {
            /// Reads the body of a request frame.
            pub fn from_body(opcode: Opcode, body: &[u8]) -> Result<Self, Malformed> {
                match opcode {
                    $(Opcode::$request => $request::from_bytes(body).map(Self::$request),)*
                }
            }

            /// What is asked for.
            #[must_use]
            pub const fn opcode(&self) -> Opcode {
                match self {
                    $(Self::$request(_) => Opcode::$request,)*
                }
            }

            /// Appends the body of the request's frame.
            pub fn encode_body(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
                match self {
                    $(Self::$request(message) => message.encode(out),)*
                }
            }
        }

        $(
            impl Call for $request {
                const OPCODE: Opcode = Opcode::$request;
                type Reply = $reply;
            }

            impl From<$request> for Request {
                fn from(message: $request) -> Self {
                    Self::$request(message)
                }
            }
        )*

        /// Reads the body of a successful response to `opcode`.
        fn reply_from_body(opcode: Opcode, body: &[u8]) -> Result<Reply, Malformed> {
            match opcode {
                $(Opcode::$request => <$reply>::from_bytes(body).map(Reply::$reply_variant),)*
            }
        }
    };
}

macro_rules! replies {
    ($($variant:ident($type:ty),)*) => {
        /// Any successful reply.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(clippy::large_enum_variant, reason = "a reply is encoded where it is made")]
        #[expect(missing_docs, reason = "each variant is the message of that name")]
        pub enum Reply {
            $($variant($type),)*
        }

        impl Reply {
            /// Appends the body of the reply's frame.
            pub fn encode_body(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
                match self {
                    $(Self::$variant(message) => message.encode(out),)*
                }
            }
        }

        $(
            impl From<$type> for Reply {
                fn from(message: $type) -> Self {
                    Self::$variant(message)
                }
            }
        )*
    };
}

operations! {
    /// Opens a connection.
    Hello = 0x0001 "hello" Anyone -> Hello(HelloReply),
    /// Proves knowledge of a secret.
    Authenticate = 0x0002 "authenticate" Anyone -> Done(Done),
    /// How the daemon is.
    StatusGet = 0x0003 "status" Admin -> Status(Status),

    /// Creates a volume.
    VolumeCreate = 0x0101 "volume create" User -> Volume(VolumeInfo),
    /// Describes a volume.
    VolumeInfoGet = 0x0102 "volume info" User -> Volume(VolumeInfo),
    /// Lists volumes.
    VolumeList = 0x0103 "volume list" User -> Volumes(Page<VolumeInfo>),
    /// Deletes a volume.
    VolumeDelete = 0x0104 "volume delete" User -> Done(Done),
    /// Gives a volume another owner.
    VolumeUpdate = 0x0105 "volume update" User -> Volume(VolumeInfo),
    /// Limits a volume.
    VolumeSetQuota = 0x0106 "volume setquota" User -> Volume(VolumeInfo),
    /// Lifts a volume's limits.
    VolumeClearQuota = 0x0107 "volume clrquota" User -> Volume(VolumeInfo),

    /// Creates a bucket.
    BucketCreate = 0x0201 "bucket create" User -> Bucket(BucketInfo),
    /// Describes a bucket or link.
    BucketInfoGet = 0x0202 "bucket info" User -> Bucket(BucketInfo),
    /// Lists buckets and links.
    BucketList = 0x0203 "bucket list" User -> Buckets(Page<BucketInfo>),
    /// Deletes a bucket or link.
    BucketDelete = 0x0204 "bucket delete" User -> BucketDeleted(BucketDeleted),
    /// Creates a link.
    BucketLink = 0x0205 "bucket link" User -> Bucket(BucketInfo),
    /// Changes a bucket or link.
    BucketUpdate = 0x0206 "bucket update" User -> Bucket(BucketInfo),
    /// Limits a bucket.
    BucketSetQuota = 0x0207 "bucket setquota" User -> Bucket(BucketInfo),
    /// Lifts a bucket's limits.
    BucketClearQuota = 0x0208 "bucket clrquota" User -> Bucket(BucketInfo),

    /// Creates a user.
    UserCreate = 0x0301 "user create" LocalAdmin -> Credentials(Credentials),
    /// Puts a user into groups.
    UserUpdate = 0x0302 "user update" Admin -> User(UserInfo),
    /// Lists users.
    UserList = 0x0303 "user list" Admin -> Users(Page<UserInfo>),
    /// Deletes a user.
    UserDelete = 0x0304 "user delete" Admin -> Done(Done),

    /// Makes a secret and shows it once.
    S3SecretGet = 0x0401 "s3 getsecret" LocalUser -> Credentials(Credentials),
    /// Sets a secret.
    S3SecretSet = 0x0402 "s3 setsecret" LocalUser -> Credentials(Credentials),
    /// Takes a secret away.
    S3SecretRevoke = 0x0403 "s3 revokesecret" User -> Done(Done),

    /// Writes a key.
    KeyPut = 0x0501 "key put" User -> Key(KeyInfo),
    /// Reads a key.
    KeyGet = 0x0502 "key get" User -> Key(KeyInfo),
    /// Describes a key.
    KeyInfoGet = 0x0503 "key info" User -> Key(KeyInfo),
    /// Lists keys.
    KeyList = 0x0504 "key list" User -> Keys(Page<KeyEntry>),
    /// Deletes a key.
    KeyDelete = 0x0505 "key delete" User -> Done(Done),
    /// Gives a key another name.
    KeyRename = 0x0506 "key rename" User -> Key(KeyInfo),
    /// Copies a key.
    KeyCopy = 0x0507 "key cp" User -> Key(KeyInfo),

    /// Lists links.
    LinkList = 0x0601 "link list" User -> Buckets(Page<BucketInfo>),
    /// Points a link at another source.
    LinkSetSource = 0x0602 "link set-source" User -> Bucket(BucketInfo),
    /// Lists what a link was.
    LinkHistory = 0x0603 "link history" User -> LinkGenerations(LinkGenerations),
    /// Makes a link what it was.
    LinkRollback = 0x0604 "link rollback" User -> Bucket(BucketInfo),
    /// Takes a consent back.
    LinkRevoke = 0x0605 "link revoke" User -> Bucket(BucketInfo),

    /// Shows an access list.
    AclGet = 0x0701 "acl get" User -> Acl(AclInfo),
    /// Changes an access list.
    AclEdit = 0x0702 "acl edit" User -> Acl(AclInfo),

    /// Creates a tenant.
    TenantCreate = 0x0801 "tenant create" User -> Tenant(TenantInfo),
    /// Describes a tenant.
    TenantInfoGet = 0x0802 "tenant info" User -> Tenant(TenantInfo),
    /// Lists tenants.
    TenantList = 0x0803 "tenant list" User -> Tenants(Page<TenantInfo>),
    /// Deletes a tenant.
    TenantDelete = 0x0804 "tenant delete" User -> Done(Done),

    /// Gives a user an access id of a tenant.
    TenantUserAssign = 0x0901 "tenant user assign" LocalUser -> Credentials(Credentials),
    /// Takes an access id away.
    TenantUserRevoke = 0x0902 "tenant user revoke" User -> Done(Done),
    /// Lists a user's access ids of tenants.
    TenantUserInfoGet = 0x0903 "tenant user info" User -> TenantUsers(Page<TenantUser>),
    /// Lists a tenant's access ids.
    TenantUserList = 0x0904 "tenant user list" User -> TenantUsers(Page<TenantUser>),
    /// Makes a secret for an access id and shows it once.
    TenantUserSecretGet = 0x0905 "tenant user getsecret" LocalUser -> Credentials(Credentials),
    /// Sets the secret of an access id.
    TenantUserSecretSet = 0x0906 "tenant user setsecret" LocalUser -> Credentials(Credentials),
    /// Lets an access id administer its tenant.
    TenantUserAssignAdmin = 0x0907 "tenant user assignadmin" User -> Done(Done),
    /// Ends that.
    TenantUserRevokeAdmin = 0x0908 "tenant user revokeadmin" User -> Done(Done),

    /// Lists open uploads.
    UploadList = 0x0a01 "upload list" Admin -> Uploads(Page<UploadInfo>),
    /// Ends an upload.
    UploadAbort = 0x0a02 "upload abort" Admin -> UploadAborted(UploadAborted),

    /// How far the scrubber is.
    ScrubGet = 0x0b01 "scrub status" Admin -> Scrub(ScrubInfo),
    /// Orders the scrubber.
    Scrub = 0x0b02 "scrub" Admin -> Scrub(ScrubInfo),
}

replies! {
    Acl(AclInfo),
    Bucket(BucketInfo),
    BucketDeleted(BucketDeleted),
    Buckets(Page<BucketInfo>),
    Credentials(Credentials),
    Done(Done),
    Hello(HelloReply),
    Key(KeyInfo),
    Keys(Page<KeyEntry>),
    LinkGenerations(LinkGenerations),
    Scrub(ScrubInfo),
    Status(Status),
    Tenant(TenantInfo),
    TenantUsers(Page<TenantUser>),
    Tenants(Page<TenantInfo>),
    UploadAborted(UploadAborted),
    Uploads(Page<UploadInfo>),
    User(UserInfo),
    Users(Page<UserInfo>),
    Volume(VolumeInfo),
    Volumes(Page<VolumeInfo>),
}

impl Opcode {
    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Whether it only looks; everything else belongs into an audit log.
    #[must_use]
    pub const fn only_reads(self) -> bool {
        matches!(
            self,
            Self::Hello
                | Self::Authenticate
                | Self::StatusGet
                | Self::VolumeInfoGet
                | Self::VolumeList
                | Self::BucketInfoGet
                | Self::BucketList
                | Self::UserList
                | Self::KeyInfoGet
                | Self::KeyList
                | Self::LinkList
                | Self::LinkHistory
                | Self::AclGet
                | Self::TenantInfoGet
                | Self::TenantList
                | Self::TenantUserInfoGet
                | Self::TenantUserList
                | Self::UploadList
                | Self::ScrubGet
        )
    }

    /// Whether a stream belongs to it: data frames of the client's, or of the daemon's.
    #[must_use]
    pub const fn streams(self) -> bool {
        matches!(self, Self::KeyPut | Self::KeyGet)
    }
}

impl Reply {
    /// Reads the body of a successful response to `opcode`.
    pub fn from_body(opcode: Opcode, body: &[u8]) -> Result<Self, Malformed> {
        reply_from_body(opcode, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn opcodes_are_unique_and_round_trip() {
        let mut seen = std::collections::HashSet::new();
        for &opcode in Opcode::ALL {
            assert!(seen.insert(opcode.number()));
            assert_eq!(Opcode::from_number(opcode.number()), Some(opcode));
        }
        assert_eq!(Opcode::from_number(0), None);
    }

    #[test]
    fn only_the_opening_of_a_connection_is_open_to_anyone() {
        for &opcode in Opcode::ALL {
            let opening = matches!(opcode, Opcode::Hello | Opcode::Authenticate);
            assert_eq!(opcode.access() == Access::Anyone, opening, "{opcode:?}");
        }
    }

    fn opcode() -> impl Strategy<Value = Opcode> {
        prop::sample::select(Opcode::ALL)
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_never_panic_and_what_parses_has_one_encoding(
            opcode in opcode(),
            body in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            if let Ok(request) = Request::from_body(opcode, &body) {
                let mut again = Vec::new();
                request.encode_body(&mut again).unwrap();
                prop_assert_eq!(&again, &body);
            }
            if let Ok(reply) = Reply::from_body(opcode, &body) {
                let mut again = Vec::new();
                reply.encode_body(&mut again).unwrap();
                prop_assert_eq!(&again, &body);
            }
        }

        /// Bytes that are mostly small numbers parse far more often than random ones.
        #[test]
        fn plausible_bodies_never_panic(
            opcode in opcode(),
            body in prop::collection::vec(prop_oneof![Just(0u8), Just(1u8), 2u8..8, any::<u8>()], 0..300),
        ) {
            if let Ok(request) = Request::from_body(opcode, &body) {
                let mut again = Vec::new();
                request.encode_body(&mut again).unwrap();
                prop_assert_eq!(&again, &body);
            }
            let _ = Reply::from_body(opcode, &body);
        }
    }
}
