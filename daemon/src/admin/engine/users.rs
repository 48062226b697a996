//! Users and their secrets.

use super::{Engine, cut, odd_reply, page_limit, refuse};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::namespace::{Command, Credential, Reply, Secret, User};
use chainring_protocol::message::{
    AccessKeyInfo, Credentials, Done, Page, Paging, S3SecretGet, S3SecretRevoke, S3SecretSet,
    UserCreate, UserDelete, UserInfo,
};
use chainring_protocol::{Failure, ResultCode};

/// Users that are looked at before other tasks have their turn.
const TURN: usize = 1000;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn create_user(&self, call: UserCreate) -> Result<Credentials, Failure> {
        refuse(&[(!call.groups.is_empty(), "groups")])?;
        let made_here = call.secret.is_none();
        let command = Command::CreateUser {
            name: call.name,
            display_name: None,
            access_key: call.access_key,
            secret: call.secret.map(checked).transpose()?,
            admin: call.admin,
            groups: Vec::new(),
        };
        self.credentials(command, made_here).await
    }

    pub(super) async fn list_users(&self, page: &Paging) -> Result<Page<UserInfo>, Failure> {
        let limit = page_limit(page);
        let mut found = Vec::new();
        let mut last = Some(page.after.clone()).filter(|name| !name.is_empty());
        loop {
            let users = self
                .names()
                .list_users(last.as_deref(), TURN)
                .map_err(failure::of_read)?;
            last = users.last().map(|user| user.name.to_string());
            let at_end = users.len() < TURN
                || last
                    .as_ref()
                    .is_none_or(|name| *name > page.prefix && !name.starts_with(&page.prefix));
            let wanted = users
                .iter()
                .filter(|user| user.name.starts_with(&page.prefix));
            found.extend(wanted.take(limit + 1 - found.len()).map(shown));
            if at_end || found.len() > limit {
                return Ok(cut(found, limit));
            }
            yield_now().await;
        }
    }

    pub(super) async fn delete_user(&self, call: UserDelete) -> Result<Done, Failure> {
        self.apply(Command::DeleteUser { name: call.name })
            .await
            .map(|_| Done {})
    }

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
        refuse(&[
            (call.access_key.is_some(), "one of several access keys"),
            (call.keep_old.is_some(), "old secrets that stay"),
        ])?;
        let mut user = self.user(&self.user_or(caller, call.user)?)?;
        let made_here = call.secret.is_none();
        let secret = call.secret.map(checked).transpose()?;
        let command = match (user.access_keys.len(), user.access_keys.pop()) {
            (1, Some(access_key)) => Command::SetSecret {
                access_key,
                secret,
                keep_old: None,
            },
            (0, _) | (_, None) => Command::CreateSecret {
                user: user.name.to_string(),
                access_key: None,
                secret,
            },
            _ => {
                return Err(Failure::new(
                    ResultCode::InvalidRequest,
                    format!("user {} has several access keys", user.name),
                ));
            }
        };
        self.credentials(command, made_here).await
    }

    pub(super) async fn revoke(
        &self,
        caller: &Caller,
        call: S3SecretRevoke,
    ) -> Result<Done, Failure> {
        refuse(&[(call.access_key.is_some(), "one of several access keys")])?;
        let user = self.user(&self.user_or(caller, call.user)?)?;
        if user.access_keys.is_empty() {
            return Err(Failure::new(
                ResultCode::S3SecretNotFound,
                format!("user {} has no secret", user.name),
            ));
        }
        for access_key in user.access_keys {
            self.apply(Command::RevokeSecret { access_key }).await?;
        }
        Ok(Done {})
    }

    pub(super) fn user(&self, name: &str) -> Result<User, Failure> {
        let found = self.names().user(name).map_err(failure::of_read)?;
        found
            .ok_or_else(|| Failure::new(ResultCode::UserNotFound, format!("user {name} not found")))
    }

    async fn credentials(&self, command: Command, show: bool) -> Result<Credentials, Failure> {
        match self.apply(command).await? {
            Reply::Credential(credential) => Ok(shown_credential(&credential, show)),
            _ => Err(odd_reply()),
        }
    }
}

fn checked(secret: chainring_protocol::Secret) -> Result<Secret, Failure> {
    Secret::new(secret.expose().to_owned()).map_err(|error| failure::of_namespace(&error))
}

fn shown(user: &User) -> UserInfo {
    UserInfo {
        name: user.name.to_string(),
        id: user.id.to_string(),
        access_keys: user
            .access_keys
            .iter()
            .map(|access_key| AccessKeyInfo {
                access_key: access_key.clone(),
                tenant: None,
                old_secret_until: None,
            })
            .collect(),
        admin: user.admin,
        groups: Vec::new(),
        created: user.created.0,
    }
}

fn shown_credential(credential: &Credential, show: bool) -> Credentials {
    let secret = || chainring_protocol::Secret::new(credential.secret.expose().to_owned());
    Credentials {
        user: credential.user.to_string(),
        access_key: credential.access_key.clone(),
        secret: show.then(secret),
    }
}
