//! The first two pages of the file say what the rest holds. They are written in turn, so that one of
//! them is always whole, and say whether the file was closed in an orderly way: only then is it used
//! again.

use super::Stamp;
use super::error::MapError;
use super::find::Root;
use super::layout::{LEVELS_MAX, PAGE, PageRef};
use crate::io::mapfile::MapFile;
use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Pages that are not part of the tree.
pub(super) const SUPERBLOCKS: u32 = 2;
const MAGIC: [u8; 8] = *b"CHNGMAP\0";
const VERSION: u32 = 3;

/// What is at the start of a superblock's page; the rest is zero.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Raw {
    magic: [u8; 8],
    version: U32,
    /// CRC-32 of the fields from `store` on.
    crc: U32,
    store: [u8; 16],
    sequence: U64,
    /// 1 when the file was closed in an orderly way, else 0.
    clean: U32,
    level: U32,
    root_page: U32,
    root_generation: U32,
    number: U64,
    entries: U64,
    covers: U64,
    digest: U64,
}

const _: () = assert!(size_of::<Raw>() == 88);

/// A superblock's content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Superblock {
    /// The one with the higher number counts.
    pub(super) sequence: u64,
    pub(super) clean: bool,
    pub(super) root: Root,
    pub(super) number: u64,
    pub(super) entries: u64,
    pub(super) stamp: Stamp,
}

impl Raw {
    fn checksum(&self) -> u32 {
        crc32fast::hash(self.as_bytes().get(16..).unwrap_or(&[]))
    }

    fn parse(&self, store: [u8; 16]) -> Option<Superblock> {
        let known = self.magic == MAGIC && self.version.get() == VERSION;
        if !known || self.crc.get() != self.checksum() || self.store != store {
            return None;
        }
        let level = u8::try_from(self.level.get()).ok()?;
        if level >= LEVELS_MAX || self.clean.get() > 1 {
            return None;
        }
        Some(Superblock {
            sequence: self.sequence.get(),
            clean: self.clean.get() == 1,
            root: Root {
                at: PageRef {
                    page: self.root_page.get(),
                    generation: self.root_generation.get(),
                },
                level,
            },
            number: self.number.get(),
            entries: self.entries.get(),
            stamp: Stamp {
                covers: self.covers.get(),
                digest: self.digest.get(),
            },
        })
    }
}

/// The superblock that counts, if there is one of this store and version.
pub(super) fn read(file: &MapFile, store: [u8; 16]) -> Option<Superblock> {
    let slots = (0..u64::from(SUPERBLOCKS)).filter_map(|slot| {
        let mut page = [0; PAGE];
        file.read(slot * PAGE as u64, &mut page).ok()?;
        Raw::ref_from_prefix(&page).ok()?.0.parse(store)
    });
    slots.max_by_key(|superblock| superblock.sequence)
}

/// Writes a superblock to its slot and makes it durable.
pub(super) fn write(
    file: &MapFile,
    store: [u8; 16],
    superblock: &Superblock,
) -> Result<(), MapError> {
    let mut raw = Raw {
        magic: MAGIC,
        version: U32::new(VERSION),
        crc: U32::ZERO,
        store,
        sequence: U64::new(superblock.sequence),
        clean: U32::new(u32::from(superblock.clean)),
        level: U32::new(u32::from(superblock.root.level)),
        root_page: U32::new(superblock.root.at.page),
        root_generation: U32::new(superblock.root.at.generation),
        number: U64::new(superblock.number),
        entries: U64::new(superblock.entries),
        covers: U64::new(superblock.stamp.covers),
        digest: U64::new(superblock.stamp.digest),
    };
    raw.crc = U32::new(raw.checksum());
    let mut page = [0; PAGE];
    let written = raw.write_to_prefix(&mut page);
    written.expect("a superblock is smaller than a page");
    let slot = superblock.sequence % u64::from(SUPERBLOCKS);
    file.write(slot * PAGE as u64, &page)
        .and_then(|()| file.sync())
        .map_err(|error| MapError::io("write the index's superblock", &error))
}
