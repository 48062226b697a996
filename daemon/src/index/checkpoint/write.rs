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

/// Follows the copying of an index, to save what it counts over the entries that were copied.
pub trait Companion {
    /// All entries below `next` were copied as they are now; those from there on will be, and
    /// without a `next` nothing more.
    fn copied(&self, next: Option<&[u8]>);

    /// Asked once, after the last entry was copied: what is to be saved beside the index.
    fn attached(&self) -> Vec<u8>;
}

/// Saves nothing beside the index.
impl Companion for () {
    fn copied(&self, _: Option<&[u8]>) {}

    fn attached(&self) -> Vec<u8> {
        Vec::new()
    }
}

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
    let prepared = prepare(disk, dir, reader, covers, (store, shard), &()).await?;
    prepared.publish().await
}

/// As [`write()`], up to the point where the new checkpoint takes the place of the old one.
///
/// What was saved may include changes of which the log has not flushed the records (a store with
/// relaxed durability). A power loss would take the records, and the checkpoint would bring back
/// entries that point to nothing. So flush the log up to its end as it is now, then
/// [publish](Prepared::publish).
///
/// To be called on the core of the index's writer, when there is a `companion` that counts: it is
/// told where the copy is while no change can happen.
pub async fn prepare<D: Disk>(
    disk: &D,
    dir: &str,
    reader: &IndexReader,
    covers: Location,
    (store, shard): ([u8; 16], u16),
    companion: &impl Companion,
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
    match write_all(file, reader, identity, companion).await {
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

/// Removes the checkpoint in a folder, if there is one: the next start reads the whole log.
pub async fn discard<D: Disk>(disk: &D, dir: &str) -> Result<(), IndexError> {
    Ok(remove_if_there(disk, &format!("{dir}/{NAME}")).await?)
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

async fn write_all<F: DiskFile>(
    file: F,
    reader: &IndexReader,
    identity: Identity,
    companion: &impl Companion,
) -> Result<(), IoError> {
    let mut leaves = Leaves {
        reader,
        companion,
        next: Some(Vec::new()),
        packed: Vec::new(),
        waiting: false,
    };
    let mut pages = Pages::new(file, identity);
    loop {
        let filled = leaves.fill(pages.begin());
        if filled.leaves == 0 {
            break;
        }
        pages.summary.entries += filled.entries;
        pages.end(Kind::Leaves, filled.leaves, filled.used).await?;
    }
    for bytes in companion.attached().chunks(PAGE - HEAD) {
        let body = pages.begin().get_mut(HEAD..).unwrap_or_default();
        let (used, padding) = body.split_at_mut(bytes.len());
        used.copy_from_slice(bytes);
        padding.fill(0);
        pages.summary.attached += 1;
        pages.end(Kind::Attached, 0, u32_of(bytes.len())).await?;
    }
    pages.finish().await
}

/// The file as it grows, several pages per write.
struct Pages<F> {
    file: F,
    identity: Identity,
    summary: Summary,
    crcs: crc32fast::Hasher,
    buf: AlignedBuf,
    /// Bytes of `buf` that are pages; behind them there may be one that was only begun.
    ready: usize,
    offset: u64,
}

impl<F: DiskFile> Pages<F> {
    fn new(file: F, identity: Identity) -> Self {
        Self {
            file,
            identity,
            summary: Summary::default(),
            crcs: crc32fast::Hasher::new(),
            buf: AlignedBuf::with_capacity(PAGE * PAGES_PER_WRITE),
            ready: 0,
            offset: 0,
        }
    }

    /// Room for the next page. It counts once it is [ended](Pages::end).
    fn begin(&mut self) -> &mut [u8] {
        self.buf.set_len(self.ready + PAGE);
        self.buf.get_mut(self.ready..).unwrap_or_default()
    }

    /// The page that was begun is complete.
    async fn end(&mut self, kind: Kind, leaves: u32, used: u32) -> Result<(), IoError> {
        let number = self.summary.pages.get();
        let page = self.buf.get_mut(self.ready..).unwrap_or_default();
        let crc = self.identity.seal(page, kind, number, leaves, used);
        self.crcs.update(&crc.to_le_bytes());
        self.summary.pages += 1;
        self.ready += PAGE;
        if self.ready == PAGE * PAGES_PER_WRITE {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), IoError> {
        if self.ready == 0 {
            return Ok(());
        }
        let mut buf = std::mem::replace(&mut self.buf, AlignedBuf::with_capacity(0));
        buf.set_len(self.ready);
        let result;
        (result, self.buf) = self.file.write_at(self.offset, buf).await;
        self.offset += self.ready as u64;
        self.ready = 0;
        result
    }

    /// Writes the summary and flushes the file.
    async fn finish(mut self) -> Result<(), IoError> {
        self.flush().await?;
        self.summary.crc = self.crcs.finalize().into();
        let mut page = AlignedBuf::zeroed(SUMMARY_PAGE);
        let body = self.summary.as_bytes();
        if let Some(place) = page.get_mut(HEAD..HEAD + body.len()) {
            place.copy_from_slice(body);
        }
        let (number, used) = (self.summary.pages.get(), u32_of(body.len()));
        self.identity
            .seal(&mut page, Kind::Summary, number, 0, used);
        self.file.write_at(self.offset, page).await.0?;
        self.file.sync_data().await
    }
}

/// The leaves of an index, in order.
struct Leaves<'a, C> {
    reader: &'a IndexReader,
    companion: &'a C,
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

impl<C: Companion> Leaves<'_, C> {
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
            self.companion.copied(self.next.as_deref());
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
