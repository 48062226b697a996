//! Who a connection's peer is, as the namespace knows it now.

use super::Engine;
use crate::admin::backend::{Caller, Identity, Login};
use crate::admin::failure;
use crate::io::{Clock, Disk};
use crate::namespace::{Credential, S3_VOLUME};
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
        Some(Login {
            user: credential.user.to_string(),
            secrets: vec![Secret::new(credential.secret.expose().to_owned())],
        })
    }

    pub(super) fn caller_of(&self, identity: &Identity) -> Result<Caller, Failure> {
        match identity {
            Identity::Local { .. } => self.local_caller(identity),
            Identity::AccessKey(access_key) => {
                let found = self.names().user_by_access_key(access_key);
                let credential = found.map_err(failure::of_read)?.ok_or_else(|| {
                    let text = "the access key was revoked: log in again";
                    Failure::new(ResultCode::PermissionDenied, text)
                })?;
                Ok(by_key(identity, &credential))
            }
        }
    }

    /// Root or the daemon's user: an administrator, who stands for the store's first user, to whom
    /// the volume `s3v` was given.
    fn local_caller(&self, identity: &Identity) -> Result<Caller, Failure> {
        let volume = self.names().volume(S3_VOLUME).map_err(failure::of_read)?;
        let volume = volume
            .ok_or_else(|| Failure::new(ResultCode::InternalError, "the volume s3v is missing"))?;
        Ok(Caller {
            identity: identity.clone(),
            name: volume.owner,
            groups: Vec::new(),
            admin: true,
            tenant: None,
            tenant_admin: false,
            delegated: false,
        })
    }
}

fn by_key(identity: &Identity, credential: &Credential) -> Caller {
    Caller {
        identity: identity.clone(),
        name: credential.user,
        groups: Vec::new(),
        admin: credential.admin,
        tenant: None,
        tenant_admin: false,
        delegated: false,
    }
}
