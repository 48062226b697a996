//! The commands about tenants.
//!
//! The rules, Ozone's where it has some:
//! - A tenant is created with its volume. A tenant of that name is `TENANT_ALREADY_EXISTS`, a volume
//!   without one `VOLUME_ALREADY_EXISTS`, unless `force` says to take it, with its owner and all that
//!   is in it. `s3v`, which everybody without a tenant sees, cannot be one.
//! - Users of a tenant are users of the store. Each has at most one access id in a tenant,
//!   `tenant$user` or another that begins with `tenant$`.
//! - While users are assigned, a tenant stays; while there is the tenant, its volume does.
//! - An administrator of a tenant is dismissed before it is revoked. Deleting the user revokes all.

use crate::namespace::change::Change;
use crate::namespace::error::NamespaceError;
use crate::namespace::keys::Key;
use crate::namespace::name::{Name, S3_VOLUME};
use crate::namespace::plan::{Answer, Planned, Planner, done};
use crate::namespace::plan_user;
use crate::namespace::record_user::{Kept, KeyRecord, Member, TenantRecord};
use crate::namespace::secret::{Secret, is_access_key, random_secret};
use crate::namespace::tables;
use crate::namespace::tenant::TENANT_SEPARATOR;
use crate::namespace::vault::Role;

pub(crate) fn create(planner: &Planner<'_>, name: &str, owner: &str, force: bool) -> Planned {
    let name = Name::volume(name)?;
    if tables::tenant_record(planner.map, &name)?.is_some() {
        return Err(NamespaceError::TenantAlreadyExists(name));
    }
    if name == S3_VOLUME {
        return Err(NamespaceError::InvalidRequest(
            "s3v is the volume of those who have no tenant",
        ));
    }
    let exists = tables::volume_record(planner.map, &name)?.is_some();
    let mut changes = match exists && force {
        true => Vec::new(),
        false => planner.create_volume(&name, owner, (None, None))?.changes,
    };
    let record = TenantRecord {
        created: planner.now,
        extra: Vec::new(),
    };
    changes.push(Change::put(&Key::tenant(&name), record.encode()));
    done(changes, Answer::Volume(name))
}

pub(crate) fn delete(planner: &Planner<'_>, name: &str) -> Planned {
    let name = existing(planner, name)?;
    match tables::tenant(planner.map, &name)? {
        Some(tenant) if tenant.users > 0 => Err(NamespaceError::TenantNotEmpty(name, tenant.users)),
        _ => done(vec![Change::remove(&Key::tenant(&name))], Answer::Done),
    }
}

pub(crate) fn assign(
    planner: &Planner<'_>,
    tenant: &str,
    user: &str,
    keys: (Option<String>, Option<Secret>),
) -> Planned {
    let tenant = existing(planner, tenant)?;
    let (user, _) = plan_user::existing(planner, user)?;
    let access_id = keys
        .0
        .unwrap_or_else(|| format!("{tenant}{TENANT_SEPARATOR}{user}"));
    if !is_access_id_of(&tenant, &access_id) {
        return Err(NamespaceError::InvalidRequest(
            "an access id is the tenant's name, $, and letters, digits or . _ - @ +",
        ));
    }
    refuse_second(planner, &tenant, &user, &access_id)?;
    let secret = keys.1.unwrap_or_else(|| random_secret(planner.entropy));
    let sealed = plan_user::sealed(planner, &secret, &access_id, Role::Current)?;
    let record = KeyRecord {
        user,
        secret: Kept::Sealed(sealed),
        created: planner.now,
        previous: None,
        member: Some(Member {
            tenant,
            admin: false,
            delegated: false,
        }),
        extra: Vec::new(),
    };
    let change = Change::put(&Key::access_key(&access_id), record.encode());
    done(vec![change], Answer::Credential(access_id))
}

fn refuse_second(
    planner: &Planner<'_>,
    tenant: &Name,
    user: &Name,
    access_id: &str,
) -> Result<(), NamespaceError> {
    let refused = |access_id: String| NamespaceError::AccessIdAlreadyExists {
        user: *user,
        access_id,
    };
    if tables::key_record(planner.map, access_id)?.is_some() {
        return Err(refused(access_id.to_owned()));
    }
    for (key, of_tenant) in tables::keys_of(planner.map, user)? {
        if of_tenant && is_access_id_of(tenant, &key) {
            return Err(refused(key));
        }
    }
    Ok(())
}

pub(crate) fn revoke(planner: &Planner<'_>, access_id: &str) -> Planned {
    let (_, member) = existing_id(planner, access_id)?;
    if member.admin {
        return Err(NamespaceError::AccessIdIsAdmin(access_id.to_owned()));
    }
    done(
        vec![Change::remove(&Key::access_key(access_id))],
        Answer::Done,
    )
}

pub(crate) fn set_admin(
    planner: &Planner<'_>,
    access_id: &str,
    admin: bool,
    delegated: bool,
) -> Planned {
    let (mut record, member) = existing_id(planner, access_id)?;
    if delegated && !admin {
        return Err(NamespaceError::InvalidRequest(
            "only an administrator of a tenant can be a delegated one",
        ));
    }
    record.member = Some(Member {
        admin,
        delegated,
        ..member
    });
    done(
        vec![Change::put(&Key::access_key(access_id), record.encode())],
        Answer::Done,
    )
}

/// Whether this may be, or is, an access id of the tenant. A tenant's name holds no separator, so
/// an access id names one tenant only.
fn is_access_id_of(tenant: &Name, access_id: &str) -> bool {
    let user = access_id
        .strip_prefix(tenant.as_str())
        .and_then(|rest| rest.strip_prefix(TENANT_SEPARATOR));
    is_access_key(access_id) && user.is_some_and(|user| !user.is_empty())
}

fn existing(planner: &Planner<'_>, name: &str) -> Result<Name, NamespaceError> {
    let name = Name::volume(name)?;
    let found = tables::tenant_record(planner.map, &name)?;
    found
        .map(|_| name)
        .ok_or(NamespaceError::TenantNotFound(name))
}

fn existing_id(
    planner: &Planner<'_>,
    access_id: &str,
) -> Result<(KeyRecord, Member), NamespaceError> {
    let missing = || NamespaceError::AccessIdNotFound(access_id.chars().take(128).collect());
    if !is_access_key(access_id) {
        return Err(missing());
    }
    let record = tables::key_record(planner.map, access_id)?.ok_or_else(missing)?;
    let member = record.member.ok_or_else(missing)?;
    Ok((record, member))
}
