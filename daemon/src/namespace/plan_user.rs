//! The commands about users and their keys.

use crate::base::Timestamp;
use crate::namespace::change::Change;
use crate::namespace::error::NamespaceError;
use crate::namespace::keys::{self, Key};
use crate::namespace::name::Name;
use crate::namespace::plan::{Answer, Planned, Planner, done};
use crate::namespace::record_user::{Kept, KeyRecord, UserRecord};
use crate::namespace::secret::{Secret, is_access_key, random_access_key, random_secret};
use crate::namespace::tables;
use crate::namespace::tenant::TENANT_SEPARATOR;
use crate::namespace::types::UserId;
use crate::namespace::vault::{Role, Sealed};

/// Most bytes of a user's name for people.
const DISPLAY_NAME_BYTES_MAX: usize = 256;
/// Most access keys of a user.
const KEYS_OF_A_USER_MAX: usize = 64;

/// Most groups of a user, and most bytes of their names together with a byte for each: the index
/// keeps them with every access key.
const GROUPS_MAX: usize = 32;
const GROUPS_BYTES_MAX: usize = 400;

/// What a user begins with, besides name and key.
pub(crate) struct NewUser<'a> {
    pub(crate) display_name: Option<String>,
    pub(crate) admin: bool,
    pub(crate) groups: &'a [String],
}

pub(crate) fn create(
    planner: &Planner<'_>,
    name: &str,
    new: NewUser<'_>,
    keys: (Option<String>, Option<Secret>),
) -> Planned {
    let name = Name::user(name)?;
    // What is granted to `tenant$user` is granted to that access id, and to no user of that name.
    if name.contains(TENANT_SEPARATOR) {
        return Err(NamespaceError::InvalidUserName(name.to_string()));
    }
    if tables::user_record(planner.map, &name)?.is_some() {
        return Err(NamespaceError::UserAlreadyExists(name));
    }
    let display_name = new.display_name.unwrap_or_else(|| name.to_string());
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
        admin: new.admin,
        created: planner.now,
        groups: groups(new.groups)?,
        extra: Vec::new(),
    };
    let (access_key, key) = new_key(planner, name, keys.0, keys.1)?;
    let changes = vec![Change::put(&Key::user(&name), user.encode()), key];
    done(changes, Answer::Credential(access_key))
}

pub(crate) fn set_groups(planner: &Planner<'_>, name: &str, names: &[String]) -> Planned {
    let (name, mut user) = existing(planner, name)?;
    user.groups = groups(names)?;
    done(
        vec![Change::put(&Key::user(&name), user.encode())],
        Answer::Done,
    )
}

/// Names of groups, which follow the rules for users.
fn groups(names: &[String]) -> Result<Vec<Name>, NamespaceError> {
    let groups: Result<Vec<Name>, _> = names.iter().map(|name| Name::user(name)).collect();
    let mut groups = groups?;
    groups.sort_unstable();
    groups.dedup();
    let bytes: usize = groups.iter().map(|name| name.len() + 1).sum();
    if groups.len() > GROUPS_MAX || bytes > GROUPS_BYTES_MAX {
        return Err(NamespaceError::InvalidRequest(
            "a user is in at most 32 groups, whose names have at most 400 bytes together",
        ));
    }
    Ok(groups)
}

pub(crate) fn delete(planner: &Planner<'_>, name: &str) -> Planned {
    let (name, user) = existing(planner, name)?;
    if user.admin && !another_admin(planner, &name)? {
        return Err(NamespaceError::LastAdmin(name));
    }
    let mut changes = Vec::new();
    for (access_key, _) in tables::keys_of(planner.map, &name)? {
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
    let keys = tables::keys_of(planner.map, &name)?;
    if keys.iter().filter(|(_, of_tenant)| !of_tenant).count() >= KEYS_OF_A_USER_MAX {
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
    keep_old: Option<Timestamp>,
) -> Planned {
    let mut record = existing_key(planner, access_key)?;
    let new = secret.unwrap_or_else(|| random_secret(planner.entropy));
    record.previous = match keep_old.filter(|until| *until > planner.now) {
        Some(until) => {
            let old = record.open(planner.vault, access_key)?;
            Some((sealed(planner, &old, access_key, Role::Previous)?, until))
        }
        None => None,
    };
    record.secret = Kept::Sealed(sealed(planner, &new, access_key, Role::Current)?);
    done(
        vec![Change::put(&Key::access_key(access_key), record.encode())],
        Answer::Credential(access_key.to_owned()),
    )
}

/// Seals the secret anew.
pub(crate) fn seal(planner: &Planner<'_>, access_key: &str) -> Planned {
    let mut record = existing_key(planner, access_key)?;
    let secret = record.open(planner.vault, access_key)?;
    record.secret = Kept::Sealed(sealed(planner, &secret, access_key, Role::Current)?);
    done(
        vec![Change::put(&Key::access_key(access_key), record.encode())],
        Answer::Done,
    )
}

/// A secret as it is kept.
pub(crate) fn sealed(
    planner: &Planner<'_>,
    secret: &Secret,
    access_key: &str,
    role: Role,
) -> Result<Sealed, NamespaceError> {
    let sealed = planner
        .vault
        .seal(secret, access_key, role, planner.entropy)?;
    Ok(sealed)
}

pub(crate) fn revoke(planner: &Planner<'_>, access_key: &str) -> Planned {
    if existing_key(planner, access_key)?.member.is_some() {
        return Err(NamespaceError::InvalidRequest(
            "this access id is a tenant's: revoke the user of the tenant",
        ));
    }
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
    if !is_access_key(&access_key) || access_key.contains(TENANT_SEPARATOR) {
        return Err(NamespaceError::InvalidAccessKey);
    }
    if tables::key_record(planner.map, &access_key)?.is_some() {
        return Err(NamespaceError::AccessKeyAlreadyExists);
    }
    let secret = secret.unwrap_or_else(|| random_secret(planner.entropy));
    let record = KeyRecord {
        user,
        secret: Kept::Sealed(sealed(planner, &secret, &access_key, Role::Current)?),
        created: planner.now,
        previous: None,
        member: None,
        extra: Vec::new(),
    };
    let change = Change::put(&Key::access_key(&access_key), record.encode());
    Ok((access_key, change))
}

pub(crate) fn existing(
    planner: &Planner<'_>,
    name: &str,
) -> Result<(Name, UserRecord), NamespaceError> {
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
    for name in tables::names_in(planner.map, &[keys::USER])? {
        if name != *besides && tables::user_record(planner.map, &name)?.is_some_and(|u| u.admin) {
            return Ok(true);
        }
    }
    Ok(false)
}
