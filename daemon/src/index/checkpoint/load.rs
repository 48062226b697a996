//! Loading a checkpoint, or saying why not.

use super::NAME;
use super::format::{Head, Identity, Kind, PAGE, Page, SUMMARY_PAGE, Summary, verify};
use crate::base::codec::Reader;
use crate::base::{AlignedBuf, Location};
use crate::index::IndexWriter;
use crate::index::tree::{Bulk, leaf_entries, validate};
use crate::io::{Disk, DiskFile, IoError, IoErrorKind};
use futures_util::StreamExt;
use zerocopy::FromBytes;

/// Pages per read.
const PAGES_PER_READ: u32 = 8;
/// Reads at once.
const READS: usize = 4;

/// Why a checkpoint cannot be used. The index is then rebuilt from the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unusable {
    /// It is not what was written.
    #[error("damaged index checkpoint: {what} (page {page})")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Where.
        page: u32,
    },
    /// It could not be read.
    #[error("unreadable index checkpoint: {0}")]
    Io(IoError),
    /// There is none.
    #[error("no index checkpoint")]
    Missing,
}

impl From<IoError> for Unusable {
    fn from(error: IoError) -> Self {
        match error.kind {
            IoErrorKind::NotFound => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

/// What a checkpoint holds.
pub struct Loaded {
    /// The index. It holds every record before `covers`.
    pub index: IndexWriter,
    /// From where the log is to be replayed.
    pub covers: Location,
    /// What was saved beside the index.
    pub attached: Vec<u8>,
}

/// Loads the checkpoint in the folder `dir`.
pub async fn load<D: Disk>(
    disk: &D,
    dir: &str,
    store: [u8; 16],
    shard: u16,
) -> Result<Loaded, Unusable> {
    let file = disk.open(&format!("{dir}/{NAME}")).await?;
    let (identity, summary) = read_summary(&file, store, shard).await?;
    let pages = summary.pages.get();
    let reads = (0..pages).step_by(PAGES_PER_READ as usize).map(|first| {
        let file = file.clone();
        let len = PAGE * PAGES_PER_READ.min(pages - first) as usize;
        async move {
            let buf = AlignedBuf::with_capacity(len);
            let (result, buf) = file.read_at(u64::from(first) * PAGE as u64, len, buf).await;
            result.map(|()| (first, buf))
        }
    });
    let mut reads = std::pin::pin!(futures_util::stream::iter(reads).buffered(READS));
    let mut loading = Loading {
        identity,
        leaves: pages.saturating_sub(summary.attached.get()),
        attached: Vec::new(),
        bulk: Bulk::new(),
        entries: 0,
        crcs: crc32fast::Hasher::new(),
    };
    while let Some(read) = reads.next().await {
        let (first, buf) = read?;
        for (number, page) in (first..).zip(buf.chunks_exact(PAGE)) {
            let loaded = loading.page(number, page);
            loaded.map_err(|what| Unusable::Damaged { what, page: number })?;
        }
    }
    let right =
        loading.entries == summary.entries.get() && loading.crcs.finalize() == summary.crc.get();
    if !right {
        let what = "pages differ from the summary";
        return Err(Unusable::Damaged { what, page: pages });
    }
    Ok(Loaded {
        index: loading.bulk.finish(),
        covers: identity.covers,
        attached: loading.attached,
    })
}

async fn read_summary<F: DiskFile>(
    file: &F,
    store: [u8; 16],
    shard: u16,
) -> Result<(Identity, Summary), Unusable> {
    let damaged = |what| Unusable::Damaged { what, page: 0 };
    let pages_len = file.len().checked_sub(SUMMARY_PAGE as u64);
    let pages_len = pages_len.ok_or_else(|| damaged("file cut off"))?;
    if !pages_len.is_multiple_of(PAGE as u64) {
        return Err(damaged("file of odd length"));
    }
    let pages = u32::try_from(pages_len / PAGE as u64).map_err(|_| damaged("file too long"))?;
    let damaged = |what| Unusable::Damaged { what, page: pages };
    let buf = AlignedBuf::with_capacity(SUMMARY_PAGE);
    let (result, buf) = file.read_at(pages_len, SUMMARY_PAGE, buf).await;
    result?;
    let page = verify(&buf, Kind::Summary, pages, store, shard).map_err(damaged)?;
    let (summary, _) = Summary::read_from_prefix(page.body).map_err(|_| damaged("no summary"))?;
    if summary.pages.get() != pages || summary.attached.get() > pages {
        return Err(damaged("pages missing or added"));
    }
    Ok((page.identity, summary))
}

struct Loading {
    identity: Identity,
    /// Pages of leaves; the others are attached.
    leaves: u32,
    attached: Vec<u8>,
    bulk: Bulk,
    entries: u64,
    crcs: crc32fast::Hasher,
}

impl Loading {
    fn page(&mut self, number: u32, page: &[u8]) -> Result<(), &'static str> {
        let Identity { store, shard, .. } = self.identity;
        let kind = if number < self.leaves {
            Kind::Leaves
        } else {
            Kind::Attached
        };
        let Page {
            head: Head { leaves, used, .. },
            identity,
            body,
            crc,
        } = verify(page, kind, number, store, shard)?;
        if identity != self.identity {
            return Err("page of another checkpoint");
        }
        self.crcs.update(&crc.to_le_bytes());
        let used = usize::try_from(used.get()).map_err(|_| "page overfull")?;
        let body = body.get(..used).ok_or("page overfull")?;
        if kind == Kind::Attached {
            self.attached.extend_from_slice(body);
            return Ok(());
        }
        let mut reader = Reader::new(body);
        for _ in 0..leaves.get() {
            let len = reader.u32().map_err(|_| "leaf cut off")?;
            let len = usize::try_from(len).map_err(|_| "leaf cut off")?;
            let leaf = reader.take(len).map_err(|_| "leaf cut off")?;
            validate(leaf)?;
            self.bulk
                .push_leaf(leaf)
                .map_err(|_| "leaves do not ascend")?;
            self.entries += leaf_entries(leaf);
        }
        reader.finish().map_err(|_| "bytes after the last leaf")
    }
}
