//! Who a connection's peer is, as the namespace knows it now.

use super::Engine;
use crate::admin::backend::{Caller, Identity, Login};
use crate::admin::failure;
use crate::io::{Clock, Disk};
use crate::namespace::{Credential, Name, S3_VOLUME, TenantPower, User};
use chainring_protocol::{Failure, ResultCode, Secret};

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) fn login_of(&self, access_key: &str) -> Option<Login> {
        let credential = match self.names().user_by_access_key(access_key) {
            Ok(found) => found?,
            Err(error) => {
                tracing::error!(%error, "an access key cannot be looked up");
                return None;
            }
        };
        let now = self.core.clock().now();
        let previous = credential.previous.filter(|(_, until)| *until > now);
        let secrets = [Some(credential.secret), previous.map(|(secret, _)| secret)];
        Some(Login {
            user: credential.user.to_string(),
            secrets: secrets
                .iter()
                .flatten()
                .map(|secret| Secret::new(secret.expose().to_owned()))
                .collect(),
        })
    }

    pub(super) fn caller_of(&self, identity: &Identity) -> Result<Caller, Failure> {
        match identity {
            Identity::Local { act_as: None, .. } => self.local(identity),
            Identity::Local {
                act_as: Some(name), ..
            } => self.acting(identity, name),
            Identity::AccessKey(access_key) => {
                let found = self.names().user_by_access_key(access_key);
                let credential = found.map_err(failure::of_read)?.ok_or_else(|| {
                    let text = "the access key was revoked: log in again";
                    Failure::new(ResultCode::PermissionDenied, text)
                })?;
                Ok(by_key(identity, credential))
            }
        }
    }

    /// Root or the daemon's user: an administrator, who stands for the store's first user, to whom
    /// the volume `s3v` was given.
    fn local(&self, identity: &Identity) -> Result<Caller, Failure> {
        let volume = self.names().volume(S3_VOLUME).map_err(failure::of_read)?;
        let volume = volume
            .ok_or_else(|| Failure::new(ResultCode::InternalError, "the volume s3v is missing"))?;
        let user = self.names().user(&volume.owner).map_err(failure::of_read)?;
        Ok(Caller {
            identity: identity.clone(),
            name: volume.owner,
            id: user.map(|user| user.id.to_string()).unwrap_or_default(),
            groups: Vec::new(),
            admin: true,
            tenant: None,
            tenant_admin: false,
            delegated: false,
        })
    }

    /// A user, or what has this access id of a tenant.
    fn acting(&self, identity: &Identity, name: &str) -> Result<Caller, Failure> {
        if let Some(user) = self.names().user(name).map_err(failure::of_read)? {
            return Ok(by_name(identity, user));
        }
        let found = self.names().user_by_access_key(name);
        match found.map_err(failure::of_read)? {
            Some(credential) if credential.tenant.is_some() => Ok(by_key(identity, credential)),
            _ => Err(Failure::new(
                ResultCode::UserNotFound,
                format!("there is no user and no access id of a tenant {name:?} to act as"),
            )),
        }
    }

    /// What the caller may do about the users of a tenant. With an access id of another tenant,
    /// nothing.
    pub(super) fn power(&self, caller: &Caller, tenant: &Name) -> Result<TenantPower, Failure> {
        if caller.admin {
            return Ok(TenantPower::Admins);
        }
        match &caller.tenant {
            Some(own) if own == tenant => {
                Ok(TenantPower::of(caller.tenant_admin, caller.delegated))
            }
            Some(_) => Ok(TenantPower::None),
            None => self
                .names()
                .tenant_power(tenant, &caller.name)
                .map_err(failure::of_read),
        }
    }
}

fn by_key(identity: &Identity, credential: Credential) -> Caller {
    Caller {
        identity: identity.clone(),
        name: credential.user,
        id: credential.id.to_string(),
        groups: credential.groups,
        admin: credential.admin,
        tenant: credential.tenant,
        tenant_admin: credential.tenant_admin,
        delegated: credential.delegated,
    }
}

fn by_name(identity: &Identity, user: User) -> Caller {
    Caller {
        identity: identity.clone(),
        name: user.name,
        id: user.id.to_string(),
        groups: user.groups,
        admin: user.admin,
        tenant: None,
        tenant_admin: false,
        delegated: false,
    }
}
