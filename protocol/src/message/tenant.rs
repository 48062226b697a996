//! Tenants: a tenant is a volume of the same name, which is what the tenant's access ids see as S3.

use super::{Paging, message};
use crate::secret::Secret;

message! {
    /// Creates a tenant and its volume.
    pub struct TenantCreate {
        /// Its name, which is the volume's too.
        pub name: String,
        /// The user who owns the volume; the caller when absent.
        pub owner: Option<String>,
        /// Take a volume of that name that exists, with all that is in it.
        pub force: bool,
    }
}

message! {
    /// Asks about one tenant.
    pub struct TenantInfoGet {
        /// Its name.
        pub name: String,
    }
}

message! {
    /// Lists tenants by name.
    pub struct TenantList {
        /// Which ones.
        pub page: Paging,
    }
}

message! {
    /// Deletes a tenant that has no users. Its volume stays, and can be deleted then.
    pub struct TenantDelete {
        /// Its name.
        pub name: String,
    }
}

message! {
    /// A tenant.
    pub struct TenantInfo {
        /// Its name, which is the volume's too.
        pub name: String,
        /// The user who owns the volume.
        pub owner: String,
        /// When it was created, in milliseconds since 1970 UTC.
        pub created: u64,
        /// Access ids.
        pub users: u64,
        /// Buckets and links.
        pub buckets: u64,
    }
}

message! {
    /// Gives a user an access id of a tenant. The reply carries its secret, shown this once.
    pub struct TenantUserAssign {
        /// The tenant.
        pub tenant: String,
        /// The user.
        pub user: String,
        /// The access id; `tenant$user` when absent.
        pub access_id: Option<String>,
    }
}

message! {
    /// Takes an access id away.
    pub struct TenantUserRevoke {
        /// The access id.
        pub access_id: String,
    }
}

message! {
    /// Asks in which tenants a user has access ids.
    pub struct TenantUserInfoGet {
        /// The user.
        pub user: String,
    }
}

message! {
    /// Lists a tenant's access ids in order.
    pub struct TenantUserList {
        /// The tenant.
        pub tenant: String,
        /// Which ones; prefix and position are of access ids.
        pub page: Paging,
    }
}

message! {
    /// An access id of a tenant.
    pub struct TenantUser {
        /// The access id.
        pub access_id: String,
        /// The tenant.
        pub tenant: String,
        /// The user it belongs to.
        pub user: String,
        /// Whether it administers the tenant.
        pub admin: bool,
        /// Whether it may make others administrators.
        pub delegated: bool,
    }
}

message! {
    /// Makes a secret for an access id that has none, and shows it once.
    pub struct TenantUserSecretGet {
        /// The access id.
        pub access_id: String,
    }
}

message! {
    /// Sets the secret of an access id, replacing the one there is.
    pub struct TenantUserSecretSet {
        /// The access id.
        pub access_id: String,
        /// The new secret; the daemon makes one and shows it when absent.
        pub secret: Option<Secret>,
        /// Seconds for which the old one stays good too.
        pub keep_old: Option<u64>,
    }
}

message! {
    /// Lets an access id administer its tenant.
    pub struct TenantUserAssignAdmin {
        /// The access id.
        pub access_id: String,
        /// Let it make others administrators, too.
        pub delegated: bool,
    }
}

message! {
    /// Ends that an access id administers its tenant.
    pub struct TenantUserRevokeAdmin {
        /// The access id.
        pub access_id: String,
    }
}
