//! Snapshots of the primary tables, so that neither the log nor a rebuild grows without bound.
//!
//! A snapshot is a file beside the log, named after the last record it includes. It is complete
//! before it gets that name. The two newest are kept, and the log back to the older one: should the
//! newest turn out damaged, nothing is lost. `docs/format/namespace.md` has the layout.

use crate::base::codec::{Malformed, Put, Reader};
use crate::base::limits::BLOCK;
use crate::base::{AlignedBuf, Location};
use crate::index::map::{Generation, Lookup, Stamp};
use crate::io::runtime::yield_now;
use crate::io::{Disk, DiskFile, IoError, IoErrorKind};
use crate::namespace::change::check;
use crate::namespace::derived;
use crate::namespace::error::NamespaceError;
use crate::namespace::keys;
use crate::namespace::values;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A key and its primary record.
type Row = (Vec<u8>, Vec<u8>);

/// The primary tables in memory.
pub(crate) type Primary = BTreeMap<Vec<u8>, Vec<u8>>;

const MAGIC: &[u8; 8] = b"CHNGSNAP";
const VERSION: u32 = 1;
/// Bytes of the header block.
const HEAD: u64 = BLOCK as u64;
/// Bytes of a piece on disk.
const PIECE: usize = 256 * 1024;
/// Bytes in front of a piece's data: checksum and length.
const PIECE_HEAD: usize = 8;
/// Data bytes of a piece.
const PIECE_DATA: usize = PIECE - PIECE_HEAD;
/// Snapshots kept.
pub(crate) const KEPT: usize = 2;
/// Name of a snapshot in the making.
const UNFINISHED: &str = "snapshot.new";
/// Entries read from the index in one go.
const ENTRIES_PER_TURN: usize = 512;

pub(crate) fn path(dir: &str, covers: u64) -> String {
    format!("{dir}/snapshot-{covers:016x}")
}

/// What the snapshots in the folder cover, newest first.
pub(crate) async fn list<D: Disk>(disk: &D, dir: &str) -> Result<Vec<u64>, IoError> {
    let names = disk.list(dir).await?;
    let covers = |name: &String| u64::from_str_radix(name.strip_prefix("snapshot-")?, 16).ok();
    let mut found: Vec<u64> = names.iter().filter_map(covers).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// What ties a block to its place: store, snapshot and number.
fn salt(store: [u8; 16], covers: u64, number: u64) -> crc32fast::Hasher {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&store);
    hasher.update(&covers.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher
}

/// Number that stands for the header in its checksum.
const HEADER_NUMBER: u64 = u64::MAX;

struct Header {
    stamp: Stamp,
    entries: u64,
    bytes: u64,
}

impl Header {
    fn encode(&self, store: [u8; 16]) -> AlignedBuf {
        let mut bytes = MAGIC.to_vec();
        bytes.put_u32(VERSION);
        bytes.extend_from_slice(&store);
        bytes.put_u64(self.stamp.covers);
        bytes.put_u64(self.stamp.digest);
        bytes.put_u64(self.entries);
        bytes.put_u64(self.bytes);
        let mut hasher = salt(store, self.stamp.covers, HEADER_NUMBER);
        hasher.update(&bytes);
        bytes.put_u32(hasher.finalize());
        let mut buf = AlignedBuf::copy_of(&bytes);
        buf.pad_to(BLOCK);
        buf
    }

    fn decode(bytes: &[u8], store: [u8; 16]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != *MAGIC || reader.u32()? != VERSION {
            return Err(Malformed("no snapshot of this version"));
        }
        if reader.array()? != store {
            return Err(Malformed("a snapshot of another store"));
        }
        let header = Self {
            stamp: Stamp {
                covers: reader.u64()?,
                digest: reader.u64()?,
            },
            entries: reader.u64()?,
            bytes: reader.u64()?,
        };
        let covered = bytes.len() - reader.rest().len();
        let mut hasher = salt(store, header.stamp.covers, HEADER_NUMBER);
        hasher.update(bytes.get(..covered).unwrap_or(&[]));
        if reader.u32()? != hasher.finalize() {
            return Err(Malformed("checksum of the snapshot's header"));
        }
        Ok(header)
    }
}

/// Walks the primary tables of a state in pages, so that others of this core get their turn.
/// Properties, which the index keeps in pieces, are put together.
struct Walk<'a> {
    state: &'a Generation,
    /// Key of the index to go on from.
    from: Vec<u8>,
    property: Option<Row>,
    ended: bool,
}

impl<'a> Walk<'a> {
    const fn new(state: &'a Generation) -> Self {
        Self {
            state,
            from: Vec::new(),
            property: None,
            ended: false,
        }
    }

    /// The next entries; none at the end.
    fn page(&mut self) -> Result<Vec<Row>, NamespaceError> {
        let mut page = Vec::new();
        while page.is_empty() && !self.ended {
            self.advance(&mut page)?;
        }
        Ok(page)
    }

    fn advance(&mut self, page: &mut Vec<Row>) -> Result<(), NamespaceError> {
        let mut raw = Vec::with_capacity(ENTRIES_PER_TURN);
        self.state.scan(&self.from, &mut |key, value| {
            if raw.len() == ENTRIES_PER_TURN || !key.first().copied().is_some_and(keys::is_primary)
            {
                return ControlFlow::Break(());
            }
            raw.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        self.ended = raw.len() < ENTRIES_PER_TURN;
        if let Some((last, _)) = raw.last() {
            self.from = [last, &[0][..]].concat();
        }
        for (key, value) in raw {
            let chunk = (key.first() == Some(&keys::PROPERTY)).then(|| keys::property_of(&key));
            let Some(property) = chunk else {
                page.extend(self.property.take());
                let value = values::whole(self.state, &key, &value)?;
                page.push((key, derived::unpack(&value)?.0.to_vec()));
                continue;
            };
            match &mut self.property {
                Some((open, whole)) if open == property => whole.extend_from_slice(&value),
                open => page.extend(open.replace((property.to_vec(), value))),
            }
        }
        if self.ended {
            page.extend(self.property.take());
        }
        Ok(())
    }
}

/// What a snapshot that was written changes.
pub(crate) struct Saved {
    /// Its size.
    pub(crate) bytes: u64,
    /// The first segment of the log that is still needed.
    pub(crate) first_segment: u32,
}

/// Writes a snapshot of a state and removes all but the newest [`KEPT`].
pub(crate) async fn write<D: Disk>(
    disk: &D,
    dir: &str,
    store: [u8; 16],
    state: &Generation,
) -> Result<Saved, NamespaceError> {
    let mut header = Header {
        stamp: state.stamp(),
        entries: 0,
        bytes: 0,
    };
    let mut entry = Vec::new();
    let mut walk = Walk::new(state);
    loop {
        let page = walk.page()?;
        if page.is_empty() {
            break;
        }
        for (key, value) in &page {
            header.entries += 1;
            header.bytes += put(&mut entry, key, value) as u64;
            entry.clear();
        }
        yield_now().await;
    }
    let unfinished = format!("{dir}/{UNFINISHED}");
    match disk.remove(&unfinished).await {
        Err(error) if error.kind != IoErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let pieces = header.bytes.div_ceil(PIECE_DATA as u64);
    let file = disk
        .create(&unfinished, HEAD + pieces * PIECE as u64)
        .await?;
    write_pieces(&file, store, state).await?;
    file.write_at(0, header.encode(store)).await.0?;
    file.sync_data().await?;
    disk.rename(&unfinished, &path(dir, header.stamp.covers))
        .await?;
    let all = list(disk, dir).await?;
    for &old in all.iter().skip(KEPT) {
        disk.remove(&path(dir, old)).await?;
    }
    let oldest = all.get(KEPT - 1).copied().unwrap_or(0);
    Ok(Saved {
        bytes: header.bytes,
        first_segment: Location::from_u64(oldest).segment,
    })
}

fn put(out: &mut Vec<u8>, key: &[u8], value: &[u8]) -> usize {
    let before = out.len();
    out.put_bytes(key);
    out.put_bytes(value);
    out.len() - before
}

async fn write_pieces<F: DiskFile>(
    file: &F,
    store: [u8; 16],
    state: &Generation,
) -> Result<(), NamespaceError> {
    let mut walk = Walk::new(state);
    let mut waiting = Vec::new();
    let mut number = 0;
    loop {
        let page = walk.page()?;
        for (key, value) in &page {
            put(&mut waiting, key, value);
        }
        while waiting.len() >= PIECE_DATA || (page.is_empty() && !waiting.is_empty()) {
            let data: Vec<u8> = waiting.drain(..waiting.len().min(PIECE_DATA)).collect();
            let mut hasher = salt(store, state.stamp().covers, number);
            hasher.update(&data);
            let mut buf = AlignedBuf::with_capacity(PIECE);
            buf.extend(&hasher.finalize().to_le_bytes());
            buf.extend(&u32::try_from(data.len()).unwrap_or(0).to_le_bytes());
            buf.extend(&data);
            buf.pad_to(PIECE);
            file.write_at(HEAD + number * PIECE as u64, buf).await.0?;
            number += 1;
        }
        if page.is_empty() {
            return Ok(());
        }
        yield_now().await;
    }
}

/// Reads a snapshot completely. Damage of any kind is an error.
pub(crate) async fn read<D: Disk>(
    disk: &D,
    dir: &str,
    store: [u8; 16],
    covers: u64,
) -> Result<(Primary, Stamp), NamespaceError> {
    let file = disk.open(&path(dir, covers)).await?;
    let buf = AlignedBuf::with_capacity(PIECE);
    let (result, mut buf) = file.read_at(0, BLOCK, buf).await;
    result?;
    let header = Header::decode(&buf, store)?;
    if header.stamp.covers != covers {
        return Err(Malformed("a snapshot under another's name").into());
    }
    let mut primary = Primary::new();
    let (mut waiting, mut bytes, mut number) = (Vec::new(), 0u64, 0u64);
    while bytes < header.bytes {
        let (result, read) = file.read_at(HEAD + number * PIECE as u64, PIECE, buf).await;
        result?;
        buf = read;
        let data = piece(&buf, salt(store, covers, number))?;
        bytes += data.len() as u64;
        number += 1;
        waiting.extend_from_slice(data);
        let used = take_entries(&waiting, &mut primary)?;
        waiting.drain(..used);
    }
    let whole = waiting.is_empty() && bytes == header.bytes;
    if !whole || primary.len() as u64 != header.entries {
        return Err(Malformed("entries of the snapshot").into());
    }
    Ok((primary, header.stamp))
}

fn piece(bytes: &[u8], mut hasher: crc32fast::Hasher) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(bytes);
    let (crc, len) = (reader.u32()?, reader.u32()?);
    let data = reader.take(usize::try_from(len).unwrap_or(usize::MAX))?;
    hasher.update(data);
    if data.is_empty() || crc != hasher.finalize() {
        return Err(Malformed("checksum of a piece of the snapshot"));
    }
    Ok(data)
}

/// Takes over the entries that are complete; returns the bytes they took.
fn take_entries(bytes: &[u8], primary: &mut Primary) -> Result<usize, Malformed> {
    let mut reader = Reader::new(bytes);
    loop {
        let mut entry = reader.clone();
        let (Ok(key), Ok(value)) = (entry.bytes(), entry.bytes()) else {
            return Ok(bytes.len() - reader.rest().len());
        };
        check(key, Some(value))?;
        primary.insert(key.to_vec(), value.to_vec());
        reader = entry;
    }
}
