//! Users and their S3 secrets. A secret travels at most twice: when it is set, and when the daemon
//! made it and shows it that once. No message asks for a secret that exists.

use super::{Paging, message};
use crate::secret::Secret;

message! {
    /// Creates a user.
    pub struct UserCreate {
        /// The user's name.
        pub name: String,
        /// The access key; the daemon makes one when absent.
        pub access_key: Option<String>,
        /// The secret; the daemon makes one and shows it when absent.
        pub secret: Option<Secret>,
        /// Whether the user may do everything.
        pub admin: bool,
        /// The groups the user is in.
        pub groups: Vec<String>,
    }
}

impl UserCreate {
    /// A user in no group, with a key and a secret that the daemon makes.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            access_key: None,
            secret: None,
            admin: false,
            groups: Vec::new(),
        }
    }
}

message! {
    /// Puts a user into groups.
    pub struct UserUpdate {
        /// The user's name.
        pub name: String,
        /// All groups the user is in from now on.
        pub groups: Vec<String>,
    }
}

message! {
    /// Lists users by name.
    pub struct UserList {
        /// Which ones.
        pub page: Paging,
    }
}

message! {
    /// Deletes a user with all access keys. What the user owned stays.
    pub struct UserDelete {
        /// The user's name.
        pub name: String,
    }
}

message! {
    /// A user, without the secret.
    pub struct UserInfo {
        /// The user's name.
        pub name: String,
        /// The canonical id that S3 shows, 64 hexadecimal digits.
        pub id: String,
        /// The access keys.
        pub access_keys: Vec<AccessKeyInfo>,
        /// Whether the user may do everything.
        pub admin: bool,
        /// The groups the user is in.
        pub groups: Vec<String>,
        /// When the user was created, in milliseconds since 1970 UTC.
        pub created: u64,
    }
}

message! {
    /// An access key of a user.
    pub struct AccessKeyInfo {
        /// The key.
        pub access_key: String,
        /// The tenant whose volume it sees; `s3v` when absent.
        pub tenant: Option<String>,
        /// Until when the secret before the present one is good, in milliseconds since 1970 UTC;
        /// absent when there is only one.
        pub old_secret_until: Option<u64>,
    }
}

message! {
    /// An access key, and its secret if the daemon made it just now.
    pub struct Credentials {
        /// The user.
        pub user: String,
        /// The access key.
        pub access_key: String,
        /// The secret, shown this once.
        pub secret: Option<Secret>,
    }
}

message! {
    /// Makes a secret for a user who has none, and shows it once.
    pub struct S3SecretGet {
        /// The user; the caller when absent.
        pub user: Option<String>,
        /// Make one more access key for a user who has some.
        pub another: bool,
    }
}

message! {
    /// Sets a user's secret, replacing the one there is. The reply names the access key.
    pub struct S3SecretSet {
        /// The user; the caller when absent.
        pub user: Option<String>,
        /// Of which access key; needed when the user has several.
        pub access_key: Option<String>,
        /// The new secret; the daemon makes one and shows it when absent.
        pub secret: Option<Secret>,
        /// Seconds for which the old one stays good too.
        pub keep_old: Option<u64>,
    }
}

message! {
    /// Takes a user's secrets away: requests signed with them fail from then on.
    pub struct S3SecretRevoke {
        /// The user; the caller when absent.
        pub user: Option<String>,
        /// Of which access key; of all when absent.
        pub access_key: Option<String>,
    }
}
