//! Tenants: volumes whose name is the S3 namespace of the access ids assigned to them.

use crate::base::Timestamp;
use crate::namespace::name::Name;
use crate::namespace::types::Credential;

/// What stands between tenant and user in an access id. No other access key has it.
pub const TENANT_SEPARATOR: char = '$';

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name, which is its volume's.
    pub name: Name,
    /// When it was created.
    pub created: Timestamp,
    /// How many access ids are assigned to it.
    pub users: u32,
}

/// A user's place in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantUser {
    /// The tenant.
    pub tenant: Name,
    /// The user.
    pub user: Name,
    /// The access key of this user in this tenant.
    pub access_id: String,
    /// Whether the user may assign users and has every right on the tenant's volume.
    pub admin: bool,
    /// Whether the user may appoint administrators of the tenant, too.
    pub delegated: bool,
    /// When the user was assigned.
    pub created: Timestamp,
}

/// What somebody may do about the users of a tenant. Each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TenantPower {
    /// Nothing.
    #[default]
    None,
    /// Assign and revoke users that are not administrators of it: a tenant's administrator.
    Users,
    /// Appoint and dismiss administrators, too: a delegated administrator.
    Admins,
}

impl TenantPower {
    pub(crate) const fn of(admin: bool, delegated: bool) -> Self {
        match (admin, delegated) {
            (false, _) => Self::None,
            (true, false) => Self::Users,
            (true, true) => Self::Admins,
        }
    }
}

impl Credential {
    /// What this access key may do about the users of a tenant. Administrators of the store may do
    /// everything; that is for the caller to ask.
    #[must_use]
    pub fn power_in(&self, tenant: &Name) -> TenantPower {
        if self.tenant.as_ref() == Some(tenant) {
            TenantPower::of(self.tenant_admin, self.delegated)
        } else {
            TenantPower::None
        }
    }

    /// The volume that S3 shows to this access key.
    #[must_use]
    pub fn s3_volume(&self) -> &str {
        self.tenant
            .as_ref()
            .map_or(crate::namespace::name::S3_VOLUME, Name::as_str)
    }
}
