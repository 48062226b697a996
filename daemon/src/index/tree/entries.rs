//! Unpacked entries on their way from old nodes to new ones, and packing them.

use super::packed::{FIXED, HEAD, PER_ENTRY, Packed, head_of};
use super::{KEY_LEN_MAX, LEAF_BYTES_MAX};
use std::ops::Range;

/// A sorted list of entries with whole keys. Kept and reused by the writer, so that it rarely
/// allocates.
#[derive(Default)]
pub struct Entries {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

#[derive(Clone)]
struct Item {
    key: Range<usize>,
    value: Range<usize>,
}

impl Entries {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Appends an entry; its key is above all others.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        let item = self.store(key, value);
        self.items.push(item);
    }

    /// Appends the entries of a node that are in `range`.
    pub fn push_all(&mut self, node: Packed<'_>, range: Range<usize>) {
        for index in range {
            let entry = node.entry(index);
            let start = self.bytes.len();
            self.bytes.extend_from_slice(node.prefix);
            entry.push_suffix(&mut self.bytes);
            let middle = self.bytes.len();
            self.bytes.extend_from_slice(entry.value);
            self.items.push(Item {
                key: start..middle,
                value: middle..self.bytes.len(),
            });
        }
    }

    /// Replaces the entries in `range` by one.
    pub fn splice(&mut self, range: Range<usize>, key: &[u8], value: &[u8]) {
        let item = self.store(key, value);
        self.items.splice(range, [item]);
    }

    /// Appends all of `other`.
    pub fn append(&mut self, other: &Self) {
        for index in 0..other.len() {
            self.push(other.key(index), other.value(index));
        }
    }

    /// Removes the entry at `index`.
    pub fn remove(&mut self, index: usize) {
        self.items.remove(index);
    }

    fn store(&mut self, key: &[u8], value: &[u8]) -> Item {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        Item {
            key: start..middle,
            value: middle..self.bytes.len(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "items point into bytes")]
    pub fn key(&self, index: usize) -> &[u8] {
        &self.bytes[self.items[index].key.clone()]
    }

    #[expect(clippy::indexing_slicing, reason = "items point into bytes")]
    pub fn value(&self, index: usize) -> &[u8] {
        &self.bytes[self.items[index].value.clone()]
    }

    /// Length of the prefix that the keys in `range` share.
    fn prefix_len(&self, range: &Range<usize>) -> usize {
        match range.len() {
            0 => 0,
            _ => common_len(self.key(range.start), self.key(range.end - 1)),
        }
    }

    /// Bytes that the entries in `range` take when packed.
    pub fn packed_len(&self, range: Range<usize>) -> usize {
        let prefix_len = self.prefix_len(&range);
        let entry = |i| {
            let suffix = self.key(i).len() - prefix_len;
            1 + usize::from(suffix >= 128) + suffix.saturating_sub(HEAD) + self.value(i).len()
        };
        FIXED + prefix_len + range.map(|i| PER_ENTRY + entry(i)).sum::<usize>()
    }

    /// Packs the entries in `range` into `out`, replacing what it held.
    ///
    /// # Panics
    /// When they do not fit the layout: many entries of more than 64 KiB.
    pub fn pack(&self, range: Range<usize>, out: &mut Vec<u8>) {
        let prefix_len = self.prefix_len(&range);
        out.clear();
        out.extend_from_slice(&u16_of(range.len()).to_le_bytes());
        out.extend_from_slice(&u16_of(prefix_len).to_le_bytes());
        let suffix = |i| self.key(i).get(prefix_len..).unwrap_or_default();
        for i in range.clone() {
            out.extend_from_slice(&head_of(suffix(i)).to_le_bytes());
        }
        let mut end = 0;
        for i in range.clone() {
            end += entry_len(suffix(i), self.value(i));
            out.extend_from_slice(&u16_of(end).to_le_bytes());
        }
        if !range.is_empty() {
            out.extend_from_slice(self.key(range.start).get(..prefix_len).unwrap_or_default());
        }
        for i in range {
            put_entry(suffix(i), self.value(i), out);
        }
    }

    /// Cuts all entries into runs that fit a leaf each; a single entry always does. `cut`, when
    /// given, is where the first cut should be, if there must be one.
    pub fn partition(&self, cut: Option<usize>) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let mut open = Vec::new();
        open.push(0..self.len());
        let mut cut = cut;
        while let Some(run) = open.pop() {
            if run.len() <= 1 || self.packed_len(run.clone()) <= LEAF_BYTES_MAX {
                runs.push(run);
                continue;
            }
            let middle = cut.take().unwrap_or_else(|| self.middle(&run));
            open.push(middle..run.end);
            open.push(run.start..middle);
        }
        runs
    }

    /// Where to cut `run` (of at least two) so that both sides have about as many bytes.
    fn middle(&self, run: &Range<usize>) -> usize {
        let len = |i: usize| PER_ENTRY + self.key(i).len() + self.value(i).len();
        let total: usize = run.clone().map(len).sum();
        let mut left = 0;
        for i in run.clone() {
            left += len(i);
            if left * 2 >= total {
                // The entry that crosses the middle goes where it unbalances less.
                let with = left * 2 - total;
                let without = total - (left - len(i)) * 2;
                let cut = if with <= without { i + 1 } else { i };
                return cut.clamp(run.start + 1, run.end - 1);
            }
        }
        run.end - 1
    }

    /// The shortest key above the one before `index` and not above the one at `index`.
    pub fn separator(&self, index: usize) -> &[u8] {
        separator(self.key(index - 1), self.key(index))
    }
}

/// The shortest prefix of `right` that is above `left`, where `left < right`.
pub fn separator<'a>(left: &[u8], right: &'a [u8]) -> &'a [u8] {
    right.get(..common_len(left, right) + 1).unwrap_or(right)
}

/// Length of the prefix that both share.
pub fn common_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Where packed bytes are written to.
pub trait Out {
    fn put(&mut self, bytes: &[u8]);
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A node with one entry inserted, replaced or removed, without unpacking it: a few copies.
pub struct Splice<'a> {
    old: Packed<'a>,
    range: Range<usize>,
    /// Suffix and value.
    new: Option<(&'a [u8], &'a [u8])>,
    new_len: usize,
}

impl<'a> Splice<'a> {
    /// Replaces the entries in `range` (none or one) of `old` by `new`. `None` when the new key
    /// lacks the prefix of the old ones.
    pub fn of(
        old: Packed<'a>,
        range: Range<usize>,
        new: Option<(&'a [u8], &'a [u8])>,
    ) -> Option<Self> {
        let new = match new {
            Some(_) if old.len() == 0 => return None, // Packing anew finds the prefix.
            Some((key, value)) => Some((key.strip_prefix(old.prefix)?, value)),
            None => None,
        };
        Some(Self {
            old,
            range,
            new,
            new_len: new.map_or(0, |(suffix, value)| entry_len(suffix, value)),
        })
    }

    fn count(&self) -> usize {
        self.old.len() - self.range.len() + usize::from(self.new.is_some())
    }

    /// Bytes that will be written.
    pub fn byte_len(&self) -> usize {
        let old = self.old;
        let removed = old.start(self.range.end) - old.start(self.range.start);
        let area_len = old.area.len() - removed + self.new_len;
        FIXED + self.count() * PER_ENTRY + old.prefix.len() + area_len
    }

    /// Writes the node.
    #[expect(clippy::indexing_slicing, reason = "ranges of the node's own tables")]
    pub fn write(&self, out: &mut impl Out) {
        let Self {
            old, range, new, ..
        } = self;
        let (start, end) = (old.start(range.start), old.start(range.end));
        let new_end = u16_of(start + self.new_len);
        out.put(&u16_of(self.count()).to_le_bytes());
        out.put(&u16_of(old.prefix.len()).to_le_bytes());
        out.put(old.heads[..range.start].as_flattened());
        if let Some((suffix, _)) = new {
            out.put(&head_of(suffix).to_le_bytes());
        }
        out.put(old.heads[range.end..].as_flattened());
        out.put(old.ends[..range.start].as_flattened());
        if new.is_some() {
            out.put(&new_end.to_le_bytes());
        }
        let shift = new_end.wrapping_sub(u16_of(end));
        for after in old.ends[range.end..].chunks(ENDS_AT_ONCE) {
            let mut moved = [[0; 2]; ENDS_AT_ONCE];
            for (moved, after) in moved.iter_mut().zip(after) {
                *moved = u16::from_le_bytes(*after).wrapping_add(shift).to_le_bytes();
            }
            out.put(moved[..after.len()].as_flattened());
        }
        out.put(old.prefix);
        out.put(&old.area[..start]);
        if let Some((suffix, value)) = new {
            put_entry(suffix, value, out);
        }
        out.put(&old.area[end..]);
    }
}

/// So that adding to them is a few vector instructions.
const ENDS_AT_ONCE: usize = 32;

fn entry_len(suffix: &[u8], value: &[u8]) -> usize {
    1 + usize::from(suffix.len() >= 128) + suffix.len().saturating_sub(HEAD) + value.len()
}

fn put_entry(suffix: &[u8], value: &[u8], out: &mut impl Out) {
    debug_assert!(suffix.len() <= KEY_LEN_MAX, "key too long");
    let [low, _] = u16_of(suffix.len() & 0x7f).to_le_bytes();
    let [high, _] = u16_of(suffix.len() >> 7).to_le_bytes();
    if high == 0 {
        out.put(&[low]);
    } else {
        out.put(&[low | 0x80, high]);
    }
    out.put(suffix.get(HEAD..).unwrap_or_default());
    out.put(value);
}

/// # Panics
/// When `value` is beyond 65,535. Leaves and separators are kept far below it.
fn u16_of(value: usize) -> u16 {
    u16::try_from(value).expect("a packed node stays below 64 KiB")
}
