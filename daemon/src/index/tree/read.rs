//! Readers: look-ups and scans from any core.

use super::entries::Entries;
use super::node::Inner;
use super::packed::Packed;
use super::publish::{InnerSlot, Pin, free_all, pin};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// What writer and readers share. The last of them frees it.
pub struct Shared {
    pub root: InnerSlot,
    pub entries: AtomicUsize,
    pub bytes: AtomicUsize,
}

impl Drop for Shared {
    fn drop(&mut self) {
        free_all(&mut self.root);
    }
}

impl Shared {
    pub fn new(root: Inner, entries: usize, bytes: usize) -> Self {
        Self {
            root: InnerSlot::new(root),
            entries: entries.into(),
            bytes: bytes.into(),
        }
    }

    /// The bottom inner node and the position of the leaf whose range `key` is in. When `upper` is
    /// given, it becomes the end of that *node's* range (exclusive), or none at the very end.
    pub fn bottom<'p>(
        &self,
        key: &[u8],
        pin: &'p Pin,
        upper: Option<&mut Option<Vec<u8>>>,
    ) -> (&'p Inner, usize) {
        let mut node = self.root.load(pin);
        let mut bound = None;
        loop {
            let at = node.position(key);
            let Some(child) = node.inners().get(at) else {
                if let Some(upper) = upper {
                    *upper = bound.map(|(node, at): (&Inner, usize)| {
                        let mut key = Vec::new();
                        node.separators().read_key(at, &mut key);
                        key
                    });
                }
                return (node, at);
            };
            if at < node.separators().len() {
                bound = Some((node, at));
            }
            node = child.load(pin);
        }
    }

    pub fn get<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let pin = pin();
        let (node, at) = self.bottom(key, &pin, None);
        let leaf = node.leaves().get(at)?.load(&pin);
        let index = leaf.find(key).ok()?;
        Some(f(leaf.entry(index).value))
    }
}

/// Reads an index while its writer changes it. Cheap to clone; clones may go to other threads.
#[derive(Clone)]
pub struct IndexReader(pub(super) Arc<Shared>);

impl IndexReader {
    /// Calls `f` with the value of `key`. While `f` runs no replaced node is freed, so it should be
    /// short and must not wait for anything.
    pub fn get<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.0.get(key, f)
    }

    /// A copy of the value of `key`.
    #[must_use]
    pub fn get_vec(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get(key, <[u8]>::to_vec)
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.get(key, |_| ()).is_some()
    }

    /// Calls `f` with each key and value from `from` on, in order, until it breaks. Keys that exist
    /// during the whole scan are seen exactly once; what is inserted or removed meanwhile may or
    /// may not be seen. As in [`IndexReader::get`], `f` should be short.
    pub fn scan(&self, from: Bound<&[u8]>, mut f: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>) {
        let (Bound::Included(start) | Bound::Excluded(start)) = from else {
            return self.scan(Bound::Included(b""), f);
        };
        let mut next = Some(start.to_vec());
        let mut skip = matches!(from, Bound::Excluded(_));
        let mut key = Vec::with_capacity(start.len().max(64));
        while let Some(start) = next.take() {
            // One bottom node per pin. Its leaves stay a partition of its range even when the tree
            // changes meanwhile, so walking it neither skips nor repeats.
            let pin = pin();
            let (node, at) = self.0.bottom(&start, &pin, Some(&mut next));
            for (nth, slot) in node.leaves().iter().skip(at).enumerate() {
                let leaf = slot.load(&pin);
                let first = match nth {
                    0 => match leaf.find(&start) {
                        Ok(at) => at + usize::from(skip),
                        Err(at) => at,
                    },
                    _ => 0,
                };
                if scan_leaf(leaf, first, &mut key, &mut f).is_break() {
                    return;
                }
            }
            skip = false;
        }
    }

    /// Replaces `out` with a packed leaf of the entries from `from` to the end of the leaf whose
    /// range `from` is in, and returns where the next leaf's range starts.
    pub(in crate::index) fn copy_leaf(&self, from: &[u8], out: &mut Vec<u8>) -> Option<Vec<u8>> {
        let pin = pin();
        let mut upper = None;
        let (node, at) = self.0.bottom(from, &pin, Some(&mut upper));
        let separators = node.separators();
        if at < separators.len() {
            separators.read_key(at, upper.get_or_insert_default());
        }
        let bytes = node.leaf(at).bytes(&pin);
        let leaf = Packed::new(bytes);
        let (Ok(first) | Err(first)) = leaf.find(from);
        out.clear();
        if first == 0 {
            out.extend_from_slice(bytes);
        } else {
            // It was merged with its left neighbour since that one was copied.
            let mut entries = Entries::default();
            entries.push_all(leaf, first..leaf.len());
            entries.pack(0..entries.len(), out);
        }
        upper
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.load(Relaxed)
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the index takes, without the allocator's own overhead.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.0.bytes.load(Relaxed)
    }
}

fn scan_leaf(
    leaf: Packed<'_>,
    first: usize,
    key: &mut Vec<u8>,
    f: &mut impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    key.clear();
    key.extend_from_slice(leaf.prefix);
    for index in first..leaf.len() {
        let entry = leaf.entry(index);
        key.truncate(leaf.prefix.len());
        entry.push_suffix(key);
        f(key, entry.value)?;
    }
    ControlFlow::Continue(())
}
