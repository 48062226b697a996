//! A page taken apart, as the writer changes it and scans walk it: sorted keys with values. In an
//! inner node the value is a [`PageRef`], and the first key is empty: it stands for everything
//! smaller than the second.

use super::layout::{CELL_HEAD, HEAD, PAGE, PageRef, common_prefix};
use std::cmp::Ordering;

/// Where an entry lies in the node's bytes.
#[derive(Clone, Copy, Debug)]
struct Span {
    at: usize,
    key: usize,
    value: usize,
}

/// See the module. Bytes of removed entries stay until the node is written and read again.
#[derive(Clone, Debug)]
pub(super) struct Node {
    level: u8,
    spans: Vec<Span>,
    bytes: Vec<u8>,
}

impl Node {
    pub(super) const fn new(level: u8) -> Self {
        Self {
            level,
            spans: Vec::new(),
            bytes: Vec::new(),
        }
    }

    pub(super) const fn level(&self) -> u8 {
        self.level
    }

    pub(super) const fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn slice(&self, at: usize, len: usize) -> &[u8] {
        self.bytes.get(at..at + len).unwrap_or(&[])
    }

    pub(super) fn key(&self, index: usize) -> &[u8] {
        let span = self.spans.get(index);
        span.map_or(&[], |span| self.slice(span.at, span.key))
    }

    pub(super) fn value(&self, index: usize) -> &[u8] {
        let span = self.spans.get(index);
        span.map_or(&[], |span| self.slice(span.at + span.key, span.value))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.len()).map(|index| (self.key(index), self.value(index)))
    }

    /// The index of a key, or where it would have to go.
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.spans
            .binary_search_by(|span| self.slice(span.at, span.key).cmp(key))
    }

    /// The index of the child that is responsible for a key.
    pub(super) fn child_index(&self, key: &[u8]) -> usize {
        match self.find(key) {
            Ok(index) => index,
            Err(index) => index.saturating_sub(1),
        }
    }

    pub(super) fn child(&self, index: usize) -> PageRef {
        Self::child_of(self.value(index))
    }

    /// The page a value of an inner node names.
    pub(super) fn child_of(value: &[u8]) -> PageRef {
        let word = value
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        PageRef::from_word(word)
    }

    fn span(&mut self, key: &[&[u8]], value: &[u8]) -> Span {
        let at = self.bytes.len();
        key.iter()
            .for_each(|part| self.bytes.extend_from_slice(part));
        let key = self.bytes.len() - at;
        self.bytes.extend_from_slice(value);
        Span {
            at,
            key,
            value: value.len(),
        }
    }

    /// Appends an entry whose key, given in parts, is greater than all others.
    pub(super) fn push(&mut self, key: &[&[u8]], value: &[u8]) {
        let span = self.span(key, value);
        self.spans.push(span);
    }

    /// Sets an entry. Says whether the key is new.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> bool {
        let found = self.find(key);
        let span = self.span(&[key], value);
        match found {
            Ok(index) => {
                if let Some(old) = self.spans.get_mut(index) {
                    *old = span;
                }
                false
            }
            Err(index) => {
                self.spans.insert(index, span);
                true
            }
        }
    }

    pub(super) fn put_child(&mut self, key: &[u8], child: PageRef) {
        self.put(key, &child.to_word().to_le_bytes());
    }

    /// Points the entry at `index` to another page.
    pub(super) fn set_child(&mut self, index: usize, child: PageRef) {
        let key = self.key(index).to_vec();
        self.put_child(&key, child);
    }

    pub(super) fn remove(&mut self, index: usize) {
        if index < self.len() {
            self.spans.remove(index);
        }
        // What is now the first child takes over everything smaller.
        if self.level > 0
            && index == 0
            && let Some(first) = self.spans.first_mut()
        {
            first.at += first.key;
            first.key = 0;
        }
    }

    /// Takes over all entries of the node to the right, which `separator` divides from this one.
    pub(super) fn absorb(&mut self, separator: &[u8], right: &Self) {
        for (index, (key, value)) in right.iter().enumerate() {
            let key = if self.level > 0 && index == 0 {
                separator
            } else {
                key
            };
            self.push(&[key], value);
        }
    }

    /// What all keys begin with. The empty first key of an inner node does not count.
    pub(super) fn prefix(&self) -> &[u8] {
        self.prefix_of(0, self.len())
    }

    fn prefix_of(&self, from: usize, to: usize) -> &[u8] {
        let first = if self.level > 0 { from + 1 } else { from };
        if first >= to {
            return &[];
        }
        let (first, last) = (self.key(first), self.key(to - 1));
        first.get(..common_prefix(first, last)).unwrap_or(&[])
    }

    /// Bytes a page with the entries `from..to` takes.
    fn size_of(&self, from: usize, to: usize) -> usize {
        let prefix = self.prefix_of(from, to).len();
        let cells = self.spans.get(from..to).unwrap_or(&[]).iter();
        let cells = cells.map(|span| {
            let value = if self.level == 0 { span.value } else { 0 };
            8 + (CELL_HEAD + span.key.saturating_sub(prefix) + value).next_multiple_of(8)
        });
        HEAD + prefix.next_multiple_of(8) + cells.sum::<usize>()
    }

    pub(super) fn size(&self) -> usize {
        self.size_of(0, self.len())
    }

    pub(super) fn fits(&self) -> bool {
        self.size() <= PAGE
    }

    /// Cuts a node that is too large into nodes that fit, each but the first with the key that
    /// divides it from its left neighbour. A node that grows at its end only, as in a load in order,
    /// is cut there, so that the left part stays full.
    pub(super) fn split(self) -> Vec<(Vec<u8>, Self)> {
        let mut cuts = vec![0];
        self.cut(0, self.len(), &mut cuts);
        cuts.push(self.len());
        let parts = cuts.iter().zip(cuts.iter().skip(1));
        parts.map(|(&from, &to)| self.part(from, to)).collect()
    }

    fn cut(&self, from: usize, to: usize, cuts: &mut Vec<usize>) {
        if self.size_of(from, to) <= PAGE || to - from < 2 {
            return;
        }
        let at = if self.size_of(from, to - 1) <= PAGE && self.newest() == to - 1 {
            to - 1
        } else {
            self.middle(from, to)
        };
        self.cut(from, at, cuts);
        cuts.push(at);
        self.cut(at, to, cuts);
    }

    /// Where both sides get about the same number of bytes.
    fn middle(&self, from: usize, to: usize) -> usize {
        let half = self.size_of(from, to) / 2;
        let inner = from + 1..to;
        inner
            .min_by_key(|&at| self.size_of(from, at).abs_diff(half))
            .unwrap_or(from + 1)
    }

    /// The index of the entry that was written last.
    fn newest(&self) -> usize {
        let newest = self
            .spans
            .iter()
            .enumerate()
            .max_by_key(|(_, span)| span.at);
        newest.map_or(0, |(index, _)| index)
    }

    fn part(&self, from: usize, to: usize) -> (Vec<u8>, Self) {
        let mut part = Self::new(self.level);
        for index in from..to {
            let inner_first = self.level > 0 && index == from;
            let key = if inner_first { &[] } else { self.key(index) };
            part.push(&[key], self.value(index));
        }
        (self.separator(from), part)
    }

    /// The shortest key that is greater than everything before `at` and not greater than what is
    /// there.
    fn separator(&self, at: usize) -> Vec<u8> {
        let key = self.key(at);
        if self.level > 0 || at == 0 {
            return key.to_vec();
        }
        let len = common_prefix(self.key(at - 1), key) + 1;
        key.get(..len).unwrap_or(key).to_vec()
    }

    /// Whether the keys ascend strictly and the first of an inner node is empty.
    pub(super) fn is_sorted(&self) -> bool {
        let mut keys = (0..self.len()).map(|index| self.key(index));
        let ascending = keys
            .clone()
            .zip(keys.clone().skip(1))
            .all(|(a, b)| a.cmp(b) == Ordering::Less);
        ascending && (self.level == 0 || keys.next().is_some_and(<[u8]>::is_empty))
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::{decode, encode};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn entries() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
        let key = proptest::collection::vec(97u8..100, 1..30);
        let value = proptest::collection::vec(any::<u8>(), 0..200);
        proptest::collection::btree_map(key, value, 1..80)
    }

    proptest! {
        #[test]
        fn what_is_split_fits_divides_and_comes_back(entries in entries(), shuffle: u64) {
            let mut order: Vec<_> = entries.iter().collect();
            order.sort_by_key(|(key, _)| xxhash_rust::xxh3::xxh3_64_with_seed(key, shuffle));
            let mut node = Node::new(0);
            for (key, value) in order {
                prop_assert!(node.put(key, b"first"));
                prop_assert!(!node.put(key, value));
            }
            let mut seen = Vec::new();
            for (separator, part) in node.split() {
                prop_assert!(part.fits());
                if let Some((last, _)) = seen.last() {
                    prop_assert!(*last < separator && *separator <= *part.key(0));
                }
                let at = PageRef { page: 9, generation: 4 };
                let page = encode(&part, at, (7 << 32) | 4, 55);
                let back = decode(&page, at, 0, 55).expect("what was encoded");
                seen.extend(back.iter().map(|(k, v)| (k.to_vec(), v.to_vec())));
            }
            let all: Vec<_> = entries.into_iter().collect();
            prop_assert_eq!(seen, all);
        }

        #[test]
        fn arbitrary_pages_never_panic(noise in proptest::collection::vec(any::<u8>(), 64), level in 0u8..2) {
            let at = PageRef { page: 9, generation: 4 };
            let mut node = Node::new(level);
            node.push(&[b""], &[1; 8]);
            node.push(&[b"key"], &[2; 8]);
            let mut page = encode(&node, at, 4, 55);
            for (to, from) in page[4..].iter_mut().zip(&noise) { *to ^= from; }
            page[4] = super::super::layout::KIND;
            page[5] = level;
            page[8..12].copy_from_slice(&9u32.to_le_bytes());
            page[16..24].copy_from_slice(&4u64.to_le_bytes());
            let crc = super::super::layout::checksum(55, &page);
            page[..4].copy_from_slice(&crc.to_le_bytes());
            let _ = decode(&page, at, level, 55);
        }
    }

    #[test]
    fn every_flipped_bit_of_a_page_is_noticed() {
        let at = PageRef {
            page: 9,
            generation: 4,
        };
        let mut node = Node::new(0);
        (0..20u8).for_each(|n| node.push(&[b"key", &[n]], &[n; 90]));
        let good = encode(&node, at, 4, 55);
        for bit in 0..PAGE * 8 {
            let mut page = good.clone();
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&page, at, 0, 55).is_err(), "bit {bit}");
        }
        assert!(decode(&good, at, 0, 54).is_err(), "another store");
        assert!(decode(&good, at, 1, 55).is_err(), "another level");
    }
}
