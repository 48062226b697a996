//! From a name to a bucket that it led to once: for uploads and listings that began then.
//!
//! The way is looked for over all sources that the links on it have had, the present ones first. What
//! the links say today about who may pass, writing and expiry still holds.

use crate::base::limits::LINK_CHAIN_MAX;
use crate::base::{BucketId, Timestamp};
use crate::index::map::Generation;
use crate::namespace::error::ResolveError;
use crate::namespace::gates::{End, Gate, Gates, Own, Way, complete};
use crate::namespace::link::LinkRecord;
use crate::namespace::name::Name;
use crate::namespace::record::{EntryRecord, RecordKind};
use crate::namespace::resolve::Source;
use crate::namespace::tables::{self, Read, Tables};
use crate::namespace::types::Resolved;
use std::collections::HashSet;

/// Most ways to the bucket that are tried whether they fit.
const WAYS_MAX: usize = 1000;
/// Most names that are looked at.
const VISITS_MAX: usize = 10_000;

type Place = (Name, Name);

/// A way from `place` to the bucket `id` that fits.
pub(crate) fn find(
    view: &Generation,
    place: Place,
    id: BucketId,
    now: Timestamp,
    fits: &impl Fn(&Resolved) -> bool,
) -> Result<Resolved, ResolveError> {
    let target = tables::bucket_name(view, id)?.ok_or(ResolveError::BucketNotFound)?;
    let mut search = Search {
        view,
        id,
        target,
        now,
        ways: 0,
        visits: 0,
        cut: 0,
        steps: Vec::new(),
        dead: HashSet::new(),
    };
    let found = search.from(place, fits)?;
    found.ok_or(ResolveError::BucketNotFound)
}

struct Search<'a> {
    view: &'a Generation,
    id: BucketId,
    target: Place,
    now: Timestamp,
    /// Ways found.
    ways: usize,
    /// Names looked at.
    visits: usize,
    /// Ways given up because they are too long.
    cut: usize,
    /// The links on the way, each with its record and the source that is tried.
    steps: Vec<Step>,
    /// Names that do not lead to the bucket.
    dead: HashSet<Place>,
}

struct Step {
    place: Place,
    record: EntryRecord,
    source: LinkRecord,
}

impl Search<'_> {
    fn from(&mut self, here: Place, fits: &impl Fn(&Resolved) -> bool) -> Read<Option<Resolved>> {
        self.visits += 1;
        let enough = self.ways >= WAYS_MAX || self.visits > VISITS_MAX;
        if enough || self.dead.contains(&here) {
            return Ok(None);
        }
        let Some(record) = self.view.entry_record(&here.0, &here.1)? else {
            return Ok(None);
        };
        if record.link().is_none() {
            let there = here == self.target;
            self.ways += usize::from(there);
            return match there {
                true => Ok(self.resolved(&record)?.filter(|found| fits(found))),
                false => Ok(None),
            };
        }
        if self.steps.iter().any(|step| step.place == here) {
            return Ok(None);
        }
        if self.steps.len() >= LINK_CHAIN_MAX {
            self.cut += 1;
            return Ok(None);
        }
        let (mut before, found_so_far) = (None, (self.ways, self.cut));
        for source in tables::sources(self.view, here)? {
            let bound = source.bind.is_some_and(|bind| bind != self.id);
            let same = Some((source.source, source.prefix.clone()));
            if bound || before == same {
                continue;
            }
            before = same;
            let next = source.source;
            self.steps.push(Step {
                place: here,
                record: record.clone(),
                source,
            });
            let found = self.from(next, fits)?;
            if found.is_some() {
                return Ok(found);
            }
            self.steps.pop();
        }
        if (self.ways, self.cut) == found_so_far {
            // It was looked at with all its sources. What leads on over a name of this way was not,
            // but will be: from there.
            self.dead.insert(here);
        }
        Ok(None)
    }

    /// The bucket, over the steps taken; nothing when one of the links has expired.
    fn resolved(&self, record: &EntryRecord) -> Read<Option<Resolved>> {
        let (RecordKind::Bucket(bucket), Some(first)) = (&record.kind, self.steps.first()) else {
            return Ok(None);
        };
        let links = || self.steps.iter().filter_map(|step| step.record.link());
        let expires = links().filter_map(|link| link.expires).min();
        if expires.is_some_and(|end| end <= self.now) || bucket.id != self.id {
            return Ok(None);
        }
        let read_only = |step: &Step| step.record.link().is_some_and(|link| link.read_only);
        let prefixes = self
            .steps
            .iter()
            .rev()
            .filter_map(|step| step.source.prefix.as_deref());
        let prefix: String = prefixes.collect();
        let (gates, delegated) = self.gates(record)?;
        Ok(Some(Resolved {
            bucket: bucket.id,
            source_volume: self.target.0,
            source_bucket: self.target.1,
            source_owner: record.owner,
            acl: bucket.acl,
            object_lock: bucket.object_lock,
            created: record.created,
            entry_owner: first.record.owner,
            entry_created: first.record.created,
            is_link: true,
            hops: u8::try_from(self.steps.len()).unwrap_or(u8::MAX),
            generation: self.view.number(),
            entry_volume: first.place.0,
            entry_name: first.place.1,
            prefix: (!prefix.is_empty()).then(|| prefix.into()),
            read_only: self
                .steps
                .iter()
                .any(|step| read_only(step) || step.source.read_only),
            expires,
            link_generation: first.source.turn.generation,
            delegated,
            gates,
        }))
    }

    /// Who may pass: as on the way that is taken today. Consent to this very bucket counts.
    fn gates(&self, record: &EntryRecord) -> Read<(Gates, bool)> {
        let source = Source::new(self.view, self.target, record)?;
        let (mut own, mut gates, mut end) = (Own::Link, Vec::new(), None);
        for (number, step) in self.steps.iter().enumerate() {
            let consent = step.record.link().and_then(|link| link.delegate);
            let delegated = source.consents(self.view, consent)?;
            let gate = Gate {
                place: step.place,
                owner: step.record.owner,
                acl: step.record.acl.clone(),
            };
            match (number, delegated) {
                (0, true) => own = Own::Delegated,
                (0, false) => {}
                (_, false) => gates.push(gate),
                (_, true) => {
                    end = Some(End::Delegated(gate));
                    break;
                }
            }
        }
        let delegated = own == Own::Delegated || end.is_some();
        let end = end.unwrap_or_else(|| source.as_end());
        let way = Way::new(&gates, &end, self.target);
        let way = complete(self.view, &way.bytes, self.target)?;
        let list = self.steps.first().map(|step| step.record.acl.encode());
        Ok((Gates::new(own, &list.unwrap_or_default(), &way), delegated))
    }
}
