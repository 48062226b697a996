//! Tenants and their users.

use crate::output::Shown;
use crate::time::iso_8601;
use chainring_protocol::message::{TenantInfo, TenantUser};
use serde::Serialize;

/// A tenant.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    tenant_id: String,
    bucket_namespace_name: String,
    owner: String,
    creation_time: String,
    user_count: u64,
    bucket_count: u64,
}

impl From<TenantInfo> for TenantView {
    fn from(tenant: TenantInfo) -> Self {
        Self {
            bucket_namespace_name: tenant.name.clone(),
            tenant_id: tenant.name,
            owner: tenant.owner,
            creation_time: iso_8601(tenant.created),
            user_count: tenant.users,
            bucket_count: tenant.buckets,
        }
    }
}

impl Shown for TenantView {
    const COLUMNS: &'static [&'static str] = &["TENANT", ">USERS", ">BUCKETS", "OWNER", "CREATED"];

    fn row(&self) -> Vec<String> {
        vec![
            self.tenant_id.clone(),
            self.user_count.to_string(),
            self.bucket_count.to_string(),
            self.owner.clone(),
            self.creation_time.clone(),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        vec![
            ("tenant", self.tenant_id.clone()),
            ("volume", format!("/{}", self.bucket_namespace_name)),
            ("owner", self.owner.clone()),
            ("users", self.user_count.to_string()),
            ("buckets and links", self.bucket_count.to_string()),
            ("created", self.creation_time.clone()),
        ]
    }
}

/// An access id of a tenant.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantUserView {
    user: String,
    access_id: String,
    tenant_id: String,
    is_admin: bool,
    is_delegated_admin: bool,
}

impl From<TenantUser> for TenantUserView {
    fn from(user: TenantUser) -> Self {
        Self {
            user: user.user,
            access_id: user.access_id,
            tenant_id: user.tenant,
            is_admin: user.admin,
            is_delegated_admin: user.delegated,
        }
    }
}

impl TenantUserView {
    const fn role(&self) -> &'static str {
        match (self.is_admin, self.is_delegated_admin) {
            (false, _) => "user",
            (true, false) => "admin",
            (true, true) => "delegated admin",
        }
    }
}

impl Shown for TenantUserView {
    const COLUMNS: &'static [&'static str] = &["USER", "ACCESS ID", "ROLE"];

    fn row(&self) -> Vec<String> {
        vec![
            self.user.clone(),
            self.access_id.clone(),
            self.role().to_owned(),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// A user with the tenants that one has access ids of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantUsersView {
    user: String,
    tenants: Vec<TenantUserView>,
}

impl TenantUsersView {
    /// The user's access ids.
    pub fn new(user: String, access_ids: Vec<TenantUser>) -> Self {
        Self {
            user,
            tenants: access_ids.into_iter().map(Into::into).collect(),
        }
    }
}

impl Shown for TenantUsersView {
    const COLUMNS: &'static [&'static str] = &[];

    fn row(&self) -> Vec<String> {
        Vec::new()
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        let mut card = vec![("user", self.user.clone())];
        for place in &self.tenants {
            let text = format!(
                "{} as {}, {}",
                place.tenant_id,
                place.access_id,
                place.role()
            );
            card.push(("tenant", text));
        }
        card
    }
}
