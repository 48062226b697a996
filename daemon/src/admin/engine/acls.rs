//! Access control lists: of volumes, of buckets and links themselves, of keys and prefixes.

use super::rights::{denied, right_name};
use super::seen::place;
use super::{Engine, odd_reply};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::io::{Clock, Disk};
use crate::namespace::{
    Acl, AclEdit as Edit, AclError, AclTarget as Target, CannedAcl, Command, Entry, NamespaceError,
    Reply, Resolved, Right, Rule, Scope, Subject,
};
use crate::store::StoreError;
use crate::store::meta::{CannedAcl as ObjectCanned, ObjectMeta};
use chainring_protocol::message::{
    AclAction, AclEdit, AclGet, AclInfo, AclKind, AclRule, AclScope, AclSubject, AclTarget,
    BucketName,
};
use chainring_protocol::{Failure, ResultCode};

/// What has a list, once it is known what that is and that the caller has the right on it.
enum Found {
    Volume,
    /// With the entry whose list it is.
    Entry(Box<Entry>),
    /// A key, as it is stored.
    Key(Box<Resolved>, String),
    /// A prefix, as keys are stored.
    Prefix(Box<Resolved>, String),
}

/// Why the list of a key was not changed.
enum KeyRefused {
    Store(StoreError),
    Acl(AclError),
    /// The list gives no right to change it.
    Denied,
}

impl From<StoreError> for KeyRefused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn get_acl(&self, caller: &Caller, call: AclGet) -> Result<AclInfo, Failure> {
        let AclGet { target } = call;
        match self.target(caller, &target, Right::ReadAcl)? {
            Found::Volume => {
                let volume = self.names().volume(&target.volume);
                let volume = volume.map_err(failure::of_read)?;
                let volume = volume.ok_or_else(|| super::rights::no_volume(&target.volume))?;
                shown(target, &volume.owner, &volume.acl, None)
            }
            Found::Entry(entry) => {
                let acl = entry.acl.clone();
                of_entry(target, &entry, &acl)
            }
            Found::Key(resolved, key) => {
                let name = named(&target);
                let right = Right::ReadAcl;
                let held = self.held(caller, &resolved, &name, (&target.key, &key), right);
                let object = held.await?.object;
                of_key(target, &resolved, &object.record.meta)
            }
            Found::Prefix(resolved, prefix) => {
                let acl = self.names().acl_of_prefix(resolved.bucket, &prefix);
                let acl = acl.map_err(failure::of_read)?;
                shown(target, &resolved.source_owner, &acl, None)
            }
        }
    }

    pub(super) async fn edit_acl(
        &self,
        caller: &Caller,
        call: AclEdit,
    ) -> Result<AclInfo, Failure> {
        let AclEdit {
            target,
            action,
            rules,
        } = call;
        let found = self.target(caller, &target, Right::WriteAcl)?;
        let rules = rules.iter().map(|rule| rule.parse::<Rule>());
        let rules = rules.collect::<Result<Vec<_>, _>>().map_err(of_acl)?;
        if rules.is_empty() && action != AclAction::Set {
            let text = "no rule was given to be added or removed";
            return Err(Failure::new(ResultCode::InvalidRequest, text));
        }
        let edit = match action {
            AclAction::Add => Edit::Add(rules),
            AclAction::Remove => Edit::Remove(rules),
            AclAction::Set => Edit::Set(rules),
        };
        match found {
            Found::Volume => {
                let acl = self
                    .set_acl(Target::Volume(target.volume.clone()), edit)
                    .await?;
                let volume = self.names().volume(&target.volume);
                let volume = volume.map_err(failure::of_read)?;
                let volume = volume.ok_or_else(|| super::rights::no_volume(&target.volume))?;
                shown(target, &volume.owner, &acl, None)
            }
            Found::Entry(entry) => {
                let (volume, name) = (entry.volume.to_string(), entry.name.to_string());
                let acl = self.set_acl(Target::Entry(volume, name), edit).await?;
                of_entry(target, &entry, &acl)
            }
            Found::Key(resolved, key) => {
                let meta = self.set_key_acl(caller, &resolved, &target, &key, &edit);
                let meta = meta.await?;
                of_key(target, &resolved, &meta)
            }
            Found::Prefix(resolved, prefix) => {
                let acl = self.set_acl(Target::Prefix(resolved.bucket, prefix), edit);
                let acl = acl.await?;
                shown(target, &resolved.source_owner, &acl, None)
            }
        }
    }

    /// What the list belongs to. Fails unless the caller has the right on it; of a key that is
    /// asked where its own list is read.
    fn target(&self, caller: &Caller, target: &AclTarget, right: Right) -> Result<Found, Failure> {
        let name = named(target);
        match target.kind {
            // Was asked for by the table.
            AclKind::Volume => Ok(Found::Volume),
            AclKind::Bucket if target.source => {
                let resolved = self.reached(caller, &name)?;
                // The bucket's own list is asked, not that of a delegated link.
                let source = place(resolved.source_volume, resolved.source_bucket);
                let entry = self
                    .entry_for(caller, &source, &[right])
                    .map_err(|failure| {
                        let on = format!("the source of {name}");
                        match failure.code {
                            ResultCode::PermissionDenied => denied(caller, right_name(right), &on),
                            _ => failure,
                        }
                    })?;
                Ok(Found::Entry(Box::new(entry)))
            }
            AclKind::Bucket => {
                let entry = self.entry_for(caller, &name, &[right])?;
                Ok(Found::Entry(Box::new(entry)))
            }
            AclKind::Key => {
                let resolved = self.resolve(caller, &name)?;
                let key = super::keys::stored_key(&resolved, &target.key)?;
                Ok(Found::Key(Box::new(resolved), key))
            }
            AclKind::Prefix => {
                let resolved = self.followed(caller, &name, &[right])?;
                let prefix = resolved.key(&target.key).map_err(|_| {
                    let text = "the prefix is longer than a key can be";
                    Failure::new(ResultCode::InvalidKeyName, text)
                })?;
                let prefix = prefix.into_owned();
                Ok(Found::Prefix(Box::new(resolved), prefix))
            }
        }
    }

    async fn set_acl(&self, target: Target, edit: Edit) -> Result<Acl, Failure> {
        match self.apply(Command::SetAcl { target, edit }).await? {
            Reply::Acl(acl) => Ok(acl),
            _ => Err(odd_reply()),
        }
    }

    async fn set_key_acl(
        &self,
        caller: &Caller,
        resolved: &Resolved,
        target: &AclTarget,
        key: &str,
        edit: &Edit,
    ) -> Result<ObjectMeta, Failure> {
        let who = caller.who().at(resolved.source_volume.as_bytes());
        let right = Right::WriteAcl;
        let name = named(target);
        self.expect_way(caller, resolved, &name, right)?;
        let prefixes = self.names().prefix_acl(resolved.bucket, key);
        let prefixes = prefixes.map_err(failure::of_read)?.rights_of(&who);
        let changed = self
            .core
            .change_meta(resolved.bucket, key.as_bytes(), |meta| {
                // Judged by the list that is replaced, not by one that was read earlier.
                let more = prefixes | meta.rules.rights_of(&who);
                if !resolved.allows_adding(&who, right, more) {
                    return Err(KeyRefused::Denied);
                }
                match edit {
                    Edit::Add(rules) => meta.rules.add(rules),
                    Edit::Remove(rules) => meta.rules.remove(rules),
                    Edit::Set(rules) => Acl::new(rules).map(|acl| meta.rules = acl),
                }
                .map_err(KeyRefused::Acl)?;
                Ok(meta.clone())
            });
        let on = || format!("key {:?} of {name}", target.key);
        changed.await.map_err(|refused| match refused {
            KeyRefused::Denied => denied(caller, right_name(right), &on()),
            KeyRefused::Acl(error) => of_acl(error),
            KeyRefused::Store(StoreError::NoSuchKey) => {
                self.no_key(caller, resolved, &name, &target.key, right)
            }
            KeyRefused::Store(StoreError::PreconditionFailed) => Failure::new(
                ResultCode::Timeout,
                format!("{} is being written all the time: try again", on()),
            ),
            KeyRefused::Store(error) => failure::of_store(&error),
        })
    }
}

fn named(target: &AclTarget) -> BucketName {
    BucketName::new(target.volume.as_str(), target.bucket.as_str())
}

fn of_acl(error: AclError) -> Failure {
    failure::of_namespace(&NamespaceError::Acl(error))
}

fn of_entry(target: AclTarget, entry: &Entry, acl: &Acl) -> Result<AclInfo, Failure> {
    let canned = entry.bucket().map(|bucket| match bucket.acl {
        CannedAcl::Private => "private",
        CannedAcl::PublicRead => "public-read",
        CannedAcl::PublicReadWrite => "public-read-write",
        CannedAcl::AuthenticatedRead => "authenticated-read",
    });
    let target = AclTarget {
        volume: entry.volume.to_string(),
        bucket: entry.name.to_string(),
        ..target
    };
    shown(target, &entry.owner, acl, canned)
}

fn of_key(target: AclTarget, resolved: &Resolved, meta: &ObjectMeta) -> Result<AclInfo, Failure> {
    let canned = match meta.acl {
        ObjectCanned::Private => "private",
        ObjectCanned::PublicRead => "public-read",
        ObjectCanned::PublicReadWrite => "public-read-write",
        ObjectCanned::AuthenticatedRead => "authenticated-read",
        ObjectCanned::BucketOwnerRead => "bucket-owner-read",
        ObjectCanned::BucketOwnerFullControl => "bucket-owner-full-control",
    };
    shown(target, &resolved.source_owner, &meta.rules, Some(canned))
}

fn shown(
    target: AclTarget,
    owner: &str,
    acl: &Acl,
    canned: Option<&str>,
) -> Result<AclInfo, Failure> {
    if !acl.is_readable() {
        return Err(of_acl(AclError::Unreadable));
    }
    let canned = canned.filter(|canned| *canned != "private");
    Ok(AclInfo {
        target,
        owner: owner.to_owned(),
        rules: acl.rules().iter().map(shown_rule).collect(),
        canned: canned.map(str::to_owned),
    })
}

fn shown_rule(rule: &Rule) -> AclRule {
    let (kind, name) = match &rule.subject {
        Subject::User(name) => (AclSubject::User, name.to_string()),
        Subject::Group(name) => (AclSubject::Group, name.to_string()),
        Subject::World => (AclSubject::World, String::new()),
        Subject::Anonymous => (AclSubject::Anonymous, String::new()),
    };
    AclRule {
        kind,
        name,
        rights: rule.rights.to_string(),
        scope: match rule.scope {
            Scope::Access => AclScope::Access,
            Scope::Default => AclScope::Default,
        },
    }
}
