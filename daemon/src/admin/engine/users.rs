//! Users and their secrets.

use super::{Engine, cut, page_limit};
use crate::admin::failure;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::namespace::{Command, User};
use chainring_protocol::message::{
    AccessKeyInfo, Credentials, Done, Page, Paging, UserCreate, UserDelete, UserInfo, UserUpdate,
};
use chainring_protocol::{Failure, ResultCode};

/// Users that are looked at before other tasks have their turn.
const TURN: usize = 1000;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn create_user(&self, call: UserCreate) -> Result<Credentials, Failure> {
        let made_here = call.secret.is_none();
        let command = Command::CreateUser {
            name: call.name,
            display_name: None,
            access_key: call.access_key,
            secret: call.secret.map(super::secrets::checked).transpose()?,
            admin: call.admin,
            groups: call.groups,
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
            for user in wanted.take(limit + 1 - found.len()) {
                found.push(self.shown_user(user)?);
            }
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

    pub(super) async fn update_user(&self, call: UserUpdate) -> Result<UserInfo, Failure> {
        let command = Command::SetUserGroups {
            name: call.name.clone(),
            groups: call.groups,
        };
        self.apply(command).await?;
        self.shown_user(&self.user(&call.name)?)
    }

    pub(super) fn user(&self, name: &str) -> Result<User, Failure> {
        let found = self.names().user(name).map_err(failure::of_read)?;
        found
            .ok_or_else(|| Failure::new(ResultCode::UserNotFound, format!("user {name} not found")))
    }

    fn shown_user(&self, user: &User) -> Result<UserInfo, Failure> {
        let now = self.core.clock().now();
        let mut access_keys = Vec::new();
        for access_key in user.access_keys.iter().chain(&user.tenant_ids) {
            let found = self.names().user_by_access_key(access_key);
            // Revoked just now.
            let Some(credential) = found.map_err(failure::of_read)? else {
                continue;
            };
            let until = credential.previous.map(|(_, until)| until);
            access_keys.push(AccessKeyInfo {
                access_key: access_key.clone(),
                tenant: credential.tenant.map(|tenant| tenant.to_string()),
                old_secret_until: until.filter(|until| *until > now).map(|until| until.0),
            });
        }
        Ok(UserInfo {
            name: user.name.to_string(),
            id: user.id.to_string(),
            access_keys,
            admin: user.admin,
            groups: user.groups.iter().map(ToString::to_string).collect(),
            created: user.created.0,
        })
    }
}
