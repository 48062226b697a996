//! The pages of a checkpoint file. See `docs/format/checkpoint.md`.

use crate::base::Location;
use crate::base::limits::BLOCK;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a page of leaves.
pub const PAGE: usize = 64 * 1024;
/// Bytes of the last page, the summary.
pub const SUMMARY_PAGE: usize = BLOCK;

const MAGIC: [u8; 8] = *b"CHRNGIDX";
const VERSION: u16 = 2;
/// The checksum covers a page from here to its end.
const CHECKED_FROM: usize = 12;

/// Tells pages of leaves from the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// Packed leaves, each behind its length.
    Leaves = 1,
    /// A [`Summary`]; always the last page.
    Summary = 2,
    /// What was saved beside the index; behind the pages of leaves.
    Attached = 3,
}

/// Starts every page.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Head {
    magic: [u8; 8],
    crc: U32,
    version: U16,
    kind: U16,
    store: [u8; 16],
    shard: U16,
    reserved: U16,
    page: U32,
    sequence: U64,
    covers: U64,
    pub leaves: U32,
    pub used: U32,
}

/// The body of the last page.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Summary {
    /// Entries of all leaves.
    pub entries: U64,
    /// Pages before this one.
    pub pages: U32,
    /// CRC-32 of the checksums of all pages before this one, in order.
    pub crc: U32,
    /// How many of the pages, the last ones, are not leaves but what was saved beside them.
    pub attached: U32,
    pub reserved: U32,
}

/// Bytes of a page's head.
pub const HEAD: usize = size_of::<Head>();
const _: () = assert!(HEAD == 64 && size_of::<Summary>() == 24);

/// Which checkpoint a page belongs to. Every page's checksum covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub store: [u8; 16],
    pub shard: u16,
    /// One more than the checkpoint's before.
    pub sequence: u64,
    pub covers: Location,
}

impl Identity {
    /// Writes the head of `page`, whose body is complete and padded with zeros, and returns the
    /// checksum.
    pub fn seal(&self, page: &mut [u8], kind: Kind, number: u32, leaves: u32, used: u32) -> u32 {
        let mut head = Head {
            magic: MAGIC,
            crc: U32::ZERO,
            version: VERSION.into(),
            kind: (kind as u16).into(),
            store: self.store,
            shard: self.shard.into(),
            reserved: U16::ZERO,
            page: number.into(),
            sequence: self.sequence.into(),
            covers: self.covers.to_u64().into(),
            leaves: leaves.into(),
            used: used.into(),
        };
        put_head(page, &head);
        let crc = checksum(page);
        head.crc = crc.into();
        put_head(page, &head);
        crc
    }
}

fn put_head(page: &mut [u8], head: &Head) {
    let written = head.write_to_prefix(page);
    assert!(written.is_ok(), "a page is longer than its head");
}

fn checksum(page: &[u8]) -> u32 {
    crc32fast::hash(page.get(CHECKED_FROM..).unwrap_or_default())
}

/// A page whose checksum, number and owner are right.
pub struct Page<'a> {
    pub head: Head,
    pub identity: Identity,
    pub body: &'a [u8],
    pub crc: u32,
}

/// Verifies a page of the given kind and number of a checkpoint of this store and shard.
pub fn verify(
    page: &[u8],
    kind: Kind,
    number: u32,
    store: [u8; 16],
    shard: u16,
) -> Result<Page<'_>, &'static str> {
    let (head, body) = Head::read_from_prefix(page).map_err(|_| "page cut off")?;
    if head.magic != MAGIC {
        return Err("not a checkpoint page");
    }
    if head.crc.get() != checksum(page) {
        return Err("wrong checksum");
    }
    if head.version.get() != VERSION {
        return Err("unknown version");
    }
    if head.store != store || head.shard.get() != shard {
        return Err("page of another store or shard");
    }
    if head.kind.get() != kind as u16 || head.page.get() != number || head.reserved.get() != 0 {
        return Err("page of another place");
    }
    Ok(Page {
        head,
        identity: Identity {
            store,
            shard,
            sequence: head.sequence.get(),
            covers: Location::from_u64(head.covers.get()),
        },
        body,
        crc: head.crc.get(),
    })
}
