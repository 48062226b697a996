//! From a name to its bucket: one probe of the index for whatever leads to a bucket, a longer look
//! for the rest.

use crate::base::Timestamp;
use crate::base::codec::Malformed;
use crate::index::map::Generation;
use crate::namespace::derived::{self, OfBucket, OfLink};
use crate::namespace::error::ResolveError;
use crate::namespace::gates::{self, Gates, Own};
use crate::namespace::keys::Key;
use crate::namespace::name::Name;
use crate::namespace::record::{EntryRecord, Glance};
use crate::namespace::resolve;
use crate::namespace::tables::{self, Tables};
use crate::namespace::types::{LinkStatus, Resolution, Resolved, Target};
use crate::namespace::values;

/// What a value of the index says about a name; `None` when that needs a longer look: a link that
/// leads nowhere or has expired, or lists too long to be kept here.
pub(crate) fn glance(
    place: (Name, Name),
    generation: u64,
    value: &[u8],
    now: Timestamp,
) -> Result<Option<Resolved>, Malformed> {
    if values::in_pieces(value) {
        return Ok(None);
    }
    let (primary, derived) = derived::unpack(value)?;
    let entry = Glance::decode(primary)?;
    if entry.bucket.is_some() {
        let kept = OfBucket::decode(derived)?;
        let bucket = (!kept.elsewhere).then(|| of_bucket(place, generation, &entry, kept.way));
        return Ok(bucket.flatten());
    }
    let kept = OfLink::decode(derived)?;
    if kept.elsewhere || has_expired(&kept.resolution, now) {
        return Ok(None);
    }
    let OfLink {
        resolution,
        delegated,
        way,
        ..
    } = kept;
    Ok(of_link(
        place, generation, &entry, resolution, delegated, way,
    ))
}

fn has_expired(resolution: &Resolution, now: Timestamp) -> bool {
    resolution.expires.is_some_and(|end| end <= now)
}

/// As [`glance`], of anything that is there.
#[cold]
pub(crate) fn thorough(
    view: &Generation,
    place: (Name, Name),
    now: Timestamp,
) -> Result<Resolved, ResolveError> {
    let value = values::get(view, &Key::entry(&place.0, &place.1))?;
    let value = value.ok_or(Malformed("a name that was there"))?;
    let (primary, derived) = derived::unpack(&value)?;
    let (entry, number) = (Glance::decode(primary)?, view.number());
    let odd = Malformed("a good link was kept as a broken one");
    if entry.bucket.is_some() {
        let way = OfBucket::decode(derived)?.way;
        let way = gates::complete(view, way, place)?;
        return Ok(of_bucket(place, number, &entry, &way).ok_or(odd)?);
    }
    let kept = OfLink::decode(derived)?;
    let resolution = kept.resolution;
    if has_expired(&resolution, now) || resolution.status != LinkStatus::Ok {
        return Err(why(view, place, &resolution, now));
    }
    let end = (resolution.volume, resolution.bucket);
    let way = gates::complete(view, kept.way, end)?;
    let found = of_link(place, number, &entry, resolution, kept.delegated, &way);
    Ok(found.ok_or(odd)?)
}

fn of_bucket(
    place: (Name, Name),
    generation: u64,
    entry: &Glance<'_>,
    way: &[u8],
) -> Option<Resolved> {
    let bucket = entry.bucket?;
    Some(Resolved {
        bucket: bucket.id,
        source_volume: place.0,
        source_bucket: place.1,
        source_owner: entry.owner,
        acl: bucket.acl,
        object_lock: bucket.object_lock,
        created: entry.created,
        entry_owner: entry.owner,
        entry_created: entry.created,
        is_link: false,
        hops: 0,
        generation,
        entry_volume: place.0,
        entry_name: place.1,
        prefix: None,
        read_only: false,
        expires: None,
        link_generation: 0,
        delegated: false,
        gates: Gates::new(Own::Bucket, &[], way),
    })
}

fn of_link(
    place: (Name, Name),
    generation: u64,
    entry: &Glance<'_>,
    resolution: Resolution,
    delegated: bool,
    way: &[u8],
) -> Option<Resolved> {
    let Target {
        bucket,
        owner,
        created,
    } = resolution.target?;
    let own = match resolution.delegated {
        true => Own::Delegated,
        false => Own::Link,
    };
    Some(Resolved {
        bucket: bucket.id,
        source_volume: resolution.volume,
        source_bucket: resolution.bucket,
        source_owner: owner,
        acl: bucket.acl,
        object_lock: bucket.object_lock,
        created,
        entry_owner: entry.owner,
        entry_created: entry.created,
        is_link: true,
        hops: resolution.hops,
        generation,
        entry_volume: place.0,
        entry_name: place.1,
        prefix: resolution.prefix,
        read_only: resolution.read_only,
        expires: resolution.expires,
        link_generation: entry.generation,
        delegated,
        gates: Gates::new(own, entry.acl, way),
    })
}

pub(crate) fn not_found(view: &Generation, volume: &Name) -> ResolveError {
    match tables::volume_record(view, volume) {
        Ok(Some(_)) => ResolveError::BucketNotFound,
        Ok(None) => ResolveError::VolumeNotFound,
        Err(error) => error.into(),
    }
}

/// The error of a link that leads nowhere. Walks the chain in the state the link was found in; only
/// people read the result, so it may take its time, but never more than the longest chain allowed.
fn why(view: &Generation, place: (Name, Name), kept: &Resolution, now: Timestamp) -> ResolveError {
    reason(view, place, kept, now).unwrap_or_else(Into::into)
}

fn reason(
    view: &Generation,
    place: (Name, Name),
    kept: &Resolution,
    now: Timestamp,
) -> tables::Read<ResolveError> {
    let record = view.entry_record(&place.0, &place.1)?;
    let link = record.as_ref().and_then(EntryRecord::link);
    let link = link.ok_or(Malformed("a link that is none"))?;
    let found = resolve::follow(view, place, link)?;
    if has_expired(kept, now) {
        return resolve::expired(view, link, &found.chain, now);
    }
    // Whether a long chain loops is known from when it was written.
    if kept.status == LinkStatus::Loop {
        return Ok(ResolveError::Loop { chain: found.chain });
    }
    let odd = Malformed("a good link was kept as a broken one");
    Ok(found.reason().ok_or(odd)?)
}
