//! Reads every record that the index names, and every body, from the device.

use super::BucketNames;
use super::explain::{ETAG, Kind, MISSING_SEGMENT, RECORD_DIFFERS, UNREADABLE};
use super::finding::{Finding, Findings};
use super::progress::Progress;
use super::shard::{name, place};
use crate::base::Location;
use crate::base::md5::Md5;
use crate::io::Disk;
use crate::log::{LogError, LogReader, OwnedRecord};
use crate::store::object::Object;
use crate::store::record::{Body, ObjectRecord, PartRecord, UploadRecord, kind};
use crate::store::{
    ObjectEntry, Opened, PartEntry, PartRef, StoreError, StoreReader, UploadEntry, keys,
};
use futures_util::StreamExt;
use std::collections::HashMap;
use std::ops::{Bound, ControlFlow};

/// Records read at once. Each may have an extent in memory.
const AT_ONCE: usize = 16;
/// A guess at a record's length; a longer one takes a second read.
const RECORD_GUESS: u32 = 4096;

/// What the checks need.
pub(super) struct Env<'a, D: Disk> {
    pub(super) reader: &'a StoreReader<D>,
    pub(super) log: &'a LogReader<D>,
    pub(super) buckets: &'a BucketNames,
    pub(super) deep: bool,
    pub(super) progress: &'a Progress,
}

/// Why something is not as it should be.
struct Bad {
    kind: &'static Kind,
    /// Where, if that is not where its record is.
    at: Option<Location>,
    what: String,
}

impl Bad {
    fn differs(what: &str) -> Self {
        Self {
            kind: &RECORD_DIFFERS,
            at: None,
            what: what.to_owned(),
        }
    }
}

impl From<LogError> for Bad {
    fn from(error: LogError) -> Self {
        let (kind, at, what) = match &error {
            LogError::Corrupt {
                segment,
                offset,
                what,
            } => {
                let at = Location {
                    segment: *segment,
                    offset: *offset,
                };
                (&UNREADABLE, Some(at), (*what).to_owned())
            }
            LogError::Unknown(segment) => {
                let at = Location {
                    segment: *segment,
                    offset: 0,
                };
                (&MISSING_SEGMENT, Some(at), error.to_string())
            }
            _ => (&UNREADABLE, None, error.to_string()),
        };
        Self { kind, at, what }
    }
}

impl From<StoreError> for Bad {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Log(error) => error.into(),
            error => Self::differs(&error.to_string()),
        }
    }
}

/// Reads the records at these places, in the order of the log, and what belongs to them.
pub(super) async fn check<D: Disk>(env: &Env<'_, D>, live: Vec<Location>, findings: &mut Findings) {
    let mut nameless = HashMap::new();
    let checks = live.into_iter().map(|at| async move {
        let found = one(env, at).await;
        env.progress.step();
        (at, found)
    });
    let mut checks = std::pin::pin!(futures_util::stream::iter(checks).buffer_unordered(AT_ONCE));
    while let Some((at, found)) = checks.next().await {
        match found {
            Ok(()) => {}
            Err((Some(key), bad)) => findings.push(finding(env, at, &key, bad)),
            // What the record was about can only be told by who led to it.
            Err((None, bad)) => {
                nameless.insert(at, bad);
            }
        }
    }
    if nameless.is_empty() {
        return;
    }
    env.reader.index().scan(Bound::Unbounded, |key, value| {
        if let Some(bad) = place(key, value).and_then(|at| nameless.remove(&at).map(|b| (at, b))) {
            findings.push(finding(env, bad.0, key, bad.1));
        }
        match nameless.is_empty() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
}

fn finding<D: Disk>(env: &Env<'_, D>, at: Location, key: &[u8], bad: Bad) -> Finding {
    let place = Some(bad.at.unwrap_or(at));
    bad.kind
        .finding(place, Some(name(key, env.buckets)), bad.what)
}

/// Checks what the record at a place is and leads to. With an error comes the index's key of it, if
/// the record still says it.
async fn one<D: Disk>(env: &Env<'_, D>, at: Location) -> Result<(), (Option<Vec<u8>>, Bad)> {
    let record = env.log.read_record(at, RECORD_GUESS).await;
    let record = record.map_err(|error| (None, error.into()))?;
    match record.kind {
        kind::UPLOAD => upload(env, at, &record),
        kind::PART => part(env, at, &record).await,
        kind::OBJECT => object(env, at, record).await,
        _ => Err((None, Bad::differs("another kind of record stands there"))),
    }
}

type Checked = Result<(), (Option<Vec<u8>>, Bad)>;

fn malformed(error: crate::base::codec::Malformed) -> (Option<Vec<u8>>, Bad) {
    (None, Bad::differs(&error.to_string()))
}

fn expect(same: bool, what: &str) -> Result<(), Bad> {
    same.then_some(()).ok_or_else(|| Bad::differs(what))
}

const ELSEWHERE: &str = "the record that stands there is another's";

fn upload<D: Disk>(env: &Env<'_, D>, at: Location, raw: &OwnedRecord) -> Checked {
    let record = UploadRecord::decode(raw.payload()).map_err(malformed)?;
    let key = keys::upload(record.bucket, &record.key, record.upload);
    let entry = env.reader.index().get(&key, UploadEntry::decode);
    let right = matches!(entry, Some(Ok(entry)) if entry.at == at);
    if !right {
        return Err((None, Bad::differs(ELSEWHERE)));
    }
    let same = matches!(entry, Some(Ok(entry)) if entry.started == record.started);
    expect(same, "record and index tell different times").map_err(|bad| (Some(key), bad))
}

async fn part<D: Disk>(env: &Env<'_, D>, at: Location, raw: &OwnedRecord) -> Checked {
    let (record, inline) = PartRecord::decode(raw.payload()).map_err(malformed)?;
    let key = keys::part(record.upload, record.number);
    let entry = match env.reader.index().get(&key, PartEntry::decode) {
        Some(Ok(entry)) if entry.at == at => entry,
        _ => return Err((None, Bad::differs(ELSEWHERE))),
    };
    let checked = async {
        let same = (entry.size, entry.md5) == (record.size, record.md5);
        expect(same, "record and index tell different sizes or digests")?;
        let mut md5 = Md5::new();
        md5.update(inline);
        if let Body::Extents(extents) = &record.body {
            for extent in extents {
                let (buf, range) = env.log.read_extent(*extent, 0..extent.len).await?;
                if env.deep {
                    md5.update(buf.get(range).unwrap_or_default());
                }
            }
        }
        match env.deep && md5.finish() != record.md5 {
            true => Err(wrong_etag("the part")),
            false => Ok(()),
        }
    };
    checked.await.map_err(|bad| (Some(key), bad))
}

fn wrong_etag(what: &str) -> Bad {
    Bad {
        kind: &ETAG,
        at: None,
        what: format!("{what} has another MD5 than its ETag says"),
    }
}

async fn object<D: Disk>(env: &Env<'_, D>, at: Location, raw: OwnedRecord) -> Checked {
    let len = raw.range.len();
    let object = Object::new(raw).map_err(malformed)?;
    let record = &object.record;
    let key = keys::object(record.bucket, &record.key, record.version);
    let entry = match env.reader.index().get(&key, ObjectEntry::decode) {
        Some(Ok(entry)) if entry.at == at => entry,
        _ => return Err((None, Bad::differs(ELSEWHERE))),
    };
    let opened = Opened::resting(entry, object);
    let record = &opened.object.record;
    let checked = async {
        let same = (
            entry.size,
            entry.etag,
            entry.modified,
            entry.record_len as usize,
        ) == (record.size, record.etag, record.modified, len);
        expect(
            same,
            "record and index tell different sizes, times or ETags",
        )?;
        body(env, &opened).await
    };
    checked.await.map_err(|bad| (Some(key), bad))
}

/// Reads a body from front to end.
async fn body<D: Disk>(env: &Env<'_, D>, object: &Opened<D>) -> Result<(), Bad> {
    let record = &object.object.record;
    let mut digest = env.deep.then(|| Digest::of(record));
    let mut read = 0u64;
    let mut stream = env.reader.body(object, 0..record.size, None);
    while let Some(bytes) = stream.next().await? {
        read += bytes.len() as u64;
        if let Some(digest) = &mut digest {
            digest.update(&bytes)?;
        }
    }
    expect(read == record.size, "the body has another length")?;
    let digest = digest.map(|digest| digest.finish(record.etag.parts));
    match digest.transpose()? {
        Some(digest) if digest != record.etag.md5 => Err(wrong_etag("the body")),
        _ => Ok(()),
    }
}

/// The MD5 that an ETag shows: of the body, or of its parts' MD5s.
struct Digest<'a> {
    whole: Md5,
    part: Md5,
    /// Parts not finished yet, with the bytes still to come of the first.
    parts: &'a [PartRef],
    left: u64,
}

impl<'a> Digest<'a> {
    fn of(record: &'a ObjectRecord) -> Self {
        let parts: &[_] = match &record.body {
            Body::Parts(parts) if record.etag.parts > 0 => parts,
            _ => &[],
        };
        Self {
            whole: Md5::new(),
            part: Md5::new(),
            parts,
            left: parts.first().map_or(0, |part| part.size),
        }
    }

    fn update(&mut self, mut bytes: &[u8]) -> Result<(), Bad> {
        if self.parts.is_empty() {
            self.whole.update(bytes);
            return Ok(());
        }
        while !bytes.is_empty() {
            let now = usize::try_from(self.left).unwrap_or(usize::MAX);
            let (mine, rest) = bytes.split_at(now.min(bytes.len()));
            self.part.update(mine);
            self.left -= mine.len() as u64;
            bytes = rest;
            self.end_parts()?;
            if self.parts.is_empty() && !bytes.is_empty() {
                return Err(Bad::differs("the body is longer than its parts"));
            }
        }
        Ok(())
    }

    /// Ends the parts of which nothing is to come.
    fn end_parts(&mut self) -> Result<(), Bad> {
        while let Some((part, rest)) = self.parts.split_first()
            && self.left == 0
        {
            let digest = std::mem::replace(&mut self.part, Md5::new()).finish();
            if digest != part.md5 {
                return Err(wrong_etag(&format!("part {}", part.number)));
            }
            self.whole.update(&digest);
            self.parts = rest;
            self.left = rest.first().map_or(0, |part| part.size);
        }
        Ok(())
    }

    fn finish(mut self, parts: u32) -> Result<[u8; 16], Bad> {
        if parts > 0 {
            self.end_parts()?;
        }
        Ok(self.whole.finish())
    }
}
