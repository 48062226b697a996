//! The store's first block: which format it has, who it is, how many shards it was made with.
//!
//! A store is made in this order: `superblock.new`, then every folder and log, then the rename to
//! `superblock`. So a store with a `superblock` is complete, and one that has only `superblock.new`
//! was never used and may be made anew.

use crate::base::AlignedBuf;
use crate::base::codec::{Put, Reader};
use crate::base::limits::BLOCK;
use crate::io::{Disk, DiskFile, IoError, IoErrorKind};

const NAME: &str = "superblock";
const NAME_NEW: &str = "superblock.new";
/// What [`NAME_NEW`] is written as.
const NAME_DRAFT: &str = ".superblock";
const MAGIC: [u8; 8] = *b"CHNRING\0";
/// Version of the whole on-disk format. A store of another version is refused.
pub const FORMAT_VERSION: u32 = 1;
/// Bytes in front of the checksum.
const CHECKED: usize = 8 + 4 + 16 + 2 + 8;

/// What the superblock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Random; part of every checksum of the store.
    pub store: [u8; 16],
    /// Shards, fixed when the store was made.
    pub shards: u16,
    /// When it was made, milliseconds since the epoch.
    pub created: u64,
}

/// What is in a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A complete store.
    Store(Superblock),
    /// Nothing, or a store whose making was interrupted: make one.
    Nothing,
}

/// Why a data directory cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SuperblockError {
    /// The files could not be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// It is a store, but of a format this program does not know.
    #[error("the store has format version {found}, this program reads version {FORMAT_VERSION}")]
    OtherVersion {
        /// The version it has.
        found: u32,
    },
    /// The superblock is damaged.
    #[error("the superblock is damaged: {0}")]
    Damaged(&'static str),
    /// There is something, but no superblock: nothing is touched.
    #[error(
        "the data folder holds {0:?} but no superblock: it is not a chainring store, or a damaged one. \
         Give an empty folder, or one that does not exist yet"
    )]
    Foreign(String),
}

impl Superblock {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(BLOCK);
        out.extend_from_slice(&MAGIC);
        out.put_u32(FORMAT_VERSION);
        out.extend_from_slice(&self.store);
        out.put_u16(self.shards);
        out.put_u64(self.created);
        let crc = crc32fast::hash(&out);
        out.put_u32(crc);
        out.resize(BLOCK, 0);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, SuperblockError> {
        let damaged = |_| SuperblockError::Damaged("too short");
        let mut reader = Reader::new(bytes);
        if reader.take(8).map_err(damaged)? != MAGIC {
            return Err(SuperblockError::Damaged(
                "it does not begin with the magic bytes",
            ));
        }
        let found = reader.u32().map_err(damaged)?;
        if found != FORMAT_VERSION {
            return Err(SuperblockError::OtherVersion { found });
        }
        let block = Self {
            store: reader.array().map_err(damaged)?,
            shards: reader.u16().map_err(damaged)?,
            created: reader.u64().map_err(damaged)?,
        };
        let stored = reader.u32().map_err(damaged)?;
        if bytes.get(..CHECKED).map(crc32fast::hash) != Some(stored) {
            return Err(SuperblockError::Damaged("its checksum does not match"));
        }
        if block.shards == 0 {
            return Err(SuperblockError::Damaged("it says there are no shards"));
        }
        Ok(block)
    }

    /// Looks at a data directory. What an interrupted making left behind is removed.
    pub async fn find<D: Disk>(disk: &D) -> Result<Found, SuperblockError> {
        let found = Self::look(disk).await?;
        if found != Found::Nothing {
            return Ok(found);
        }
        let names = disk.list("").await?;
        let has = |name: &str| names.iter().any(|n| n == name);
        check_names(&names)?;
        let ours = |name: &str| name == "namespace" || name.starts_with("shard-");
        if has(NAME_NEW) {
            for folder in names.iter().filter(|name| ours(name)) {
                for name in disk.list(folder).await? {
                    disk.remove(&format!("{folder}/{name}")).await?;
                }
            }
        }
        Ok(Found::Nothing)
    }

    /// Looks at a data directory and changes nothing.
    pub async fn look<D: Disk>(disk: &D) -> Result<Found, SuperblockError> {
        if !disk.list("").await?.iter().any(|name| name == NAME) {
            return Ok(Found::Nothing);
        }
        let file = disk.open(NAME).await?;
        let (result, buf) = file
            .read_at(0, BLOCK, AlignedBuf::with_capacity(BLOCK))
            .await;
        match result {
            Ok(()) => Ok(Found::Store(Self::decode(&buf)?)),
            Err(error) if error.kind == IoErrorKind::Short => {
                Err(SuperblockError::Damaged("too short"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Begins the making of a store. The beginnings of one that were found stay marked as such until
    /// this takes their place: without a mark their folders would pass for a stranger's.
    pub async fn begin<D: Disk>(&self, disk: &D) -> Result<(), SuperblockError> {
        let file = match disk.create(NAME_DRAFT, BLOCK as u64).await {
            Err(error) if error.kind == IoErrorKind::AlreadyExists => {
                disk.remove(NAME_DRAFT).await?;
                disk.create(NAME_DRAFT, BLOCK as u64).await?
            }
            other => other?,
        };
        let (result, _) = file.write_at(0, AlignedBuf::copy_of(&self.encode())).await;
        result?;
        file.sync_data().await?;
        Ok(disk.rename(NAME_DRAFT, NAME_NEW).await?)
    }

    /// Ends the making of a store: from now on it is one.
    pub async fn finish<D: Disk>(disk: &D) -> Result<(), SuperblockError> {
        Ok(disk.rename(NAME_NEW, NAME).await?)
    }
}

/// Refuses a folder that holds something but neither a store nor the beginnings of one. To be asked
/// before anything is written into a folder.
pub fn check_names(names: &[String]) -> Result<(), SuperblockError> {
    if names.iter().any(|name| name == NAME || name == NAME_NEW) {
        return Ok(());
    }
    match names.iter().find(|name| !is_no_data(name)) {
        Some(name) => Err(SuperblockError::Foreign(name.clone())),
        None => Ok(()),
    }
}

/// Names that may be in a folder that a store is made in: those that a file system or the daemon
/// itself puts there before there is a store.
fn is_no_data(name: &str) -> bool {
    name.starts_with('.')
        || matches!(
            name,
            "lock" | "lost+found" | "admin.sock" | "secrets.key" | "secrets.key.new"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::sim::{self, Keep, SimDisk};

    /// The second interruption once left folders that passed for a stranger's, for ever.
    #[test]
    fn a_making_that_is_interrupted_twice_is_begun_again() {
        let block = Superblock {
            store: [7; 16],
            shards: 1,
            created: 5,
        };
        let disk = SimDisk::new(1);
        sim::run(1, async {
            block.begin(&disk).await.unwrap();
            disk.create_dir("shard-000").await.unwrap();
            disk.create("shard-000/seg-00000001", 4096).await.unwrap();
        });
        let disk = disk.crash(Keep::All);
        disk.record();
        let again = async |disk: &SimDisk| {
            assert_eq!(Superblock::find(disk).await.unwrap(), Found::Nothing);
            block.begin(disk).await.unwrap();
        };
        sim::run(2, again(&disk));
        disk.trace().replay(|_, image| {
            for keep in [Keep::All, Keep::None] {
                sim::run(3, again(&image.crashed_disk(keep, 3)));
            }
        });
    }

    #[test]
    fn round_trips_and_every_flipped_byte_is_noticed() {
        let block = Superblock {
            store: [7; 16],
            shards: 2,
            created: 5,
        };
        let bytes = block.encode();
        assert_eq!(Superblock::decode(&bytes).unwrap(), block);
        for at in 0..CHECKED + 4 {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            assert!(Superblock::decode(&bad).is_err(), "byte {at}");
        }
    }
}
