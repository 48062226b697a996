//! A look-up in the mapped pages: nothing is allocated, nothing taken apart that is not needed.
//!
//! What a hit returns was checked against its own checksum. A miss could also come from a damaged
//! page on the way, so before it is believed, every page of the way is checked as a whole.

use super::error::MapError;
use super::layout::{self, HEAD_WORDS, KEY_BYTES_MAX, KIND, LEVELS_MAX, PAGE, PageRef};
use super::region::{Cell, PageWords, Region, copy_page, word};
use std::cmp::Ordering;

/// The root of a tree and how many levels of inner nodes it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) at: PageRef,
    pub(super) level: u8,
}

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
    let mut cell = Cell::new();
    let mut at = root.at;
    for level in (1..=root.level).rev() {
        let page = Page::open(region, at, level)?;
        at = page.child(key, &mut cell)?;
    }
    let page = Page::open(region, at, 0)?;
    match page.value(key, &mut cell)? {
        Some(value) => Ok(Some(f(value))),
        None => confirm_absence(region, salt, root, key).map(|()| None),
    }
}

/// Walks the way of a key again over pages that are checked completely.
#[cold]
fn confirm_absence(region: &Region, salt: u32, root: Root, key: &[u8]) -> Result<(), MapError> {
    let mut at = root.at;
    for level in (1..=root.level).rev() {
        let node = layout::decode(&*copy_page(region, at)?, at, level, salt)?;
        at = node.child(node.child_index(key));
    }
    let leaf = layout::decode(&*copy_page(region, at)?, at, 0, salt)?;
    match leaf.find(key) {
        Err(_) => Ok(()),
        Ok(_) => Err(at.damaged("a key appeared")),
    }
}

/// A page with its header read and its place in the tree checked.
struct Page<'a> {
    at: PageRef,
    words: &'a PageWords,
    count: usize,
    prefix_len: usize,
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
        Ok(Self {
            at,
            words,
            count: (first >> 48) as usize,
            prefix_len: (second >> 32) as u16 as usize,
        })
    }

    /// How the prefix of the page's keys compares with the key, and what follows it in the key.
    fn prefix<'k>(&self, key: &'k [u8], cell: &mut Cell) -> Result<(Ordering, &'k [u8]), MapError> {
        if self.prefix_len == 0 {
            return Ok((Ordering::Equal, key));
        }
        let start = PAGE.checked_sub(self.prefix_len.next_multiple_of(8) + layout::CELL_HEAD);
        let prefix = start.and_then(|start| cell.load(self.words, start, self.prefix_len));
        let prefix = prefix.ok_or_else(|| self.at.damaged("prefix"))?;
        let (begin, rest) = key.split_at_checked(self.prefix_len).unwrap_or((key, &[]));
        Ok((prefix.cmp(begin), rest))
    }

    /// How the key in a slot compares with `rest`. Most are decided by the slot's four bytes.
    fn compare(
        &self,
        index: usize,
        head: u32,
        rest: &[u8],
        cell: &mut Cell,
    ) -> Result<Ordering, MapError> {
        let slot = word(self.words, HEAD_WORDS + index);
        let by_head = ((slot >> 32) as u32).cmp(&head);
        if by_head.is_ne() {
            return Ok(by_head);
        }
        let (at, key_len) = layout::slot_parts(slot);
        let key = cell.load(self.words, at, key_len);
        Ok(key.ok_or_else(|| self.at.damaged("slot"))?.cmp(rest))
    }

    /// Number of slots, from `first` on, whose keys are smaller than `rest`; with `equal`, those
    /// that are equal count too.
    fn rank(
        &self,
        first: usize,
        rest: &[u8],
        equal: bool,
        cell: &mut Cell,
    ) -> Result<usize, MapError> {
        let head = layout::head(rest);
        let (mut low, mut high) = (first, self.count);
        while low < high {
            let middle = low.midpoint(high);
            let order = self.compare(middle, head, rest, cell)?;
            if order.is_lt() || (equal && order.is_eq()) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The child that is responsible for a key.
    fn child(&self, key: &[u8], cell: &mut Cell) -> Result<PageRef, MapError> {
        let after = match self.prefix(key, cell)? {
            (Ordering::Equal, rest) => self.rank(1, rest, true, cell)?,
            (Ordering::Less, _) => self.count,
            (Ordering::Greater, _) => 1,
        };
        let slot = word(self.words, HEAD_WORDS + after.saturating_sub(1));
        let (at, _) = layout::slot_parts(slot);
        if after == 0 || after > self.count || !at.is_multiple_of(8) || at >= PAGE {
            return Err(self.at.damaged("slot"));
        }
        Ok(PageRef::from_word(word(self.words, at / 8)))
    }

    /// The value of a key in a leaf.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
    fn value<'c>(&self, key: &[u8], cell: &'c mut Cell) -> Result<Option<&'c [u8]>, MapError> {
        let (Ordering::Equal, rest) = self.prefix(key, cell)? else {
            return Ok(None);
        };
        if key.len() < self.prefix_len {
            return Ok(None);
        }
        let index = self.rank(0, rest, false, cell)?;
        if index >= self.count {
            return Ok(None);
        }
        let slot = word(self.words, HEAD_WORDS + index);
        let (at, key_len) = layout::slot_parts(slot);
        let head = word(self.words, at / 8);
        let value_len = (head >> 32) as usize;
        if key_len != rest.len() {
            return Ok(None);
        }
        let bytes = cell.load(self.words, at, key_len + value_len);
        let bytes = bytes.ok_or_else(|| self.at.damaged("cell"))?;
        let (found, value) = bytes.split_at_checked(key_len).unwrap_or((&[], &[]));
        if found != rest {
            return Ok(None);
        }
        if head as u32 != layout::check(key, value) {
            return Err(self.at.damaged("value"));
        }
        Ok(Some(value))
    }
}
