//! Handing nodes to readers: slots that are swapped, and memory freed when no reader can hold it.
//!
//! A slot is one atomic pointer to an immutable node. The writer stores with `Release` after the
//! node is complete, readers load with `Acquire`. What was replaced goes to `crossbeam-epoch`,
//! which frees it after every reader that was inside when it was replaced has left.
//!
//! This is the only file of the index that needs `unsafe`. Its contract with the tree:
//! 1. a slot always points to a node;
//! 2. a node is retired once, by the one writer, and only after the slot through which new readers
//!    could reach it was changed or its owner was itself unlinked;
//! 3. inner nodes do not own their children: they are copied with their slots, and dropping one
//!    frees nothing else. [`Retired`] and [`free_all`] are the only ways to free a node.
#![expect(unsafe_code, reason = "publication of nodes to readers on other cores")]

use super::entries::Out;
use super::node::Inner;
use super::packed::Packed;
use crate::base::sync::Ordering::{AcqRel, Acquire, Release};
use crate::base::sync::epoch::{self, Atomic, Guard, Owned, Shared};
use std::mem::MaybeUninit;

pub use crate::base::sync::epoch::{Guard as Pin, pin};

type LeafBytes = [MaybeUninit<u8>];

/// What both kinds of slot can do.
pub trait Slot {
    /// Another slot that points to the same node.
    fn copy(&self, pin: &Guard) -> Self;
}

impl Slot for LeafSlot {
    fn copy(&self, pin: &Guard) -> Self {
        Self(Atomic::from(self.0.load(Acquire, pin)))
    }
}

impl Slot for InnerSlot {
    fn copy(&self, pin: &Guard) -> Self {
        Self(Atomic::from(self.0.load(Acquire, pin)))
    }
}

/// Points to a leaf.
pub struct LeafSlot(Atomic<LeafBytes>);

/// Points to an inner node.
pub struct InnerSlot(Atomic<Inner>);

impl LeafSlot {
    /// A slot with a new leaf that holds a copy of `bytes`, packed entries.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Atomic::from(leaf(bytes.len(), |out| out.put(bytes))))
    }

    /// The leaf's bytes.
    pub fn bytes<'p>(&self, pin: &'p Guard) -> &'p [u8] {
        // SAFETY: a slot always points to a node (1), which is not freed while `pin` is held
        // because it is retired only after it was unlinked (2).
        let bytes: &'p LeafBytes = unsafe { self.0.load(Acquire, pin).deref() };
        // SAFETY: `leaf` saw to it that every byte was written, and a published leaf never changes.
        unsafe { bytes.assume_init_ref() }
    }

    /// Bytes of memory the leaf takes.
    pub fn byte_len(&self, pin: &Guard) -> usize {
        size_of::<usize>() + self.bytes(pin).len()
    }

    /// The leaf.
    pub fn load<'p>(&self, pin: &'p Guard) -> Packed<'p> {
        Packed::new(self.bytes(pin))
    }

    /// Publishes a new leaf of `len` bytes, which `write` writes, in place of the old one, which is
    /// retired.
    ///
    /// For the writer only, and only on a slot of the current tree (2).
    pub fn replace(&self, len: usize, write: impl FnOnce(&mut Filling<'_>), pin: &Guard) {
        let old = self.0.swap(leaf(len, write), AcqRel, pin);
        // SAFETY: it was just unlinked from the only slot by which new readers could find it.
        unsafe { pin.defer_destroy(old) };
    }
}

/// A leaf that is being written, front to back.
pub struct Filling<'a>(&'a mut [MaybeUninit<u8>]);

impl Out for Filling<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let (place, rest) = std::mem::take(&mut self.0).split_at_mut(bytes.len());
        place.write_copy_of_slice(bytes);
        self.0 = rest;
    }
}

fn leaf(len: usize, write: impl FnOnce(&mut Filling<'_>)) -> Owned<LeafBytes> {
    let mut leaf = Owned::<LeafBytes>::init(len);
    let mut filling = Filling(&mut leaf);
    write(&mut filling);
    // What `LeafSlot::bytes` relies on: every byte was written.
    assert!(filling.0.is_empty(), "a leaf is written to its end");
    leaf
}

impl InnerSlot {
    /// A slot with a new inner node.
    pub fn new(inner: Inner) -> Self {
        Self(Atomic::new(inner))
    }

    /// The node.
    pub fn load<'p>(&self, pin: &'p Guard) -> &'p Inner {
        // SAFETY: as for `LeafSlot::bytes`.
        unsafe { self.0.load(Acquire, pin).deref() }
    }

    /// Makes this slot point to what `new` points to. The old node is not retired.
    pub fn store(&self, new: &Self, pin: &Guard) {
        self.0.store(new.0.load(Acquire, pin), Release);
    }
}

/// Nodes that a change is about to unlink. They are freed some time after [`Retired::free`], which
/// the writer calls once the change is published.
#[derive(Default)]
pub struct Retired<'p> {
    leaves: Vec<Shared<'p, LeafBytes>>,
    inners: Vec<Shared<'p, Inner>>,
    bytes: usize,
}

impl<'p> Retired<'p> {
    pub fn leaf(&mut self, slot: &LeafSlot, pin: &'p Guard) {
        self.leaves.push(slot.0.load(Acquire, pin));
        self.bytes += slot.byte_len(pin);
    }

    pub fn inner(&mut self, slot: &InnerSlot, pin: &'p Guard) {
        self.inners.push(slot.0.load(Acquire, pin));
        self.bytes += slot.load(pin).byte_len();
    }

    /// Bytes of memory that will be freed.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn free(self, pin: &'p Guard) {
        for leaf in self.leaves {
            // SAFETY: unlinked by the change that was just published, and retired once (2).
            unsafe { pin.defer_destroy(leaf) };
        }
        for inner in self.inners {
            // SAFETY: as above; dropping an inner node does not free its children (3).
            unsafe { pin.defer_destroy(inner) };
        }
    }
}

/// Frees a whole tree. `root` was the last way to reach it.
pub fn free_all(root: &mut InnerSlot) {
    // SAFETY: the exclusive borrow shows that no reader and no writer is left.
    let pin = unsafe { epoch::unprotected() };
    let mut open = vec![root.0.swap(Shared::null(), Acquire, pin)];
    while let Some(inner) = open.pop() {
        // SAFETY: every node of the current tree is reachable once, so it is owned here once.
        let inner = unsafe { inner.into_owned() };
        for slot in inner.leaves() {
            // SAFETY: as above.
            drop(unsafe { slot.0.load(Acquire, pin).into_owned() });
        }
        open.extend(inner.inners().iter().map(|slot| slot.0.load(Acquire, pin)));
    }
}
