//! Tenants and their users.

use super::{Engine, after, cut, page_limit};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::namespace::{Command, Tenant, TenantPower, TenantUser as Place};
use chainring_protocol::message::{
    Credentials, Done, Page, Paging, TenantCreate, TenantDelete, TenantInfo, TenantInfoGet,
    TenantUser, TenantUserAssign, TenantUserAssignAdmin, TenantUserInfoGet, TenantUserList,
    TenantUserRevoke, TenantUserRevokeAdmin, TenantUserSecretGet, TenantUserSecretSet,
};
use chainring_protocol::{Failure, ResultCode};

/// Names that are looked at before other tasks have their turn.
const TURN: usize = 1000;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn create_tenant(
        &self,
        caller: &Caller,
        call: TenantCreate,
    ) -> Result<TenantInfo, Failure> {
        let owner = self.user_or(caller, call.owner)?;
        let command = Command::CreateTenant {
            name: call.name.clone(),
            owner,
            force: call.force,
        };
        self.apply(command).await?;
        self.tenant_info(TenantInfoGet { name: call.name })
    }

    pub(super) fn tenant_info(&self, call: TenantInfoGet) -> Result<TenantInfo, Failure> {
        let found = self.names().tenant(&call.name).map_err(failure::of_read)?;
        let tenant = found.ok_or_else(|| no_tenant(&call.name))?;
        self.shown_tenant(&tenant)
    }

    fn shown_tenant(&self, tenant: &Tenant) -> Result<TenantInfo, Failure> {
        let volume = self
            .names()
            .volume(&tenant.name)
            .map_err(failure::of_read)?;
        let owner = volume.as_ref().map(|volume| volume.owner.to_string());
        Ok(TenantInfo {
            name: tenant.name.to_string(),
            owner: owner.unwrap_or_default(),
            created: tenant.created.0,
            users: u64::from(tenant.users),
            buckets: volume.map_or(0, |volume| volume.used_namespace),
        })
    }

    /// All tenants for administrators of the store, their own for others.
    pub(super) fn list_tenants(
        &self,
        caller: &Caller,
        page: &Paging,
    ) -> Result<Page<TenantInfo>, Failure> {
        let limit = page_limit(page);
        let tenants = match caller.admin {
            true => self
                .names()
                .list_tenants(&page.prefix, after(page), limit + 1),
            false => self.own_tenants(caller, page),
        };
        let page = cut(tenants.map_err(failure::of_read)?, limit);
        let entries = page.entries.iter().map(|tenant| self.shown_tenant(tenant));
        Ok(Page {
            entries: entries.collect::<Result<_, _>>()?,
            more: page.more,
        })
    }

    fn own_tenants(
        &self,
        caller: &Caller,
        page: &Paging,
    ) -> Result<Vec<Tenant>, crate::namespace::ReadError> {
        let mut own: Vec<_> = match caller.tenant {
            Some(tenant) => vec![tenant],
            None => {
                let places = self.names().tenants_of(&caller.name)?;
                places.into_iter().map(|place| place.tenant).collect()
            }
        };
        own.sort_unstable();
        own.dedup();
        let wanted = own
            .into_iter()
            .filter(|name| name.starts_with(&page.prefix) && name.as_str() > page.after.as_str());
        let found = wanted.map(|name| self.names().tenant(&name));
        found.filter_map(Result::transpose).collect()
    }

    pub(super) async fn delete_tenant(&self, call: TenantDelete) -> Result<Done, Failure> {
        let command = Command::DeleteTenant { name: call.name };
        self.apply(command).await.map(|_| Done {})
    }

    pub(super) async fn assign_user(&self, call: TenantUserAssign) -> Result<Credentials, Failure> {
        let command = Command::AssignTenantUser {
            tenant: call.tenant,
            user: call.user,
            access_id: call.access_id,
            secret: None,
        };
        self.credentials(command, true).await
    }

    pub(super) async fn revoke_user(&self, call: TenantUserRevoke) -> Result<Done, Failure> {
        let access_id = call.access_id;
        let command = Command::RevokeTenantUser { access_id };
        self.apply(command).await.map(|_| Done {})
    }

    pub(super) async fn assign_admin(&self, call: TenantUserAssignAdmin) -> Result<Done, Failure> {
        let command = Command::SetTenantAdmin {
            access_id: call.access_id,
            admin: true,
            delegated: call.delegated,
        };
        self.apply(command).await.map(|_| Done {})
    }

    pub(super) async fn revoke_admin(&self, call: TenantUserRevokeAdmin) -> Result<Done, Failure> {
        let place = self.place(&call.access_id)?;
        if !place.admin {
            let text = format!("{} is no administrator of its tenant", call.access_id);
            return Err(Failure::new(ResultCode::InvalidRequest, text));
        }
        let command = Command::SetTenantAdmin {
            access_id: call.access_id,
            admin: false,
            delegated: false,
        };
        self.apply(command).await.map(|_| Done {})
    }

    /// A user's access ids: all of them for the user and for administrators of the store, for
    /// others those of tenants whose users they administer.
    pub(super) fn user_tenants(
        &self,
        caller: &Caller,
        call: &TenantUserInfoGet,
    ) -> Result<Page<TenantUser>, Failure> {
        let own = caller.tenant.is_none() && *caller.name == *call.user;
        if caller.admin {
            self.user(&call.user)?;
        }
        let places = self
            .names()
            .tenants_of(&call.user)
            .map_err(failure::of_read)?;
        let mut entries = Vec::new();
        for place in places {
            let here = caller.tenant == Some(place.tenant) && place.user == caller.name;
            if own || here || self.power(caller, &place.tenant)? >= TenantPower::Users {
                entries.push(shown(place));
            }
        }
        if entries.is_empty() && !caller.admin && !own {
            let text = format!(
                "the tenants of user {} are for that user and administrators only",
                call.user
            );
            return Err(Failure::new(ResultCode::PermissionDenied, text));
        }
        Ok(Page {
            entries,
            more: false,
        })
    }

    pub(super) async fn tenant_users(
        &self,
        call: TenantUserList,
    ) -> Result<Page<TenantUser>, Failure> {
        let tenant = self
            .names()
            .tenant(&call.tenant)
            .map_err(failure::of_read)?;
        tenant.ok_or_else(|| no_tenant(&call.tenant))?;
        let limit = page_limit(&call.page);
        let mut found = Vec::new();
        let mut last = Some(call.page.after.clone()).filter(|id| !id.is_empty());
        loop {
            let page = self
                .names()
                .tenant_users(&call.tenant, last.as_deref(), TURN);
            let page = page.map_err(failure::of_read)?;
            let at_end = page.len() < TURN;
            last = page.last().map(|place| place.access_id.clone());
            let wanted = page.into_iter();
            let wanted = wanted.filter(|place| place.access_id.starts_with(&call.page.prefix));
            found.extend(wanted.take(limit + 1 - found.len()).map(shown));
            if at_end || found.len() > limit {
                return Ok(cut(found, limit));
            }
            yield_now().await;
        }
    }

    /// An access id has a secret as long as it is there, and none is shown twice.
    pub(super) fn tenant_secret(&self, call: &TenantUserSecretGet) -> Result<Credentials, Failure> {
        self.place(&call.access_id)?;
        Err(Failure::new(
            ResultCode::S3SecretAlreadyExists,
            format!(
                "access id {} has a secret, which is not shown again",
                call.access_id
            ),
        ))
    }

    pub(super) async fn set_tenant_secret(
        &self,
        call: TenantUserSecretSet,
    ) -> Result<Credentials, Failure> {
        self.place(&call.access_id)?;
        let made_here = call.secret.is_none();
        let command = Command::SetSecret {
            access_key: call.access_id,
            secret: call.secret.map(super::secrets::checked).transpose()?,
            keep_old: self.until(call.keep_old),
        };
        self.credentials(command, made_here).await
    }

    fn place(&self, access_id: &str) -> Result<Place, Failure> {
        let found = self
            .names()
            .tenant_user(access_id)
            .map_err(failure::of_read)?;
        found.ok_or_else(|| {
            let text = format!("access id {access_id:?} not found");
            Failure::new(ResultCode::AccessIdNotFound, text)
        })
    }
}

fn no_tenant(name: &str) -> Failure {
    Failure::new(
        ResultCode::TenantNotFound,
        format!("tenant {name} not found"),
    )
}

fn shown(place: Place) -> TenantUser {
    TenantUser {
        access_id: place.access_id,
        tenant: place.tenant.to_string(),
        user: place.user.to_string(),
        admin: place.admin,
        delegated: place.delegated,
    }
}
