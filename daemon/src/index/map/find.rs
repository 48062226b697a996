//! A look-up in the mapped pages: nothing is allocated, nothing taken apart that is not needed.
//!
//! What a hit returns was checked against its own checksum. A miss could also come from a damaged
//! page on the way, so before it is believed, every page of the way is checked as a whole.

use super::error::MapError;
use super::layout::{self, CELL_HEAD, HEAD_WORDS, KEY_BYTES_MAX, KIND, LEVELS_MAX, PAGE, PageRef};
use super::region::{Cell, PageWords, Region, copy_page, word};
use std::cmp::Ordering;

/// The root of a tree and how many levels of inner nodes it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) at: PageRef,
    pub(super) level: u8,
}

/// Words for a key and value of the usual size.
const SMALL: usize = 32;
/// Words for the longest key and value.
const LARGE: usize = (KEY_BYTES_MAX + layout::VALUE_BYTES_MAX).div_ceil(8);

/// Calls `f` with a checked copy of the value of `key`.
pub(super) fn find<R>(
    region: &Region,
    salt: u32,
    root: Root,
    key: &[u8],
    f: impl FnOnce(&[u8]) -> R,
) -> Result<Option<R>, MapError> {
    if key.len() > KEY_BYTES_MAX || root.level >= LEVELS_MAX {
        return Ok(None);
    }
    let mut at = root.at;
    for level in (1..=root.level).rev() {
        at = Page::open(region, at, level)?.child(key)?;
    }
    let page = Page::open(region, at, 0)?;
    let Some(found) = page.find(key) else {
        return confirm_absence(region, salt, root, key).map(|()| None);
    };
    if found.len <= SMALL * 8 {
        page.value::<SMALL, R>(&found, key, f).map(Some)
    } else {
        page.value::<LARGE, R>(&found, key, f).map(Some)
    }
}

/// Checks the pages on the way of a key completely.
#[cold]
fn confirm_absence(region: &Region, salt: u32, root: Root, key: &[u8]) -> Result<(), MapError> {
    let mut at = root.at;
    for level in (0..=root.level).rev() {
        layout::verify(&*copy_page(region, at)?, at, level, salt)?;
        let page = Page::open(region, at, level)?;
        if level > 0 {
            at = page.child(key)?;
        } else if page.find(key).is_some() {
            return Err(at.damaged("a key appeared"));
        }
    }
    Ok(())
}

/// A page with its header read and its place in the tree checked.
struct Page<'a> {
    at: PageRef,
    words: &'a PageWords,
    count: usize,
    prefix_len: usize,
    /// First word of the slots.
    slots: usize,
}

/// Where a key was found in a leaf.
struct Found {
    /// First word of key and value.
    first: usize,
    key_len: usize,
    /// Bytes of key and value.
    len: usize,
    check: u32,
}

impl<'a> Page<'a> {
    #[expect(clippy::cast_possible_truncation, reason = "fields of a word")]
    fn open(region: &'a Region, at: PageRef, level: u8) -> Result<Self, MapError> {
        let words = region.page(at.page);
        let words = words.ok_or_else(|| at.damaged("beyond the end of the index"))?;
        let (first, second, third) = (word(words, 0), word(words, 1), word(words, 2));
        let (kind, its_level) = ((first >> 32) as u8, (first >> 40) as u8);
        if kind != KIND || its_level != level || second as u32 != at.page {
            return Err(at.damaged("another page"));
        }
        if third as u32 != at.generation {
            return Err(at.damaged("another generation"));
        }
        let prefix_len = (second >> 32) as u16 as usize;
        Ok(Self {
            at,
            words,
            count: (first >> 48) as usize,
            prefix_len,
            slots: layout::slots_at(prefix_len) / 8,
        })
    }

    fn slot(&self, index: usize) -> u64 {
        word(self.words, self.slots + index)
    }

    /// How the page's prefix compares with the front of the key, and what follows that in the key.
    /// A key that is shorter and fits so far is smaller than all keys of the page.
    fn prefix<'k>(&self, key: &'k [u8]) -> (Ordering, &'k [u8]) {
        let (begin, rest) = key.split_at_checked(self.prefix_len).unwrap_or((key, &[]));
        (
            compare(self.words, HEAD_WORDS, self.prefix_len, begin),
            rest,
        )
    }

    /// The first slot from `first` on whose key is not smaller than `rest` (with `equal`: greater).
    fn rank(&self, first: usize, rest: &[u8], equal: bool) -> usize {
        let head = layout::head(rest);
        let (mut low, mut len) = (first, self.count.saturating_sub(first));
        // By the slots' four bytes alone, without a branch that could be guessed wrong.
        while len > 0 {
            let half = len / 2;
            let smaller = ((self.slot(low + half) >> 32) as u32) < head;
            low = if smaller { low + half + 1 } else { low };
            len = if smaller { len - half - 1 } else { half };
        }
        // Few keys of a page agree in those.
        while low < self.count {
            let slot = self.slot(low);
            if (slot >> 32) as u32 != head {
                break;
            }
            let (at, key_len) = layout::slot_parts(slot);
            let order = compare(self.words, (at + CELL_HEAD) / 8, key_len, rest);
            if order.is_gt() || (order.is_eq() && !equal) {
                break;
            }
            low += 1;
        }
        low
    }

    /// The child that is responsible for a key.
    fn child(&self, key: &[u8]) -> Result<PageRef, MapError> {
        let after = match self.prefix(key) {
            (Ordering::Equal, rest) => self.rank(1, rest, true),
            (Ordering::Less, _) => self.count,
            (Ordering::Greater, _) => 1,
        };
        let (at, _) = layout::slot_parts(self.slot(after.saturating_sub(1)));
        if after == 0 || after > self.count || !at.is_multiple_of(8) || at >= PAGE {
            return Err(self.at.damaged("slot"));
        }
        Ok(PageRef::from_word(word(self.words, at / 8)))
    }

    /// Where a leaf has a key.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
    fn find(&self, key: &[u8]) -> Option<Found> {
        let (Ordering::Equal, rest) = self.prefix(key) else {
            return None;
        };
        let index = self.rank(0, rest, false);
        if index >= self.count {
            return None;
        }
        let (at, key_len) = layout::slot_parts(self.slot(index));
        let first = (at + CELL_HEAD) / 8;
        if compare(self.words, first, key_len, rest).is_ne() {
            return None;
        }
        let head = word(self.words, at / 8);
        Some(Found {
            first,
            key_len,
            len: key_len + (head >> 32) as usize,
            check: head as u32,
        })
    }

    /// Copies the value out, checks it, and hands it to `f`.
    fn value<const CAPACITY: usize, R>(
        &self,
        found: &Found,
        key: &[u8],
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, MapError> {
        let mut cell = Cell::<CAPACITY>::new();
        let bytes = cell.load(self.words, found.first, found.len);
        let value = bytes.and_then(|bytes| bytes.get(found.key_len..));
        let value = value.ok_or_else(|| self.at.damaged("cell"))?;
        if found.check != layout::check(key, value) {
            return Err(self.at.damaged("value"));
        }
        Ok(f(value))
    }
}

/// How `len` bytes of the page, from a word on, compare with `other`. Bytes beyond the page are
/// zeros: that is an answer like any other, and a wrong one will be noticed.
fn compare(page: &PageWords, first: usize, len: usize, other: &[u8]) -> Ordering {
    let common = len.min(other.len());
    let (words, rest) = other.get(..common).unwrap_or(&[]).as_chunks();
    let mut at = first;
    for theirs in words {
        let order = word(page, at)
            .swap_bytes()
            .cmp(&u64::from_be_bytes(*theirs));
        if order.is_ne() {
            return order;
        }
        at += 1;
    }
    if !rest.is_empty() {
        let mut theirs = [0; 8];
        for (to, from) in theirs.iter_mut().zip(rest) {
            *to = *from;
        }
        let mask = u64::MAX << (64 - 8 * rest.len());
        let order = (word(page, at).swap_bytes() & mask).cmp(&u64::from_be_bytes(theirs));
        if order.is_ne() {
            return order;
        }
    }
    len.cmp(&other.len())
}
