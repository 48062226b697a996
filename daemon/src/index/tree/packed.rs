//! The byte layout of a node's sorted entries, and looking things up in it.
//!
//! ```text
//! 0        2            4            4 + 4n       4 + 6n
//! | n: u16 | prefix len | n heads    | n ends     | prefix | entry 0 | entry 1 | ...
//!            : u16        u32 each     u16 each
//! entry: | suffix len: 1 or 2 bytes | suffix beyond its first 4 bytes | value |
//! ```
//!
//! All numbers are little-endian. The prefix is common to all keys; a suffix is what follows it in
//! a key. A head is the number whose big-endian bytes are the suffix's first four, padded with
//! zeros, so that heads compare as the suffixes do and most searches end without touching an entry.
//! An end is where an entry ends, counted from the first entry. A suffix shorter than 128 has a
//! length of one byte; otherwise the first byte is 128 + (length mod 128), the second length / 128.
#![expect(
    clippy::indexing_slicing,
    reason = "packed bytes are built by this module's sibling or validated before use"
)]

use super::{KEY_LEN_MAX, VALUE_LEN_MAX};
use std::cmp::Ordering;

/// Bytes in front of the heads.
pub const FIXED: usize = 4;
/// Bytes of head and end per entry.
pub const PER_ENTRY: usize = 6;
/// Suffix bytes kept in the head.
pub const HEAD: usize = 4;

/// Sorted entries, read from packed bytes.
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    pub heads: &'a [[u8; 4]],
    pub ends: &'a [[u8; 2]],
    pub prefix: &'a [u8],
    pub area: &'a [u8],
}

/// One entry. Its key is the node's prefix, then `head`, then `rest`.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    head: [u8; HEAD],
    pub suffix_len: usize,
    rest: &'a [u8],
    pub value: &'a [u8],
}

impl<'a> Packed<'a> {
    /// A view of bytes that this crate built, or that [`validate`] accepted.
    pub fn new(bytes: &'a [u8]) -> Self {
        let count = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        let prefix_len = usize::from(u16::from_le_bytes([bytes[2], bytes[3]]));
        let (heads, rest) = bytes[FIXED..].split_at(count * 4);
        let (ends, rest) = rest.split_at(count * 2);
        let (prefix, area) = rest.split_at(prefix_len);
        Self {
            heads: heads.as_chunks().0,
            ends: ends.as_chunks().0,
            prefix,
            area,
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Where entry `index` starts in the area; for `index == len`, where the last one ends.
    pub fn start(&self, index: usize) -> usize {
        match index.checked_sub(1) {
            Some(before) => usize::from(u16::from_le_bytes(self.ends[before])),
            None => 0,
        }
    }

    /// The entry at `index`, which is below [`Packed::len`].
    pub fn entry(&self, index: usize) -> Entry<'a> {
        let bytes = &self.area[self.start(index)..self.start(index + 1)];
        let (suffix_len, at) = match bytes[0] {
            short @ 0..128 => (usize::from(short), 1),
            low => (usize::from(low & 0x7f) | usize::from(bytes[1]) << 7, 2),
        };
        let (rest, value) = bytes[at..].split_at(suffix_len.saturating_sub(HEAD));
        Entry {
            head: self.head(index).to_be_bytes(),
            suffix_len,
            rest,
            value,
        }
    }

    fn head(&self, index: usize) -> u32 {
        u32::from_le_bytes(self.heads[index])
    }

    /// Replaces `key` with the key at `index`.
    pub fn read_key(&self, index: usize, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(self.prefix);
        self.entry(index).push_suffix(key);
    }

    /// Where `key` is (`Ok`), or where it would be inserted (`Err`).
    pub fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let Some(suffix) = key.strip_prefix(self.prefix) else {
            return Err(if key < self.prefix { 0 } else { self.len() });
        };
        let head = head_of(suffix);
        let mut low = self
            .heads
            .partition_point(|h| u32::from_le_bytes(*h) < head);
        let mut high = low + self.heads[low..].partition_point(|h| u32::from_le_bytes(*h) == head);
        // Equal heads: compare what lies beyond them.
        while low < high {
            let middle = low.midpoint(high);
            match self.entry(middle).cmp_beyond_head(suffix) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

impl Packed<'_> {
    /// How the key at `index`, which is below [`Packed::len`], compares with `key`.
    pub fn cmp_key(&self, index: usize, key: &[u8]) -> Ordering {
        match key.strip_prefix(self.prefix) {
            Some(suffix) => {
                let heads = self.head(index).cmp(&head_of(suffix));
                heads.then_with(|| self.entry(index).cmp_beyond_head(suffix))
            }
            None => self.prefix.cmp(key),
        }
    }
}

impl Entry<'_> {
    /// Appends the suffix to the prefix that `key` ends with.
    pub fn push_suffix(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(&self.head[..self.suffix_len.min(HEAD)]);
        key.extend_from_slice(self.rest);
    }

    /// How this entry's suffix compares with `other`, given that their heads are equal. Padding
    /// makes a short suffix equal to the same one followed by zeros; then the shorter one is less.
    fn cmp_beyond_head(&self, other: &[u8]) -> Ordering {
        let rest = other.get(HEAD..).unwrap_or_default();
        self.rest.cmp(rest).then(self.suffix_len.cmp(&other.len()))
    }
}

/// The head of a suffix.
pub fn head_of(suffix: &[u8]) -> u32 {
    let mut head = [0; HEAD];
    let len = suffix.len().min(HEAD);
    head[..len].copy_from_slice(&suffix[..len]);
    u32::from_be_bytes(head)
}

/// Number of entries of packed bytes.
pub fn leaf_entries(bytes: &[u8]) -> u64 {
    Packed::new(bytes).len() as u64
}

/// Checks bytes from outside: afterwards every method of [`Packed`] is safe to call on them, and
/// the keys ascend strictly. Returns what is wrong.
pub fn validate(bytes: &[u8]) -> Result<(), &'static str> {
    let (fixed, rest) = bytes.split_first_chunk::<FIXED>().ok_or("no header")?;
    let count = usize::from(u16::from_le_bytes([fixed[0], fixed[1]]));
    let prefix_len = usize::from(u16::from_le_bytes([fixed[2], fixed[3]]));
    if rest.len() < count * PER_ENTRY + prefix_len {
        return Err("tables beyond the end");
    }
    let packed = Packed::new(bytes);
    let mut before: Option<(u32, Entry<'_>)> = None;
    let mut start = 0;
    for (index, end) in packed.ends.iter().enumerate() {
        let end = usize::from(u16::from_le_bytes(*end));
        let entry = packed.area.get(start..end).ok_or("entry out of bounds")?;
        validate_entry(entry, prefix_len, packed.head(index))?;
        start = end;
        let (head, entry) = (packed.head(index), packed.entry(index));
        if let Some((head_before, entry_before)) = before {
            let beyond = || {
                let order = entry_before.rest.cmp(entry.rest);
                order.then(entry_before.suffix_len.cmp(&entry.suffix_len))
            };
            if head_before.cmp(&head).then_with(beyond) != Ordering::Less {
                return Err("keys do not ascend");
            }
        }
        before = Some((head, entry));
    }
    if start == packed.area.len() {
        Ok(())
    } else {
        Err("bytes after the last entry")
    }
}

fn validate_entry(entry: &[u8], prefix_len: usize, head: u32) -> Result<(), &'static str> {
    let (suffix_len, rest) = match entry {
        [short @ 0..128, rest @ ..] => (usize::from(*short), rest),
        [low, high, rest @ ..] if *high > 0 => {
            (usize::from(low & 0x7f) | usize::from(*high) << 7, rest)
        }
        _ => return Err("no suffix length"),
    };
    let value_len = rest.len().checked_sub(suffix_len.saturating_sub(HEAD));
    if value_len.ok_or("suffix beyond the entry")? > VALUE_LEN_MAX {
        return Err("value too long");
    }
    if prefix_len + suffix_len > KEY_LEN_MAX {
        return Err("key too long");
    }
    let padding = head.to_be_bytes().iter().skip(suffix_len).any(|&b| b != 0);
    if padding {
        Err("head not padded")
    } else {
        Ok(())
    }
}
