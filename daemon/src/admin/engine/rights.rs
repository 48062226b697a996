//! What every operation needs: one table, and the judge of it. Who has which right is decided by the
//! namespace; what is said here is which right an operation asks for.
//!
//! Whoever may not do something learns nothing by trying: the refusal is the same whether the name
//! is there or not. That a bucket is missing is told to those who may read or list its volume, that
//! a volume is missing to administrators.

use super::Engine;
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::io::{Clock, Disk};
use crate::namespace::{Entry, Name, Right, TenantPower, Volume, entry_allows, volume_allows};
use chainring_protocol::message::{AclKind, AclTarget, BucketName};
use chainring_protocol::{Failure, Request, ResultCode};

/// Something that has to be so before a request is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need<'r> {
    /// Nothing: the answer holds what the caller may see and no more.
    Nothing,
    /// To administer the store.
    Admin,
    /// A right on a volume.
    Volume(&'r str, Right),
    /// To decide over a volume: its owner, an administrator of its tenant.
    Ruler(&'r str),
    /// One of these rights on a bucket or link itself, never on what a link leads to.
    Entry(&'r BucketName, &'static [Right]),
    /// To own a bucket or link, or to decide over its volume.
    Owner(&'r BucketName),
    /// A right on a list, or on keys through all links on the way. Asked where the bucket is known:
    /// lists of prefixes and keys add to what the bucket gives.
    Within,
    /// To be this user (the caller when absent), by an access key of no tenant.
    Oneself(Option<&'r str>),
    /// To be somebody of a tenant.
    Member(&'r str),
    /// This power over the users of a tenant.
    Tenant(&'r str, TenantPower),
    /// Likewise, of the tenant that an access id belongs to.
    AccessId(&'r str, TenantPower),
    /// Power over an access id, or to be its user.
    Holder(&'r str),
}

const READ: &[Right] = &[Right::Read, Right::List];
const DELETE: &[Right] = &[Right::Delete];

/// What a request needs: all of it. There is no default arm: a new operation does not compile until
/// it has its row.
pub(super) fn needs<'r>(request: &'r Request, caller: &Caller) -> Vec<Need<'r>> {
    // To make somebody else an owner takes who decides over the place.
    // (With an access id of a tenant that is also its own user: elsewhere it is another.)
    let for_other = |owner: &Option<String>| {
        let own = |owner: &str| caller.tenant.is_none() && *owner == *caller.name;
        owner.as_deref().is_some_and(|owner| !own(owner))
    };
    match request {
        // The connection's own business.
        Request::Hello(_) | Request::Authenticate(_) => vec![Need::Nothing],
        Request::StatusGet(_) | Request::ScrubGet(_) | Request::Scrub(_) => vec![Need::Admin],

        Request::VolumeCreate(_) => vec![Need::Admin],
        Request::VolumeInfoGet(call) => vec![Need::Volume(&call.name, Right::Read)],
        Request::VolumeList(_) => vec![Need::Nothing],
        Request::VolumeDelete(call) => vec![Need::Volume(&call.name, Right::Delete)],
        Request::VolumeUpdate(call) => vec![Need::Ruler(&call.name)],
        // A limit that its subject could lift would be none.
        Request::VolumeSetQuota(_) | Request::VolumeClearQuota(_) => vec![Need::Admin],

        Request::BucketCreate(call) => {
            let volume = &call.bucket.volume;
            let mut needs = vec![Need::Volume(volume, Right::Create)];
            needs.extend(for_other(&call.owner).then_some(Need::Ruler(volume)));
            needs
        }
        Request::BucketLink(call) => {
            let volume = &call.link.volume;
            let mut needs = vec![Need::Volume(volume, Right::Create)];
            needs.extend(for_other(&call.owner).then_some(Need::Ruler(volume)));
            needs
        }
        Request::BucketInfoGet(call) => vec![Need::Entry(&call.bucket, READ)],
        Request::BucketList(call) => vec![Need::Volume(&call.volume, Right::List)],
        Request::BucketDelete(call) => vec![Need::Entry(&call.bucket, DELETE)],
        Request::BucketUpdate(call) => vec![Need::Owner(&call.bucket)],
        Request::BucketSetQuota(call) => vec![Need::Owner(&call.bucket)],
        Request::BucketClearQuota(call) => vec![Need::Owner(&call.bucket)],

        Request::LinkList(_) => vec![Need::Nothing],
        Request::LinkSetSource(call) => vec![Need::Owner(&call.link)],
        Request::LinkHistory(call) => vec![Need::Entry(&call.link, READ)],
        Request::LinkRollback(call) => vec![Need::Owner(&call.link)],
        // Or the right to change the list of what it leads to.
        Request::LinkRevoke(_) => vec![Need::Within],

        Request::AclGet(call) => vec![of_list(&call.target, Right::ReadAcl)],
        Request::AclEdit(call) => vec![of_list(&call.target, Right::WriteAcl)],

        Request::UserCreate(_)
        | Request::UserUpdate(_)
        | Request::UserList(_)
        | Request::UserDelete(_) => vec![Need::Admin],
        Request::S3SecretGet(call) => vec![Need::Oneself(call.user.as_deref())],
        Request::S3SecretSet(call) => vec![Need::Oneself(call.user.as_deref())],
        Request::S3SecretRevoke(call) => vec![Need::Oneself(call.user.as_deref())],

        Request::TenantCreate(_) | Request::TenantDelete(_) => vec![Need::Admin],
        Request::TenantInfoGet(call) => vec![Need::Member(&call.name)],
        Request::TenantList(_) => vec![Need::Nothing],
        Request::TenantUserAssign(call) => vec![Need::Tenant(&call.tenant, TenantPower::Users)],
        Request::TenantUserList(call) => vec![Need::Tenant(&call.tenant, TenantPower::Users)],
        Request::TenantUserRevoke(call) => {
            vec![Need::AccessId(&call.access_id, TenantPower::Users)]
        }
        Request::TenantUserInfoGet(_) => vec![Need::Nothing],
        Request::TenantUserSecretGet(call) => vec![Need::Holder(&call.access_id)],
        Request::TenantUserSecretSet(call) => vec![Need::Holder(&call.access_id)],
        Request::TenantUserAssignAdmin(call) => {
            vec![Need::AccessId(&call.access_id, TenantPower::Admins)]
        }
        Request::TenantUserRevokeAdmin(call) => {
            vec![Need::AccessId(&call.access_id, TenantPower::Admins)]
        }

        // Owners have S3's operations for their own.
        Request::UploadList(_) | Request::UploadAbort(_) => vec![Need::Admin],

        Request::KeyPut(_)
        | Request::KeyGet(_)
        | Request::KeyInfoGet(_)
        | Request::KeyList(_)
        | Request::KeyDelete(_)
        | Request::KeyRename(_)
        | Request::KeyCopy(_) => vec![Need::Within],
    }
}

fn of_list(target: &AclTarget, right: Right) -> Need<'_> {
    match target.kind {
        AclKind::Volume => Need::Volume(&target.volume, right),
        // Of the entry itself, of what it leads to, or of something in that.
        AclKind::Bucket | AclKind::Key | AclKind::Prefix => Need::Within,
    }
}

impl<D: Disk, C: Clock> Engine<D, C> {
    /// Fails unless the caller may ask this.
    pub(super) fn admit(&self, caller: &Caller, request: &Request) -> Result<(), Failure> {
        let needs = needs(request, caller);
        needs
            .into_iter()
            .try_for_each(|need| self.judge(caller, need))
    }

    fn judge(&self, caller: &Caller, need: Need<'_>) -> Result<(), Failure> {
        match need {
            Need::Nothing | Need::Within => Ok(()),
            Need::Admin if caller.admin => Ok(()),
            Need::Admin => Err(only("administrators", caller)),
            Need::Volume(name, right) => self.volume_for(caller, name, right).map(drop),
            Need::Ruler(name) => match self.known_volume(caller, name)? {
                Some(volume) if rules(caller, &volume) => Ok(()),
                _ => Err(denied(caller, "owner's", &format!("volume {name}"))),
            },
            Need::Entry(name, rights) => self.entry_for(caller, name, rights).map(drop),
            Need::Owner(name) => self.owned_entry(caller, name).map(drop),
            Need::Oneself(user) => {
                let own = user.is_none_or(|user| *user == *caller.name);
                if caller.admin || (own && caller.tenant.is_none()) {
                    return Ok(());
                }
                let text = match own {
                    true => {
                        "with an access id of a tenant, other secrets of its user cannot be changed"
                    }
                    false => "the secrets of another user are for administrators only",
                };
                Err(Failure::new(ResultCode::PermissionDenied, text))
            }
            Need::Member(tenant) => {
                let own = self.names().tenants_of(&caller.name);
                let own = own.map_err(failure::of_read)?;
                let here = match &caller.tenant {
                    Some(here) => *here == *tenant,
                    None => own.iter().any(|place| place.tenant == *tenant),
                };
                if caller.admin || here {
                    return Ok(());
                }
                Err(only(&format!("users of tenant {tenant}"), caller))
            }
            Need::Tenant(tenant, power) => self.judge_tenant(caller, tenant, power),
            Need::AccessId(id, power) => self.judge_id(caller, id, power, false),
            Need::Holder(id) => self.judge_id(caller, id, TenantPower::Users, true),
        }
    }

    fn judge_tenant(
        &self,
        caller: &Caller,
        tenant: &str,
        power: TenantPower,
    ) -> Result<(), Failure> {
        let has = match Name::new(tenant) {
            Some(name) => self.power(caller, &name)?,
            None if caller.admin => TenantPower::Admins,
            None => TenantPower::None,
        };
        if has >= power {
            Ok(())
        } else {
            Err(only(
                &format!("{} of tenant {tenant}", title(power)),
                caller,
            ))
        }
    }

    /// Whether the caller has this power over an access id. `or_own`: or is its user. Of an
    /// administrator of the tenant, only who may appoint it changes the secret.
    fn judge_id(
        &self,
        caller: &Caller,
        id: &str,
        power: TenantPower,
        or_own: bool,
    ) -> Result<(), Failure> {
        if caller.admin {
            return Ok(());
        }
        let refused = || only(&format!("{} of the tenant of {id:?}", title(power)), caller);
        let found = self.names().tenant_user(id).map_err(failure::of_read)?;
        let place = found.ok_or_else(refused)?;
        let same = caller.tenant.is_none_or(|tenant| tenant == place.tenant);
        if or_own && place.user == caller.name && same {
            return Ok(());
        }
        let needed = if place.admin {
            TenantPower::Admins
        } else {
            power
        };
        if self.power(caller, &place.tenant)? >= needed {
            Ok(())
        } else {
            Err(refused())
        }
    }

    /// A volume on which the caller has a right.
    pub(super) fn volume_for(
        &self,
        caller: &Caller,
        name: &str,
        right: Right,
    ) -> Result<Volume, Failure> {
        match self.known_volume(caller, name)? {
            Some(volume) if volume_allows(&volume, &caller.who(), right) => Ok(volume),
            _ => Err(denied(caller, right_name(right), &format!("volume {name}"))),
        }
    }

    /// A bucket or link on which itself the caller has one of these rights.
    pub(super) fn entry_for(
        &self,
        caller: &Caller,
        name: &BucketName,
        rights: &[Right],
    ) -> Result<Entry, Failure> {
        let who = caller.who();
        self.entry_if(caller, name, |entry, volume| {
            let mut rights = rights.iter();
            rights.any(|right| entry_allows(entry, volume, &who, *right))
        })?
        .ok_or_else(|| {
            let right = rights.first().map_or("any", |right| right_name(*right));
            denied(caller, right, &format!("bucket {name}"))
        })
    }

    /// A bucket or link that the caller owns, or over whose volume the caller decides.
    fn owned_entry(&self, caller: &Caller, name: &BucketName) -> Result<Entry, Failure> {
        self.entry_if(caller, name, |entry, volume| {
            let who = caller.who().at(entry.volume.as_bytes());
            rules(caller, volume) || (who.is(&entry.owner) && entry.acl.is_readable())
        })?
        .ok_or_else(|| denied(caller, "owner's", &format!("bucket {name}")))
    }

    /// The bucket or link, `None` when the caller may not have it or know of it.
    pub(super) fn entry_if(
        &self,
        caller: &Caller,
        name: &BucketName,
        allowed: impl FnOnce(&Entry, &Volume) -> bool,
    ) -> Result<Option<Entry>, Failure> {
        let Some(volume) = self.known_volume(caller, &name.volume)? else {
            return Ok(None);
        };
        let found = self.names().entry(&name.volume, &name.bucket);
        match found.map_err(failure::of_read)? {
            Some(entry) if allowed(&entry, &volume) => Ok(Some(entry)),
            None if sees(caller, &volume) => Err(no_bucket(name)),
            _ => Ok(None),
        }
    }

    /// The volume; `None` when there is none, unless the caller is told so.
    pub(super) fn known_volume(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Option<Volume>, Failure> {
        let found = self.names().volume(name).map_err(failure::of_read)?;
        if found.is_none() {
            Name::volume(name).map_err(|error| failure::of_namespace(&error))?;
            if caller.admin {
                return Err(no_volume(name));
            }
        }
        Ok(found)
    }
}

/// Whether the caller decides over the volume.
pub(super) fn rules(caller: &Caller, volume: &Volume) -> bool {
    let who = caller.who().at(volume.name.as_bytes());
    who.rules(&volume.name) || (who.is(&volume.owner) && volume.acl.is_readable())
}

/// Whether the caller may know which names the volume holds and which not.
pub(super) fn sees(caller: &Caller, volume: &Volume) -> bool {
    let who = caller.who();
    volume_allows(volume, &who, Right::Read) || volume_allows(volume, &who, Right::List)
}

/// That somebody lacks a right on something.
pub(super) fn denied(caller: &Caller, right: &str, on: &str) -> Failure {
    Failure::new(
        ResultCode::PermissionDenied,
        format!(
            "user {} does not have the {right} right on {on}",
            caller.name
        ),
    )
}

fn only(whom: &str, caller: &Caller) -> Failure {
    let text = format!("this is for {whom}, and user {} is not one", caller.name);
    Failure::new(ResultCode::PermissionDenied, text)
}

const fn title(power: TenantPower) -> &'static str {
    match power {
        TenantPower::Admins => "delegated administrators",
        TenantPower::Users | TenantPower::None => "administrators",
    }
}

/// The right, as documents name it.
pub(super) const fn right_name(right: Right) -> &'static str {
    match right {
        Right::Read => "READ",
        Right::Write => "WRITE",
        Right::Create => "CREATE",
        Right::Delete => "DELETE",
        Right::List => "LIST",
        Right::ReadAcl => "READ_ACL",
        Right::WriteAcl => "WRITE_ACL",
    }
}

pub(super) fn no_volume(name: &str) -> Failure {
    let text = format!("volume {name} not found");
    Failure::new(ResultCode::VolumeNotFound, text)
}

pub(super) fn no_bucket(name: &BucketName) -> Failure {
    let text = format!("bucket {name} not found");
    Failure::new(ResultCode::BucketNotFound, text)
}
