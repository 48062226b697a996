//! The commands about quotas, and the limits that creations keep.
//!
//! The rules, in Ozone's words where it has some:
//! - A quota of zero is none that can be set: `QUOTA_ERROR`.
//! - A quota below what is used is refused with `QUOTA_ERROR`, as far as that is known: the
//!   namespace counts names itself, bytes and objects are told by the caller.
//! - A bucket's quota of bytes above its volume's is refused with `QUOTA_ERROR`, whichever of them is
//!   set. The sum of the buckets' quotas may be above (Ozone refuses that, and refuses buckets without
//!   a quota in a volume that has one): a volume's quota is enforced by what its buckets hold.
//! - Links have no quotas, and stand in the way of none: `NOT_SUPPORTED_OPERATION` for the first.
//! - A volume's quota of names counts its buckets and links; creating one more is `QUOTA_EXCEEDED`.

use crate::namespace::change::Change;
use crate::namespace::error::{NamespaceError, show_place};
use crate::namespace::keys::Key;
use crate::namespace::name::Name;
use crate::namespace::plan::{Answer, Planned, Planner, done};
use crate::namespace::quota::{QuotaChange, Used};
use crate::namespace::record::{RecordKind, VolumeRecord};
use crate::namespace::tables::{self, Tables};
use crate::namespace::types::Bucket;

type Checked = Result<(), NamespaceError>;
/// Of bytes and of names.
type Changes = (QuotaChange, QuotaChange);

pub(crate) fn set_of_volume(
    planner: &Planner<'_>,
    name: &str,
    changes: Changes,
    used: Option<Used>,
) -> Planned {
    let (name, mut record) = planner.volume(name)?;
    set(
        &mut record.quota_bytes,
        changes.0,
        used.map(|used| used.bytes),
    )?;
    let names = tables::entry_count(planner.map, &name)?;
    set(&mut record.quota_namespace, changes.1, Some(names))?;
    if let QuotaChange::Set(quota) = changes.0 {
        refuse_larger_buckets(planner, &name, quota)?;
    }
    record.modified = planner.now;
    done(
        vec![Change::put(&Key::volume(&name), record.encode())],
        Answer::Volume(name),
    )
}

pub(crate) fn set_of_bucket(
    planner: &Planner<'_>,
    place: (&str, &str),
    changes: Changes,
    used: Option<Used>,
) -> Planned {
    let (volume, name, mut record) = planner.entry(place.0, place.1)?;
    let RecordKind::Bucket(mut bucket) = record.kind else {
        return Err(NamespaceError::IsALink(show_place(&volume, &name)));
    };
    let bytes = used.map(|used| used.bytes);
    let objects = used.map(|used| used.objects);
    set(&mut bucket.quota_bytes, changes.0, bytes)?;
    set(&mut bucket.quota_namespace, changes.1, objects)?;
    if matches!(changes.0, QuotaChange::Set(_)) {
        check_new_bucket(planner, &volume, &bucket)?;
    }
    record.kind = RecordKind::Bucket(bucket);
    planner.rewrite(volume, name, record)
}

fn set(quota: &mut Option<u64>, change: QuotaChange, used: Option<u64>) -> Checked {
    if let QuotaChange::Set(new) = change {
        refuse_zero(Some(new))?;
        if let Some(used) = used.filter(|used| *used > new) {
            let message = format!("a quota of {new} is below the {used} in use");
            return Err(NamespaceError::QuotaInvalid(message));
        }
    }
    *quota = change.of(*quota);
    Ok(())
}

fn refuse_zero(quota: Option<u64>) -> Checked {
    match quota {
        Some(0) => Err(NamespaceError::QuotaInvalid(
            "a quota must be at least 1".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// A volume's quota must leave room for that of each of its buckets.
fn refuse_larger_buckets(planner: &Planner<'_>, volume: &Name, quota: u64) -> Checked {
    for name in tables::names_in(planner.map, &Key::entries_of(volume))? {
        let record = planner.map.entry_record(volume, &name)?;
        match record.map(|record| record.kind) {
            Some(RecordKind::Bucket(bucket)) if bucket.quota_bytes > Some(quota) => {
                let message = format!("bucket {name} has a larger quota than {quota} bytes");
                return Err(NamespaceError::QuotaInvalid(message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the quotas of a bucket must keep.
pub(crate) fn check_new_bucket(planner: &Planner<'_>, volume: &Name, bucket: &Bucket) -> Checked {
    refuse_zero(bucket.quota_bytes)?;
    refuse_zero(bucket.quota_namespace)?;
    let (_, record) = planner.volume(volume)?;
    match (bucket.quota_bytes, record.quota_bytes) {
        (Some(bucket), Some(most)) if bucket > most => {
            let message = format!("a quota of {bucket} bytes is above the volume's, {most}");
            Err(NamespaceError::QuotaInvalid(message))
        }
        _ => Ok(()),
    }
}

/// What a new volume must keep.
pub(crate) fn check_new_volume(
    planner: &Planner<'_>,
    owner: &Name,
    quotas: (Option<u64>, Option<u64>),
) -> Checked {
    refuse_zero(quotas.0)?;
    refuse_zero(quotas.1)?;
    room_for_volume(planner, owner)
}

/// Whether `owner` may have one more volume.
pub(crate) fn room_for_volume(planner: &Planner<'_>, owner: &Name) -> Checked {
    let most = planner.limits.volumes_of_owner;
    if tables::volumes_of(planner.map, owner, most)? >= most {
        return Err(NamespaceError::TooManyVolumes(*owner, most));
    }
    Ok(())
}

/// Whether a volume may have one more bucket or link.
pub(crate) fn room_for_entry(
    planner: &Planner<'_>,
    volume: &Name,
    record: &VolumeRecord,
) -> Checked {
    let most = planner.limits.entries;
    if tables::entry_count(planner.map, &Name::EMPTY)? >= most {
        return Err(NamespaceError::TooManyBuckets(most));
    }
    let Some(quota) = record.quota_namespace else {
        return Ok(());
    };
    if tables::entry_count(planner.map, volume)? >= quota {
        let message = format!("volume {volume} may have {quota} buckets and links, and has them");
        return Err(NamespaceError::QuotaExceeded(message));
    }
    Ok(())
}
