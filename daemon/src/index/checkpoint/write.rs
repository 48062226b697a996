//! Writing a checkpoint beside the running index.

use super::format::{HEAD, Identity, Kind, PAGE, SUMMARY_PAGE, Summary, verify};
use super::{NAME, NAME_UNFINISHED};
use crate::base::{AlignedBuf, Location};
use crate::index::tree::leaf_entries;
use crate::index::{IndexError, IndexReader};
use crate::io::{Disk, DiskFile, IoError, IoErrorKind};
use zerocopy::IntoBytes;

/// Pages per write. Bounds both the memory taken and the time the core is held at a stretch.
const PAGES_PER_WRITE: usize = 4;

/// Saves what `reader` sees in the folder `dir`, in place of the checkpoint there. `covers` is a
/// location of the log such that every record before it is in the index already.
///
/// The writer of the index may go on meanwhile, but only with changes whose records are on stable
/// media: otherwise use [`prepare`]. When this fails, the checkpoint before it remains. Not to be
/// called twice at once for one folder.
pub async fn write<D: Disk>(
    disk: &D,
    dir: &str,
    reader: &IndexReader,
    covers: Location,
    store: [u8; 16],
    shard: u16,
) -> Result<(), IndexError> {
    let prepared = prepare(disk, dir, reader, covers, store, shard).await?;
    prepared.publish().await
}

/// As [`write()`], up to the point where the new checkpoint takes the place of the old one.
///
/// What was saved may include changes of which the log has not flushed the records (a store with
/// relaxed durability). A power loss would take the records, and the checkpoint would bring back
/// entries that point to nothing. So flush the log up to its end as it is now, then
/// [publish](Prepared::publish).
pub async fn prepare<D: Disk>(
    disk: &D,
    dir: &str,
    reader: &IndexReader,
    covers: Location,
    store: [u8; 16],
    shard: u16,
) -> Result<Prepared<D>, IndexError> {
    let prepared = Prepared {
        disk: disk.clone(),
        name: format!("{dir}/{NAME}"),
        unfinished: format!("{dir}/{NAME_UNFINISHED}"),
    };
    let identity = Identity {
        store,
        shard,
        sequence: last_sequence(disk, &prepared.name, store, shard).await + 1,
        covers,
    };
    remove_if_there(disk, &prepared.unfinished).await?;
    let file = disk.create(&prepared.unfinished, 0).await?;
    match write_pages(&file, reader, identity).await {
        Ok(()) => Ok(prepared),
        Err(error) => Err(prepared.abandon(error).await),
    }
}

/// A complete checkpoint that is not in force yet. Dropping it leaves the one before in force.
#[must_use = "a prepared checkpoint has no effect until it is published"]
pub struct Prepared<D> {
    disk: D,
    name: String,
    unfinished: String,
}

impl<D: Disk> Prepared<D> {
    /// Puts the checkpoint in the place of the one before it.
    pub async fn publish(self) -> Result<(), IndexError> {
        match self.disk.rename(&self.unfinished, &self.name).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.abandon(error).await),
        }
    }

    async fn abandon(self, error: IoError) -> IndexError {
        // Only frees the space early: the next checkpoint would remove it.
        let _ = remove_if_there(&self.disk, &self.unfinished).await;
        error.into()
    }
}

async fn remove_if_there<D: Disk>(disk: &D, path: &str) -> Result<(), IoError> {
    match disk.remove(path).await {
        Err(error) if error.kind == IoErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The sequence number of the checkpoint there; 0 when there is none that can be read.
async fn last_sequence<D: Disk>(disk: &D, name: &str, store: [u8; 16], shard: u16) -> u64 {
    let Ok(file) = disk.open(name).await else {
        return 0;
    };
    let Some(at) = file.len().checked_sub(SUMMARY_PAGE as u64) else {
        return 0;
    };
    let number = u32::try_from(at / PAGE as u64).unwrap_or(u32::MAX);
    let buf = AlignedBuf::with_capacity(SUMMARY_PAGE);
    let (read, buf) = file.read_at(at, SUMMARY_PAGE, buf).await;
    let page = verify(&buf, Kind::Summary, number, store, shard);
    match (read, page) {
        (Ok(()), Ok(page)) => page.identity.sequence,
        _ => 0,
    }
}

async fn write_pages<F: DiskFile>(
    file: &F,
    reader: &IndexReader,
    identity: Identity,
) -> Result<(), IoError> {
    let mut leaves = Leaves {
        reader,
        next: Some(Vec::new()),
        packed: Vec::new(),
        waiting: false,
    };
    let mut numbers = 0..u32::MAX;
    let mut summary = Summary::default();
    let mut crcs = crc32fast::Hasher::new();
    let mut offset = 0;
    let mut buf = AlignedBuf::with_capacity(PAGE * PAGES_PER_WRITE);
    loop {
        buf.set_len(0);
        for number in numbers.by_ref().take(PAGES_PER_WRITE) {
            let start = buf.len();
            buf.set_len(start + PAGE);
            let page = buf.get_mut(start..).unwrap_or_default();
            let filled = leaves.fill(page);
            if filled.leaves == 0 {
                buf.set_len(start);
                break;
            }
            let crc = identity.seal(page, Kind::Leaves, number, filled.leaves, filled.used);
            crcs.update(&crc.to_le_bytes());
            summary.entries += filled.entries;
            summary.pages += 1;
        }
        if buf.is_empty() {
            break;
        }
        let len = buf.len() as u64;
        let result;
        (result, buf) = file.write_at(offset, buf).await;
        result?;
        offset += len;
    }
    summary.crc = crcs.finalize().into();
    let mut page = AlignedBuf::zeroed(SUMMARY_PAGE);
    let body = summary.as_bytes();
    if let Some(place) = page.get_mut(HEAD..HEAD + body.len()) {
        place.copy_from_slice(body);
    }
    identity.seal(&mut page, Kind::Summary, summary.pages.get(), 0, 16);
    file.write_at(offset, page).await.0?;
    file.sync_data().await
}

/// The leaves of an index, in order.
struct Leaves<'a> {
    reader: &'a IndexReader,
    /// Where the range of the next leaf starts.
    next: Option<Vec<u8>>,
    packed: Vec<u8>,
    /// Whether `packed` is a leaf that did not fit the last page.
    waiting: bool,
}

/// What went into a page.
struct Filled {
    leaves: u32,
    entries: u64,
    used: u32,
}

impl Leaves<'_> {
    /// Fills a page with as many leaves as fit.
    fn fill(&mut self, page: &mut [u8]) -> Filled {
        let mut filled = Filled {
            leaves: 0,
            entries: 0,
            used: 0,
        };
        let mut at = HEAD;
        while self.waiting || self.advance() {
            let end = at + 4 + self.packed.len();
            let Some((len, leaf)) = page
                .get_mut(at..end)
                .and_then(|p| p.split_at_mut_checked(4))
            else {
                self.waiting = true;
                break;
            };
            len.copy_from_slice(&u32_of(leaf.len()).to_le_bytes());
            leaf.copy_from_slice(&self.packed);
            self.waiting = false;
            at = end;
            filled.leaves += 1;
            filled.entries += leaf_entries(&self.packed);
        }
        filled.used = u32_of(at - HEAD);
        page.get_mut(at..).unwrap_or_default().fill(0);
        filled
    }

    /// Copies the next leaf that is not empty. False when there is none.
    fn advance(&mut self) -> bool {
        while let Some(start) = self.next.take() {
            self.next = self.reader.copy_leaf(&start, &mut self.packed);
            if leaf_entries(&self.packed) > 0 {
                return true;
            }
        }
        false
    }
}

/// # Panics
/// Never: a page is 64 KiB.
fn u32_of(len: usize) -> u32 {
    u32::try_from(len).expect("lengths inside a page")
}
