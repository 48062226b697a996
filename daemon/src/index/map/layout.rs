//! Bytes of a page: header, prefix, slots, cells. `docs/format/namespace.md` has the picture.
//!
//! A page is also an array of 512 little-endian words, which is how readers take it out of the map:
//! one relaxed load at a time, never a reference to anything with a meaning.

use super::error::MapError;
use super::node::Node;
use zerocopy::byteorder::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a page.
pub(super) const PAGE: usize = 4096;
/// Words of a page.
pub(super) const WORDS: usize = PAGE / 8;
/// Words of the header.
pub(super) const HEAD_WORDS: usize = 4;
/// Bytes of the header.
pub(super) const HEAD: usize = HEAD_WORDS * 8;
/// Bytes in front of a cell's key.
pub(super) const CELL_HEAD: usize = 8;
/// Longest key.
pub const KEY_BYTES_MAX: usize = 256;
/// Longest value.
pub const VALUE_BYTES_MAX: usize = 1200;
/// More levels than a tree of 2^32 pages can have.
pub(super) const LEVELS_MAX: u8 = 24;

/// First byte of a page of the tree, after its checksum: so that no superblock passes for one.
pub(super) const KIND: u8 = 0xc7;

/// Where a page is and when it was written. A page that was not written then is not the one meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageRef {
    pub(super) page: u32,
    /// Low half of the generation.
    pub(super) generation: u32,
}

impl PageRef {
    pub(super) const fn to_word(self) -> u64 {
        ((self.generation as u64) << 32) | self.page as u64
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
    pub(super) const fn from_word(word: u64) -> Self {
        Self {
            page: word as u32,
            generation: (word >> 32) as u32,
        }
    }

    pub(super) const fn damaged(self, what: &'static str) -> MapError {
        MapError::Damaged {
            page: self.page,
            what,
        }
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Header {
    /// CRC-32 of the store's id and everything after this field.
    pub(super) crc: U32,
    pub(super) kind: u8,
    /// 0 for a leaf.
    pub(super) level: u8,
    pub(super) count: U16,
    pub(super) page: U32,
    /// Bytes that all keys of the page begin with, kept once behind the header.
    pub(super) prefix_len: U16,
    pub(super) reserved: U16,
    pub(super) generation: U64,
    pub(super) reserved_too: U64,
}

const _: () = assert!(size_of::<Header>() == HEAD);

/// A page in ordinary memory.
pub(super) type PageBytes = Box<[u8; PAGE]>;

/// The checksum a page of this store must have.
pub(super) fn checksum(salt: u32, bytes: &[u8; PAGE]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(bytes.get(4..).unwrap_or(&[]));
    hasher.finalize()
}

/// Four bytes of a key as a number that sorts as they do: compared before the key itself is.
pub(super) fn head(key: &[u8]) -> u32 {
    let mut bytes = [0; 4];
    for (to, from) in bytes.iter_mut().zip(key) {
        *to = *from;
    }
    u32::from_be_bytes(bytes)
}

/// The check kept beside every value, so that a look-up need not read the whole page.
#[expect(clippy::cast_possible_truncation, reason = "32 bits of a hash")]
pub(super) fn check(key: &[u8], value: &[u8]) -> u32 {
    let seed = xxhash_rust::xxh3::xxh3_64(key);
    xxhash_rust::xxh3::xxh3_64_with_seed(value, seed) as u32
}

/// Number of bytes that both begin with.
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// A node as the bytes of a page.
pub(super) fn encode(node: &Node, at: PageRef, generation: u64, salt: u32) -> PageBytes {
    let mut bytes: PageBytes = Box::new([0; PAGE]);
    let prefix = node.prefix();
    let slots = slots_at(prefix.len());
    let mut end = PAGE;
    write(&mut bytes, HEAD, prefix);
    for (index, (key, value)) in node.iter().enumerate() {
        // The first key of an inner node stands for "anything smaller" and is empty.
        let rest = key.get(prefix.len()..).unwrap_or(&[]);
        let head_word = if node.level() == 0 {
            u64::from(check(key, value)) | ((value.len() as u64) << 32)
        } else {
            Node::child_of(value).to_word()
        };
        let value = if node.level() == 0 { value } else { &[] };
        end -= (CELL_HEAD + rest.len() + value.len()).next_multiple_of(8);
        write(&mut bytes, end, &head_word.to_le_bytes());
        write(&mut bytes, end + CELL_HEAD, rest);
        write(&mut bytes, end + CELL_HEAD + rest.len(), value);
        let slot = (u64::from(head(rest)) << 32) | ((end as u64) << 16) | rest.len() as u64;
        write(&mut bytes, slots + index * 8, &slot.to_le_bytes());
    }
    assert!(slots + node.len() * 8 <= end, "a node larger than a page");
    let header = Header {
        crc: U32::ZERO,
        kind: KIND,
        level: node.level(),
        count: small(node.len()),
        page: U32::new(at.page),
        prefix_len: small(prefix.len()),
        reserved: U16::ZERO,
        generation: U64::new(generation),
        reserved_too: U64::ZERO,
    };
    write(&mut bytes, 0, header.as_bytes());
    let crc = checksum(salt, &bytes);
    write(&mut bytes, 0, &crc.to_le_bytes());
    bytes
}

fn small(number: usize) -> U16 {
    U16::new(u16::try_from(number).expect("less than a page"))
}

fn write(page: &mut PageBytes, at: usize, bytes: &[u8]) {
    let room = page.get_mut(at..at + bytes.len());
    room.expect("the node fits its page").copy_from_slice(bytes);
}

/// Checks that a copy of a page is the one meant and as it was written.
pub(super) fn verify(
    bytes: &[u8; PAGE],
    at: PageRef,
    level: u8,
    salt: u32,
) -> Result<&Header, MapError> {
    let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| at.damaged("header"))?;
    if header.crc.get() != checksum(salt, bytes) {
        return Err(at.damaged("checksum"));
    }
    if header.kind != KIND || header.page.get() != at.page || header.level != level {
        return Err(at.damaged("another page"));
    }
    if PageRef::from_word(header.generation.get() << 32).generation != at.generation {
        return Err(at.damaged("another generation"));
    }
    Ok(header)
}

/// Checks a copy of a page completely and takes it apart.
pub(super) fn decode(
    bytes: &[u8; PAGE],
    at: PageRef,
    level: u8,
    salt: u32,
) -> Result<Node, MapError> {
    let header = verify(bytes, at, level, salt)?;
    take_apart(bytes, header).ok_or_else(|| at.damaged("cells"))
}

fn take_apart(bytes: &[u8; PAGE], header: &Header) -> Option<Node> {
    let prefix_len = usize::from(header.prefix_len.get());
    let prefix = bytes.get(HEAD..HEAD + prefix_len)?;
    let slots = slots_at(prefix_len);
    let mut node = Node::new(header.level);
    for index in 0..usize::from(header.count.get()) {
        let slot = u64::from_le_bytes(*bytes.get(slots + index * 8..)?.first_chunk()?);
        let (at, key_len) = slot_parts(slot);
        let cell = bytes.get(at..)?;
        let word = u64::from_le_bytes(*cell.first_chunk()?);
        let (rest, value) = cell.get(CELL_HEAD..)?.split_at_checked(key_len)?;
        let first_of_inner = header.level > 0 && index == 0;
        let prefix = if first_of_inner { &[] } else { prefix };
        if header.level == 0 {
            let value_len = usize::try_from(word >> 32).ok()?;
            node.push(&[prefix, rest], value.get(..value_len)?);
        } else {
            node.push(&[prefix, rest], &word.to_le_bytes());
        }
    }
    node.is_sorted().then_some(node)
}

/// Byte offset of the slots: behind header and prefix, which are read with them.
pub(super) const fn slots_at(prefix_len: usize) -> usize {
    HEAD + prefix_len.next_multiple_of(8)
}

/// Byte offset of the cell and length of the key in it.
#[expect(clippy::cast_possible_truncation, reason = "16 bits each")]
pub(super) const fn slot_parts(slot: u64) -> (usize, usize) {
    ((slot >> 16) as u16 as usize, slot as u16 as usize)
}
