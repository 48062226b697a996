//! The commands about users and their keys.

use crate::namespace::change::Change;
use crate::namespace::error::NamespaceError;
use crate::namespace::keys::{self, Key};
use crate::namespace::name::Name;
use crate::namespace::plan::{Answer, Planned, Planner, done};
use crate::namespace::record::{KeyRecord, UserRecord};
use crate::namespace::secret::{Secret, is_access_key, random_access_key, random_secret};
use crate::namespace::tables;
use crate::namespace::types::UserId;
use std::ops::ControlFlow;

/// Most bytes of a user's name for people.
const DISPLAY_NAME_BYTES_MAX: usize = 256;
/// Most access keys of a user.
const KEYS_OF_A_USER_MAX: usize = 64;

pub(crate) fn create(
    planner: &Planner<'_>,
    name: &str,
    display_name: Option<String>,
    keys: (Option<String>, Option<Secret>),
    admin: bool,
) -> Planned {
    let name = Name::user(name)?;
    if tables::user_record(planner.map, &name)?.is_some() {
        return Err(NamespaceError::UserAlreadyExists(name));
    }
    let display_name = display_name.unwrap_or_else(|| name.to_string());
    if display_name.len() > DISPLAY_NAME_BYTES_MAX || display_name.chars().any(char::is_control) {
        return Err(NamespaceError::InvalidRequest(
            "display name: at most 256 bytes without control characters",
        ));
    }
    let mut id = [0; 32];
    (planner.entropy)(&mut id);
    let user = UserRecord {
        id: UserId(id),
        display_name,
        admin,
        created: planner.now,
        extra: Vec::new(),
    };
    let (access_key, key) = new_key(planner, name, keys.0, keys.1)?;
    let changes = vec![Change::put(&Key::user(&name), user.encode()), key];
    done(changes, Answer::Credential(access_key))
}

pub(crate) fn delete(planner: &Planner<'_>, name: &str) -> Planned {
    let (name, user) = existing(planner, name)?;
    if user.admin && !another_admin(planner, &name)? {
        return Err(NamespaceError::LastAdmin(name));
    }
    let mut changes = Vec::new();
    for access_key in tables::keys_of(planner.map, &name)? {
        changes.push(Change::remove(&Key::access_key(&access_key)));
    }
    changes.push(Change::remove(&Key::user(&name)));
    done(changes, Answer::Done)
}

pub(crate) fn create_secret(
    planner: &Planner<'_>,
    user: &str,
    access_key: Option<String>,
    secret: Option<Secret>,
) -> Planned {
    let (name, _) = existing(planner, user)?;
    if tables::keys_of(planner.map, &name)?.len() >= KEYS_OF_A_USER_MAX {
        return Err(NamespaceError::InvalidRequest(
            "a user has at most 64 access keys",
        ));
    }
    let (access_key, change) = new_key(planner, name, access_key, secret)?;
    done(vec![change], Answer::Credential(access_key))
}

pub(crate) fn set_secret(
    planner: &Planner<'_>,
    access_key: &str,
    secret: Option<Secret>,
) -> Planned {
    let mut record = existing_key(planner, access_key)?;
    record.secret = secret.unwrap_or_else(|| random_secret(planner.entropy));
    done(
        vec![Change::put(&Key::access_key(access_key), record.encode())],
        Answer::Credential(access_key.to_owned()),
    )
}

pub(crate) fn revoke(planner: &Planner<'_>, access_key: &str) -> Planned {
    existing_key(planner, access_key)?;
    done(
        vec![Change::remove(&Key::access_key(access_key))],
        Answer::Done,
    )
}

fn new_key(
    planner: &Planner<'_>,
    user: Name,
    access_key: Option<String>,
    secret: Option<Secret>,
) -> Result<(String, Change), NamespaceError> {
    let access_key = access_key.unwrap_or_else(|| random_access_key(planner.entropy));
    if !is_access_key(&access_key) {
        return Err(NamespaceError::InvalidAccessKey);
    }
    if tables::key_record(planner.map, &access_key)?.is_some() {
        return Err(NamespaceError::AccessKeyAlreadyExists);
    }
    let record = KeyRecord {
        user,
        secret: secret.unwrap_or_else(|| random_secret(planner.entropy)),
        created: planner.now,
        extra: Vec::new(),
    };
    let change = Change::put(&Key::access_key(&access_key), record.encode());
    Ok((access_key, change))
}

fn existing(planner: &Planner<'_>, name: &str) -> Result<(Name, UserRecord), NamespaceError> {
    let name = Name::user(name)?;
    let user = tables::user_record(planner.map, &name)?;
    user.map(|user| (name, user))
        .ok_or(NamespaceError::UserNotFound(name))
}

fn existing_key(planner: &Planner<'_>, access_key: &str) -> Result<KeyRecord, NamespaceError> {
    if !is_access_key(access_key) {
        return Err(NamespaceError::AccessKeyNotFound);
    }
    tables::key_record(planner.map, access_key)?.ok_or(NamespaceError::AccessKeyNotFound)
}

fn another_admin(planner: &Planner<'_>, besides: &Name) -> Result<bool, NamespaceError> {
    let mut found = Ok(false);
    tables::with_prefix(planner.map, &[keys::USER], &[], |name, value| {
        let user = crate::namespace::derived::unpack(value)
            .and_then(|(primary, _)| UserRecord::decode(primary));
        match user {
            Ok(user) if user.admin && name != besides.as_bytes() => found = Ok(true),
            Ok(_) => return ControlFlow::Continue(()),
            Err(error) => found = Err(error.into()),
        }
        ControlFlow::Break(())
    })?;
    found
}
