//! The commands about access control lists.

use crate::base::BucketId;
use crate::namespace::acl::{Acl, AclError};
use crate::namespace::change::Change;
use crate::namespace::command::{AclEdit, AclTarget};
use crate::namespace::error::NamespaceError;
use crate::namespace::keys::Key;
use crate::namespace::plan::{Answer, Planned, Planner, done};
use crate::namespace::plan_link::valid_prefix;
use crate::namespace::record::PrefixRecord;
use crate::namespace::rights::acl_of_volume;
use crate::namespace::tables;

/// Most prefixes of a bucket that have lists.
pub(crate) const PREFIXES_MAX: usize = 1000;

pub(crate) fn set(planner: &Planner<'_>, target: &AclTarget, edit: AclEdit) -> Planned {
    match target {
        AclTarget::Volume(name) => set_of_volume(planner, name, edit),
        AclTarget::Entry(volume, name) => set_of_entry(planner, (volume, name), edit),
        AclTarget::Prefix(bucket, prefix) => set_of_prefix(planner, *bucket, prefix, edit),
    }
}

fn edited(mut acl: Acl, edit: AclEdit) -> Result<Acl, AclError> {
    match edit {
        AclEdit::Add(rules) => acl.add(&rules)?,
        AclEdit::Remove(rules) => acl.remove(&rules)?,
        AclEdit::Set(rules) => acl = Acl::new(&rules)?,
    }
    Ok(acl)
}

fn set_of_volume(planner: &Planner<'_>, name: &str, edit: AclEdit) -> Planned {
    let (name, mut record) = planner.volume(name)?;
    let acl = edited(acl_of_volume(&name, record.acl.take()), edit)?;
    record.acl = Some(acl.clone());
    record.modified = planner.now;
    let change = Change::put(&Key::volume(&name), record.encode());
    done(vec![change], Answer::Acl(acl))
}

fn set_of_entry(planner: &Planner<'_>, place: (&str, &str), edit: AclEdit) -> Planned {
    let (volume, name, mut record) = planner.entry(place.0, place.1)?;
    record.acl = edited(record.acl, edit)?;
    let acl = record.acl.clone();
    let mut plan = planner.rewrite(volume, name, record)?;
    plan.answer = Answer::Acl(acl);
    Ok(plan)
}

fn set_of_prefix(planner: &Planner<'_>, bucket: BucketId, prefix: &str, edit: AclEdit) -> Planned {
    let prefix = valid_prefix(prefix)?;
    planner.bucket_name(bucket)?;
    let key = Key::prefix_acl(bucket, &prefix);
    let acl = match tables::prefix_acl(planner.map, bucket, &prefix)? {
        Some((found, acl)) if *found == *prefix => acl,
        // Only its hash is the same.
        Some(_) => return Err(NamespaceError::InvalidPrefix(prefix.into())),
        None if tables::prefix_keys(planner.map, bucket)?.len() >= PREFIXES_MAX => {
            return Err(NamespaceError::InvalidRequest(
                "a bucket has lists for at most 1000 prefixes",
            ));
        }
        None => Acl::EMPTY,
    };
    let acl = edited(acl, edit)?;
    let change = match acl.is_empty() {
        true => Change::remove(&key),
        false => {
            let record = PrefixRecord {
                prefix,
                acl: acl.clone(),
                extra: Vec::new(),
            };
            Change::put(&key, record.encode())
        }
    };
    done(vec![change], Answer::Acl(acl))
}
