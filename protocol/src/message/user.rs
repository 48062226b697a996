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
        /// Whether the user may use this protocol over TCP.
        pub admin: bool,
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
        /// The access key, when there is one.
        pub access_key: Option<String>,
        /// Whether there is a secret, so that the access key works.
        pub has_secret: bool,
        /// Whether the user may use this protocol over TCP.
        pub admin: bool,
        /// When the user was created, in milliseconds since 1970 UTC.
        pub created: u64,
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
    }
}

message! {
    /// Sets a user's secret, replacing the one there is. The reply names the access key.
    pub struct S3SecretSet {
        /// The user; the caller when absent.
        pub user: Option<String>,
        /// The new secret.
        pub secret: Secret,
    }
}

message! {
    /// Takes a user's secret away: requests signed with it fail from then on.
    pub struct S3SecretRevoke {
        /// The user; the caller when absent.
        pub user: Option<String>,
    }
}
