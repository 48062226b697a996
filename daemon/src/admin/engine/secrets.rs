//! Users' secrets of no tenant: making, setting, rotating and revoking them. None is shown twice.

use super::{Engine, odd_reply};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::base::Timestamp;
use crate::io::{Clock, Disk};
use crate::namespace::{Command, Credential, Reply, Secret, User};
use chainring_protocol::message::{Credentials, Done, S3SecretGet, S3SecretRevoke, S3SecretSet};
use chainring_protocol::{Failure, ResultCode};

impl<D: Disk, C: Clock> Engine<D, C> {
    /// `s3 getsecret`: there is nothing to get of a secret that exists.
    pub(super) async fn make_secret(
        &self,
        caller: &Caller,
        call: S3SecretGet,
    ) -> Result<Credentials, Failure> {
        let user = self.user(&self.user_or(caller, call.user)?)?;
        if !user.access_keys.is_empty() && !call.another {
            return Err(Failure::new(
                ResultCode::S3SecretAlreadyExists,
                format!("user {} has a secret, which is not shown again", user.name),
            ));
        }
        let command = Command::CreateSecret {
            user: user.name.to_string(),
            access_key: None,
            secret: None,
        };
        self.credentials(command, true).await
    }

    pub(super) async fn set_secret(
        &self,
        caller: &Caller,
        call: S3SecretSet,
    ) -> Result<Credentials, Failure> {
        let user = self.user(&self.user_or(caller, call.user)?)?;
        let made_here = call.secret.is_none();
        let secret = call.secret.map(checked).transpose()?;
        let several = user.access_keys.len() > 1;
        let command = match call.access_key {
            Some(access_key) => Command::SetSecret {
                access_key: own_key(&user, access_key)?,
                secret,
                keep_old: self.until(call.keep_old),
            },
            None if several => {
                return Err(Failure::new(
                    ResultCode::InvalidRequest,
                    format!(
                        "user {} has several access keys: say of which one to set the secret",
                        user.name
                    ),
                ));
            }
            None => match user.access_keys.into_iter().next() {
                Some(access_key) => Command::SetSecret {
                    access_key,
                    secret,
                    keep_old: self.until(call.keep_old),
                },
                None => Command::CreateSecret {
                    user: user.name.to_string(),
                    access_key: None,
                    secret,
                },
            },
        };
        self.credentials(command, made_here).await
    }

    pub(super) async fn revoke(
        &self,
        caller: &Caller,
        call: S3SecretRevoke,
    ) -> Result<Done, Failure> {
        let user = self.user(&self.user_or(caller, call.user)?)?;
        let access_keys = match call.access_key {
            Some(access_key) => vec![own_key(&user, access_key)?],
            None => user.access_keys,
        };
        if access_keys.is_empty() {
            return Err(Failure::new(
                ResultCode::S3SecretNotFound,
                format!("user {} has no secret", user.name),
            ));
        }
        for access_key in access_keys {
            self.apply(Command::RevokeSecret { access_key }).await?;
        }
        Ok(Done {})
    }

    /// Until when an old secret is to stay good.
    pub(super) fn until(&self, seconds: Option<u64>) -> Option<Timestamp> {
        let now = self.core.clock().now().0;
        seconds.map(|seconds| Timestamp(now.saturating_add(seconds.saturating_mul(1000))))
    }

    pub(super) async fn credentials(
        &self,
        command: Command,
        show: bool,
    ) -> Result<Credentials, Failure> {
        match self.apply(command).await? {
            Reply::Credential(credential) => Ok(shown_credential(&credential, show)),
            _ => Err(odd_reply()),
        }
    }
}

/// A secret that may be one.
pub(super) fn checked(secret: chainring_protocol::Secret) -> Result<Secret, Failure> {
    Secret::new(secret.expose().to_owned()).map_err(|error| failure::of_namespace(&error))
}

fn own_key(user: &User, access_key: String) -> Result<String, Failure> {
    if user.access_keys.contains(&access_key) {
        return Ok(access_key);
    }
    Err(Failure::new(
        ResultCode::S3SecretNotFound,
        format!("user {} has no access key {access_key:?}", user.name),
    ))
}

fn shown_credential(credential: &Credential, show: bool) -> Credentials {
    let secret = || chainring_protocol::Secret::new(credential.secret.expose().to_owned());
    Credentials {
        user: credential.user.to_string(),
        access_key: credential.access_key.clone(),
        secret: show.then(secret),
    }
}
