//! Moving what is alive out of a segment: to the end of the log, like any other write.
//!
//! A record is written again, the same but for the places it names, if the index still names it when
//! its new place is taken; whoever wrote the key meanwhile wins. So a move is a change that changes
//! nothing, and a crash leaves either place in force. Bytes are verified when they are read: what
//! cannot be verified is not moved, and the segment stays.

use super::survey::{End, Survey, len_named, namers, names};
use crate::base::limits::EXTENT_HEAD;
use crate::base::{AlignedBuf, Location};
use crate::io::{Clock, Disk};
use crate::log::{ExtentRef, LogError, OwnedRecord};
use crate::store::entry::{PartEntry, record_of};
use crate::store::error::StoreError;
use crate::store::holds::Hold;
use crate::store::keys;
use crate::store::mutation::Mutation;
use crate::store::record::{
    AbortRecord, Body, DeleteRecord, Guard, ObjectRecord, PartRecord, PartRef, UploadRecord, kind,
};
use crate::store::usage::{NO_BUCKET, Usage};
use crate::store::writer::Store;
use std::collections::{HashMap, HashSet};

/// Guess of a record's length where the index does not know it: one block is read.
const LEN_GUESS: u32 = 4000;
/// Bytes moved between two flushes.
const FLUSH_BYTES: u64 = 1024 * 1024;

/// Whose record it is that names an extent or a part.
#[derive(Clone, Debug)]
enum Namer {
    /// An object's, which is alive.
    Object(Vec<u8>),
    /// A part's of an unfinished upload, which is alive.
    Part(Vec<u8>),
    /// A part's that belongs to objects, if any name it.
    OfObjects,
    /// Nothing's any more.
    Dead,
}

/// Moves things out of one segment.
pub(super) struct Relocation<'s, D: Disk, C: Clock> {
    store: &'s Store<D, C>,
    segment: u32,
    found: Survey,
    /// Records of parts that have to be written again.
    stale_parts: HashSet<Location>,
    namers: HashMap<Location, Namer>,
    unflushed: u64,
    /// Bytes moved.
    pub moved: u64,
}

/// A body at its new place.
struct Moved {
    body: Body,
    holds: Vec<Hold>,
    changed: bool,
}

impl<'s, D: Disk, C: Clock> Relocation<'s, D, C> {
    pub(super) fn new(store: &'s Store<D, C>, segment: u32, found: Survey) -> Self {
        Self {
            store,
            segment,
            found,
            stale_parts: HashSet::new(),
            namers: HashMap::new(),
            unflushed: 0,
            moved: 0,
        }
    }

    /// Moves everything. When this resolves, it is on stable media at its new places.
    pub(super) async fn run(&mut self) -> Result<(), StoreError> {
        self.find_namers().await?;
        for (key, at) in std::mem::take(&mut self.found.uploads) {
            self.upload(&key, at).await?;
        }
        for (key, at) in std::mem::take(&mut self.found.parts) {
            self.part(&key, at).await?;
        }
        for (key, at) in std::mem::take(&mut self.found.objects) {
            self.object(&key, at).await?;
        }
        // Of several for one key the one that has to stay longest stays.
        let mut ends = std::mem::take(&mut self.found.ends);
        ends.sort_by_key(|end| std::cmp::Reverse(end.since()));
        for end in ends {
            self.end(end).await?;
        }
        // Also what others wrote and this rested on.
        self.store.settle().await
    }

    /// Adds the records elsewhere that name something in the segment.
    async fn find_namers(&mut self) -> Result<(), StoreError> {
        let places: Vec<_> = self.found.named.keys().copied().collect();
        for place in places {
            for by in namers(&self.store.reader, place) {
                match self.namer(by).await? {
                    Namer::Object(key) => {
                        self.found.objects.insert(key, by);
                        // `place` is a part's record; an extent is not looked for in this set.
                        self.stale_parts.insert(place);
                    }
                    Namer::Part(key) => {
                        self.found.parts.insert(key, by);
                    }
                    Namer::OfObjects => self.part_is_stale(by).await?,
                    Namer::Dead => {}
                }
            }
        }
        Ok(())
    }

    async fn part_is_stale(&mut self, part: Location) -> Result<(), StoreError> {
        for by in namers(&self.store.reader, part) {
            if let Namer::Object(key) = self.namer(by).await? {
                self.found.objects.insert(key, by);
                self.stale_parts.insert(part);
            }
        }
        Ok(())
    }

    /// Whose record is at `by`.
    async fn namer(&mut self, by: Location) -> Result<Namer, StoreError> {
        if let Some(known) = self.namers.get(&by) {
            return Ok(known.clone());
        }
        let namer = match self.store.log.reader().read_record(by, LEN_GUESS).await {
            Ok(raw) => self.identify(by, &raw)?,
            // What has left the log was not alive.
            Err(LogError::Unknown(_)) => Namer::Dead,
            Err(error) => return Err(error.into()),
        };
        self.namers.insert(by, namer.clone());
        Ok(namer)
    }

    fn identify(&self, by: Location, raw: &OwnedRecord) -> Result<Namer, StoreError> {
        let index = &self.store.reader;
        Ok(match raw.kind {
            kind::OBJECT => {
                let (record, _) = ObjectRecord::decode(raw.payload())?;
                let key = keys::object(record.bucket, &record.key, record.version);
                match names(index, &key, by) {
                    true => Namer::Object(key),
                    false => Namer::Dead,
                }
            }
            kind::PART => {
                let (record, _) = PartRecord::decode(raw.payload())?;
                let key = keys::part(record.upload, record.number);
                match names(index, &key, by) {
                    true => Namer::Part(key),
                    false => Namer::OfObjects,
                }
            }
            kind::MOVED_PART => Namer::OfObjects,
            _ => Namer::Dead,
        })
    }

    /// An object's record, and what it names in the segment.
    async fn object(&mut self, index_key: &[u8], at: Location) -> Result<(), StoreError> {
        let raw = match self.read(index_key, at).await? {
            Some(raw) => raw,
            None => return Ok(()),
        };
        let (mut record, inline) = ObjectRecord::decode(raw.payload())?;
        let moved = match &record.body {
            Body::Parts(parts) => self.parts(parts).await?,
            body => self.body(body).await?,
        };
        if !moved.changed && at.segment != self.segment {
            return Ok(());
        }
        record.body = moved.body;
        let head = record.encode_head();
        let store = self.store;
        let turn = store.gate.enter().await;
        if !self.is_current(index_key, at) {
            if let Some(upload) = record.upload {
                let record = AbortRecord {
                    bucket: record.bucket,
                    key: record.key,
                    upload,
                };
                let since = at.segment;
                self.found.ends.push(End::Upload(Guard { since, record }));
            }
            return Ok(());
        }
        let new = store
            .log
            .append_moved(kind::OBJECT, &[&head, inline])
            .await?;
        let len = head.len() + inline.len();
        let mutation = Mutation::object_with_key(index_key.to_vec(), &record, new, len);
        store.enqueue(new, mutation, record.bucket, Usage::ZERO, moved.holds);
        store.cleaning.relocates(record.size);
        drop(turn);
        self.went(Some(at), new, len).await
    }

    /// The parts of an object: those that are in the segment, or have something there, are written
    /// again.
    async fn parts(&mut self, parts: &[PartRef]) -> Result<Moved, StoreError> {
        let mut moved = Moved {
            body: Body::Parts(Vec::new()),
            holds: Vec::new(),
            changed: false,
        };
        let mut refs = parts.to_vec();
        for part in &mut refs {
            if !self.stale_parts.contains(&part.at) {
                continue;
            }
            let raw = self.store.log.reader();
            let raw = raw.read_record(part.at, part.record_len).await?;
            let (mut record, inline) = PartRecord::decode(raw.payload())?;
            let body = self.body(&record.body).await?;
            record.body = body.body;
            let head = record.encode_head();
            let store = self.store;
            let turn = store.gate.enter().await;
            let parts = [&head[..], inline];
            let new = store.log.append_moved(kind::MOVED_PART, &parts).await?;
            let len = head.len() + inline.len();
            let mutation = Mutation::moved_part(&record, new);
            store.enqueue(new, mutation, NO_BUCKET, Usage::ZERO, body.holds);
            drop(turn);
            moved.holds.push(store.holds.hold(new.segment));
            part.at = new;
            part.record_len = u32::try_from(len).unwrap_or(u32::MAX);
            moved.changed = true;
            self.went(None, new, len).await?;
        }
        moved.body = Body::Parts(refs);
        Ok(moved)
    }

    /// A part of an unfinished upload.
    async fn part(&mut self, index_key: &[u8], at: Location) -> Result<(), StoreError> {
        let Some(raw) = self.read(index_key, at).await? else {
            return Ok(());
        };
        let (mut record, inline) = PartRecord::decode(raw.payload())?;
        let moved = self.body(&record.body).await?;
        record.body = moved.body;
        let head = record.encode_head();
        let store = self.store;
        let turn = store.gate.enter().await;
        let current = store.newest(index_key);
        let (Some(value), false) = current else {
            return Ok(());
        };
        let entry = PartEntry::decode(&value)?;
        if entry.at != at {
            return Ok(());
        }
        let parts = [&head[..], inline];
        let new = store.log.append_moved(kind::PART, &parts).await?;
        let len = head.len() + inline.len();
        let mutation = Mutation::part(&record, entry.bucket, new, len);
        store.enqueue(new, mutation, entry.bucket, Usage::ZERO, moved.holds);
        store.cleaning.relocates(record.size);
        drop(turn);
        self.went(Some(at), new, len).await
    }

    /// The record of an unfinished upload.
    async fn upload(&mut self, index_key: &[u8], at: Location) -> Result<(), StoreError> {
        let Some(raw) = self.read(index_key, at).await? else {
            return Ok(());
        };
        let record = UploadRecord::decode(raw.payload())?;
        let store = self.store;
        let turn = store.gate.enter().await;
        if !self.is_current(index_key, at) {
            return Ok(());
        }
        let payload = raw.payload();
        let new = store.log.append_moved(kind::UPLOAD, &[payload]).await?;
        let mutation = Mutation::upload(&record, new, payload.len());
        store.enqueue(new, mutation, record.bucket, Usage::ZERO, Vec::new());
        drop(turn);
        self.went(Some(at), new, payload.len()).await
    }

    /// That something ended, unless it is there again, or nobody can find it any more: neither in an
    /// older segment nor in the checkpoint.
    async fn end(&mut self, end: End) -> Result<(), StoreError> {
        let store = self.store;
        let since = end.since();
        let covers = store.checkpointed.borrow().segment;
        let older = |n: &u32| *n < since && *n != self.segment;
        let found = match end {
            End::Segment(_) => false,
            _ => store.log.segments().iter().any(older),
        };
        if !found && since.max(self.segment) < covers {
            return Ok(());
        }
        let turn = store.gate.enter().await;
        if let Some(index_key) = end.index_key()
            // With a newer record, or one in flight that ends it again, this one says nothing.
            && !matches!(store.newest(&index_key), (None, false))
        {
            return Ok(());
        }
        let (kind, payload, mutation, bucket) = match end {
            End::Object(Guard { record, .. }) => (
                kind::MOVED_DELETE,
                Guard::<DeleteRecord>::encode(since, &record.encode()),
                Mutation::delete(&record),
                record.bucket,
            ),
            End::Upload(Guard { record, .. }) => (
                kind::MOVED_ABORT,
                Guard::<AbortRecord>::encode(since, &record.encode()),
                Mutation::abort(&record),
                record.bucket,
            ),
            End::Segment(record) => (
                kind::RETIRED,
                record.encode(),
                Mutation::default(),
                NO_BUCKET,
            ),
        };
        let new = store.log.append_moved(kind, &[&payload]).await?;
        store.enqueue(new, mutation, bucket, Usage::ZERO, Vec::new());
        store.ends.learn(kind, new, &payload);
        drop(turn);
        self.went(None, new, payload.len()).await
    }

    /// The extents of a body that are in the segment go to the end of the log.
    async fn body(&mut self, body: &Body) -> Result<Moved, StoreError> {
        let mut moved = Moved {
            body: body.clone(),
            holds: Vec::new(),
            changed: false,
        };
        let segment = self.segment;
        if let Body::Extents(extents) = &mut moved.body {
            for extent in extents.iter_mut().filter(|e| e.at.segment == segment) {
                let (new, hold) = self.extent(*extent).await?;
                *extent = new;
                moved.holds.push(hold);
                moved.changed = true;
            }
        }
        Ok(moved)
    }

    async fn extent(&mut self, extent: ExtentRef) -> Result<(ExtentRef, Hold), StoreError> {
        let store = self.store;
        let (mut buf, range) = store
            .log
            .reader()
            .read_extent(extent, 0..extent.len)
            .await?;
        if range.start == EXTENT_HEAD {
            buf.set_len(range.end);
        } else {
            let mut fresh = AlignedBuf::with_capacity(EXTENT_HEAD + range.len());
            fresh.set_len(EXTENT_HEAD);
            fresh.extend(buf.get(range).unwrap_or_default());
            buf = fresh;
        }
        let tag = self.found.named.get(&extent.at).copied().unwrap_or(0);
        let started = store.log.start_moved_extent(tag, buf).await;
        let (new, writing) = started.map_err(|(error, _)| error)?;
        let hold = store.holds.hold(new.at.segment);
        writing.done().await.0?;
        let bytes = u64::from(extent.len) + EXTENT_HEAD as u64;
        self.moved += bytes;
        store.pace(bytes).await;
        Ok((new, hold))
    }

    /// The record at `at`, if the index names it.
    async fn read(&self, key: &[u8], at: Location) -> Result<Option<OwnedRecord>, StoreError> {
        let Some(len) = len_named(&self.store.reader, key, at) else {
            return Ok(None);
        };
        let raw = self.store.log.reader().read_record(at, len).await?;
        Ok(Some(raw))
    }

    /// Whether the key's newest value is what the record at `at` made it. Under the gate.
    fn is_current(&self, index_key: &[u8], at: Location) -> bool {
        let (value, in_flight) = self.store.newest(index_key);
        let record = value.and_then(|value| record_of(index_key, &value));
        !in_flight && record.is_some_and(|(place, _)| place == at)
    }

    /// A record has its new place.
    async fn went(
        &mut self,
        from: Option<Location>,
        to: Location,
        len: usize,
    ) -> Result<(), StoreError> {
        if let Some(from) = from {
            self.store.moves.note(from, to);
        }
        self.moved += len as u64;
        self.unflushed += len as u64;
        if self.unflushed >= FLUSH_BYTES {
            let bytes = std::mem::take(&mut self.unflushed);
            self.store.finish(to).await?;
            self.store.pace(bytes).await;
        }
        Ok(())
    }
}
