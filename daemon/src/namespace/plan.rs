//! Decides whether a command may be done, and what it changes. Reads only: a refused command has
//! touched nothing.

use crate::base::codec::Malformed;
use crate::base::{BucketId, Timestamp};
use crate::index::map::MapWriter;
use crate::namespace::acl::Acl;
use crate::namespace::change::Change;
use crate::namespace::command::Command;
use crate::namespace::error::{NamespaceError, show_place};
use crate::namespace::keys::{self, Key};
use crate::namespace::name::{Name, S3_VOLUME};
use crate::namespace::quota::Limits;
use crate::namespace::record::{self, EntryRecord, RecordKind, VolumeRecord};
use crate::namespace::secret::Entropy;
use crate::namespace::tables::{self, Tables};
use crate::namespace::types::{Bucket, CannedAcl};
use crate::namespace::vault::Vault;
use crate::namespace::{plan_acl, plan_link, plan_quota, plan_tenant, plan_user, rights};
use std::ops::ControlFlow;

/// Most bytes of an opaque bucket property.
pub const PROPERTY_BYTES_MAX: usize = 256 * 1024;

/// What a command changes and what is to be answered when that is done.
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    pub(crate) answer: Answer,
}

/// The reply, to be read from the index once the changes are in it.
pub(crate) enum Answer {
    Done,
    Volume(Name),
    Entry(Name, Name),
    Acl(Acl),
    Deleted,
    Credential(String),
}

pub(crate) type Planned = Result<Plan, NamespaceError>;

/// What a plan is made from.
pub(crate) struct Planner<'a> {
    pub(crate) map: &'a MapWriter,
    pub(crate) now: Timestamp,
    pub(crate) entropy: &'a Entropy,
    pub(crate) limits: &'a Limits,
    pub(crate) vault: &'a Vault,
}

impl Planner<'_> {
    pub(crate) fn plan(&self, command: Command) -> Planned {
        match command {
            Command::CreateVolume {
                name,
                owner,
                quota_bytes,
                quota_namespace,
            } => self.create_volume(&name, &owner, (quota_bytes, quota_namespace)),
            Command::DeleteVolume { name } => self.delete_volume(&name),
            Command::SetVolumeOwner { name, owner } => self.set_volume_owner(&name, &owner),
            Command::CreateBucket {
                volume,
                name,
                owner,
                acl,
                object_lock,
                protected,
                quota_bytes,
                quota_namespace,
            } => {
                let place = self.free_name(&volume, &name)?;
                let bucket = Bucket {
                    id: BucketId(tables::next_bucket(self.map)?),
                    acl,
                    object_lock,
                    protected,
                    quota_bytes,
                    quota_namespace,
                    expire_uploads: None,
                };
                plan_quota::check_new_bucket(self, &place.0, &bucket)?;
                self.create_bucket(place.0, place.1, &owner, bucket)
            }
            Command::CreateLink {
                source,
                volume,
                name,
                owner,
                strict,
                options,
            } => {
                let link = self.free_name(&volume, &name)?;
                let source = (&*source.0, &*source.1);
                plan_link::create(self, link, source, &owner, strict, options)
            }
            Command::SetLinkSource {
                volume,
                name,
                source,
                expect,
                expect_generation,
                delegate,
                by,
            } => {
                let new = plan_link::NewSource {
                    source: (&source.0, &source.1),
                    expect: expect.as_ref().map(|(v, n)| (&**v, &**n)),
                    expect_generation,
                    delegate: delegate.as_ref(),
                };
                plan_link::set_source(self, (&volume, &name), &new, &by)
            }
            Command::RollbackLink {
                volume,
                name,
                to,
                by,
            } => plan_link::roll_back(self, (&volume, &name), to, &by),
            Command::RevokeDelegation { volume, name } => plan_link::revoke(self, (&volume, &name)),
            Command::SetAcl { target, edit } => plan_acl::set(self, &target, edit),
            Command::SetProtected {
                volume,
                name,
                protected,
            } => self.change_bucket(&volume, &name, |bucket| Bucket {
                protected,
                ..bucket
            }),
            Command::SetExpireUploads {
                volume,
                name,
                seconds,
            } => self.change_bucket(&volume, &name, |bucket| Bucket {
                expire_uploads: seconds,
                ..bucket
            }),
            Command::DeleteBucket {
                volume,
                name,
                expect,
            } => self.delete_bucket(&volume, &name, expect),
            Command::DeleteLink { volume, name } => plan_link::delete(self, (&volume, &name)),
            Command::SetEntryOwner {
                volume,
                name,
                owner,
            } => self.set_entry_owner(&volume, &name, &owner),
            Command::SetBucketAcl { bucket, acl } => self.set_bucket_acl(bucket, acl),
            Command::SetBucketProperty {
                bucket,
                property,
                value,
            } => self.set_property(bucket, property, value),
            Command::CreateUser {
                name,
                display_name,
                access_key,
                secret,
                admin,
                groups,
            } => {
                let user = plan_user::NewUser {
                    display_name,
                    admin,
                    groups: &groups,
                };
                plan_user::create(self, &name, user, (access_key, secret))
            }
            Command::SetUserGroups { name, groups } => plan_user::set_groups(self, &name, &groups),
            Command::DeleteUser { name } => plan_user::delete(self, &name),
            Command::CreateSecret {
                user,
                access_key,
                secret,
            } => plan_user::create_secret(self, &user, access_key, secret),
            Command::SetSecret {
                access_key,
                secret,
                keep_old,
            } => plan_user::set_secret(self, &access_key, secret, keep_old),
            Command::RevokeSecret { access_key } => plan_user::revoke(self, &access_key),
            Command::SealSecret { access_key } => plan_user::seal(self, &access_key),
            Command::SetVolumeQuota {
                name,
                bytes,
                namespace,
                used,
            } => plan_quota::set_of_volume(self, &name, (bytes, namespace), used),
            Command::SetBucketQuota {
                volume,
                name,
                bytes,
                namespace,
                used,
            } => plan_quota::set_of_bucket(self, (&volume, &name), (bytes, namespace), used),
            Command::CreateTenant { name, owner, force } => {
                plan_tenant::create(self, &name, &owner, force)
            }
            Command::DeleteTenant { name } => plan_tenant::delete(self, &name),
            Command::AssignTenantUser {
                tenant,
                user,
                access_id,
                secret,
            } => plan_tenant::assign(self, &tenant, &user, (access_id, secret)),
            Command::RevokeTenantUser { access_id } => plan_tenant::revoke(self, &access_id),
            Command::SetTenantAdmin {
                access_id,
                admin,
                delegated,
            } => plan_tenant::set_admin(self, &access_id, admin, delegated),
        }
    }

    pub(crate) fn create_volume(
        &self,
        name: &str,
        owner: &str,
        quotas: (Option<u64>, Option<u64>),
    ) -> Planned {
        let name = Name::volume(name)?;
        if tables::volume_record(self.map, &name)?.is_some() {
            return Err(NamespaceError::VolumeAlreadyExists(name));
        }
        let owner = Name::user(owner)?;
        plan_quota::check_new_volume(self, &owner, quotas)?;
        let record = VolumeRecord {
            owner,
            created: self.now,
            modified: self.now,
            quota_bytes: quotas.0,
            quota_namespace: quotas.1,
            acl: (name == S3_VOLUME).then(rights::open_volume),
            extra: Vec::new(),
        };
        done(
            vec![Change::put(&Key::volume(&name), record.encode())],
            Answer::Volume(name),
        )
    }

    fn delete_volume(&self, name: &str) -> Planned {
        let (name, _) = self.volume(name)?;
        if name == S3_VOLUME {
            return Err(NamespaceError::VolumeIsPermanent(name));
        }
        if tables::tenant_record(self.map, &name)?.is_some() {
            return Err(NamespaceError::VolumeIsReferenced(name));
        }
        let mut empty = true;
        tables::with_prefix(self.map, &Key::entries_of(&name), &[], |_, _| {
            empty = false;
            ControlFlow::Break(())
        })?;
        if !empty {
            return Err(NamespaceError::VolumeNotEmpty(name));
        }
        done(vec![Change::remove(&Key::volume(&name))], Answer::Done)
    }

    fn set_volume_owner(&self, name: &str, owner: &str) -> Planned {
        let (name, mut record) = self.volume(name)?;
        let owner = Name::user(owner)?;
        if owner != record.owner {
            plan_quota::room_for_volume(self, &owner)?;
        }
        record.owner = owner;
        record.modified = self.now;
        done(
            vec![Change::put(&Key::volume(&name), record.encode())],
            Answer::Volume(name),
        )
    }

    fn create_bucket(&self, volume: Name, name: Name, owner: &str, bucket: Bucket) -> Planned {
        let record = self.new_entry(&volume, owner, RecordKind::Bucket(bucket))?;
        let used_up = NamespaceError::Record(Malformed("bucket ids are used up"));
        let next = bucket.id.0.checked_add(1).ok_or(used_up)?;
        let changes = vec![
            Change::put(&Key::counter(), record::encode_counter(next)),
            Change::put(&Key::entry(&volume, &name), record.encode()),
        ];
        done(changes, Answer::Entry(volume, name))
    }

    fn delete_bucket(&self, volume: &str, name: &str, expect: BucketId) -> Planned {
        let (volume, name, record) = self.entry(volume, name)?;
        match record.kind {
            RecordKind::Link(_) => {
                return Err(NamespaceError::IsALink(show_place(&volume, &name)));
            }
            RecordKind::Bucket(bucket) if bucket.id != expect => {
                return Err(NamespaceError::BucketChanged(show_place(&volume, &name)));
            }
            RecordKind::Bucket(bucket) if bucket.protected => {
                self.refuse_linked((&volume, &name))?;
            }
            RecordKind::Bucket(_) => {}
        }
        let mut changes = vec![Change::remove(&Key::entry(&volume, &name))];
        for property in tables::properties(self.map, expect)? {
            changes.push(Change::remove(&Key::property(expect, property)));
        }
        for key in tables::prefix_keys(self.map, expect)? {
            changes.push(Change::remove(&key));
        }
        done(changes, Answer::Deleted)
    }

    fn refuse_linked(&self, bucket: (&Name, &Name)) -> Result<(), NamespaceError> {
        let (mut first, mut links) = (None, 0);
        tables::with_prefix(self.map, &Key::links_to(bucket), &[], |link, _| {
            first = first.or_else(|| keys::two_names(link, 0));
            links += 1;
            ControlFlow::Continue(())
        })?;
        match first {
            None => Ok(()),
            Some(link) => Err(NamespaceError::BucketIsLinked {
                bucket: show_place(bucket.0, bucket.1),
                links,
                first: show_place(&link.0, &link.1),
            }),
        }
    }

    /// Changes what belongs to a bucket itself.
    fn change_bucket(
        &self,
        volume: &str,
        name: &str,
        change: impl FnOnce(Bucket) -> Bucket,
    ) -> Planned {
        let (volume, name, mut record) = self.entry(volume, name)?;
        let RecordKind::Bucket(bucket) = record.kind else {
            return Err(NamespaceError::IsALink(show_place(&volume, &name)));
        };
        record.kind = RecordKind::Bucket(change(bucket));
        self.rewrite(volume, name, record)
    }

    fn set_entry_owner(&self, volume: &str, name: &str, owner: &str) -> Planned {
        let (volume, name, mut record) = self.entry(volume, name)?;
        record.owner = Name::user(owner)?;
        self.rewrite(volume, name, record)
    }

    fn set_bucket_acl(&self, id: BucketId, acl: CannedAcl) -> Planned {
        let (volume, name) = self.bucket_name(id)?;
        self.change_bucket(&volume, &name, |bucket| Bucket { acl, ..bucket })
    }

    fn set_property(&self, id: BucketId, property: u8, value: Option<Vec<u8>>) -> Planned {
        self.bucket_name(id)?;
        let key = Key::property(id, property);
        let change = match value {
            Some(value) if value.len() > PROPERTY_BYTES_MAX => {
                return Err(NamespaceError::PropertyTooLarge(value.len()));
            }
            Some(value) => Change::put(&key, record::encode_property(&value)),
            None => Change::remove(&key),
        };
        done(vec![change], Answer::Done)
    }

    pub(crate) fn rewrite(&self, volume: Name, name: Name, mut record: EntryRecord) -> Planned {
        record.modified = self.now;
        done(
            vec![Change::put(&Key::entry(&volume, &name), record.encode())],
            Answer::Entry(volume, name),
        )
    }

    /// A bucket or link in a volume, whose DEFAULT rules it gets.
    pub(crate) fn new_entry(
        &self,
        volume: &str,
        owner: &str,
        kind: RecordKind,
    ) -> Result<EntryRecord, NamespaceError> {
        let (volume, record) = self.volume(volume)?;
        Ok(EntryRecord {
            owner: Name::user(owner)?,
            created: self.now,
            modified: self.now,
            kind,
            acl: rights::acl_of_volume(&volume, record.acl).inherited(),
            extra: Vec::new(),
        })
    }

    /// A volume that exists.
    pub(crate) fn volume(&self, name: &str) -> Result<(Name, VolumeRecord), NamespaceError> {
        let name = Name::volume(name)?;
        let record = tables::volume_record(self.map, &name)?;
        record
            .map(|record| (name, record))
            .ok_or(NamespaceError::VolumeNotFound(name))
    }

    /// A bucket or link that exists.
    pub(crate) fn entry(
        &self,
        volume: &str,
        name: &str,
    ) -> Result<(Name, Name, EntryRecord), NamespaceError> {
        let (volume, _) = self.volume(volume)?;
        let name = Name::bucket(name)?;
        let record = self.map.entry_record(&volume, &name)?;
        record
            .map(|record| (volume, name, record))
            .ok_or(NamespaceError::BucketNotFound(show_place(&volume, &name)))
    }

    /// A name that neither a bucket nor a link has, in a volume that exists.
    fn free_name(&self, volume: &str, name: &str) -> Result<(Name, Name), NamespaceError> {
        let (volume, name) = (Name::volume(volume)?, Name::bucket(name)?);
        let (volume, record) = self.volume(&volume)?;
        match self.map.entry_record(&volume, &name)? {
            Some(_) => Err(NamespaceError::BucketAlreadyExists(show_place(
                &volume, &name,
            ))),
            None => {
                plan_quota::room_for_entry(self, &volume, &record)?;
                Ok((volume, name))
            }
        }
    }

    pub(crate) fn bucket_name(&self, id: BucketId) -> Result<(Name, Name), NamespaceError> {
        let found = tables::bucket_name(self.map, id)?;
        found.ok_or(NamespaceError::BucketGone(id))
    }
}

pub(crate) fn done(changes: Vec<Change>, answer: Answer) -> Planned {
    Ok(Plan { changes, answer })
}
