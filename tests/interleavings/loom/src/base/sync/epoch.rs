//! Memory that is freed when no reader can hold it any more: what crossbeam-epoch promises, and
//! nothing more. What is retired is freed as soon as everybody is gone who was pinned then.
//!
//! loom sees every node: made by one thread, read by others, freed. A read that does not come after
//! the making, or not before the freeing, is reported; so is a node that is retired twice, read after
//! it was freed, or never freed ([`settle`]).
#![allow(
    unsafe_code,
    reason = "it stands for a library whose interface is unsafe"
)]

use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicPtr;
use loom::sync::{Mutex, MutexGuard};
use std::any::Any;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::Ordering;

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Alive,
    Retired,
    Freed,
}

/// Something published, and what loom has to know of it.
pub struct Node<T: ?Sized> {
    value: Box<T>,
    access: UnsafeCell<()>,
    state: Cell<State>,
}

/// A node whatever is in it.
trait AnyNode: Any {
    fn free(&self);
}

impl<T: ?Sized + 'static> AnyNode for Node<T> {
    fn free(&self) {
        assert_eq!(self.state.replace(State::Freed), State::Retired);
        // Whoever read it did so before.
        self.access.with_mut(|_| ());
    }
}

/// Who is pinned, and what waits for them.
#[derive(Default)]
struct Epoch {
    last: u64,
    pinned: BTreeSet<u64>,
    waiting: Vec<(BTreeSet<u64>, Box<dyn AnyNode>)>,
    /// Kept until the end, so that reading them does no harm but to be noticed.
    freed: Vec<Box<dyn AnyNode>>,
    made: usize,
    dropped: usize,
}

loom::lazy_static! {
    static ref EPOCH: Mutex<Epoch> = Mutex::new(Epoch::default());
}

fn epoch() -> MutexGuard<'static, Epoch> {
    EPOCH.lock().expect("no thread panics with it")
}

/// Keeps what its holder may see from being freed.
pub struct Guard(Option<u64>);

/// From now on nothing is freed that can be seen.
#[must_use]
pub fn pin() -> Guard {
    let mut epoch = epoch();
    epoch.last += 1;
    let number = epoch.last;
    epoch.pinned.insert(number);
    Guard(Some(number))
}

/// A guard that keeps nothing.
///
/// # Safety
/// Nobody else may have access.
#[must_use]
pub unsafe fn unprotected() -> &'static Guard {
    static NOBODY: Guard = Guard(None);
    &NOBODY
}

impl Guard {
    /// Frees a node when nobody can see it any more.
    ///
    /// # Safety
    /// Nobody who is pinned from now on may come by it, and it must not be given twice.
    pub unsafe fn defer_destroy<T: ?Sized + 'static>(&self, node: Shared<'_, T>) {
        // SAFETY: nodes stay in memory until the end; it was boxed by `Owned`, and is taken back once,
        // which the state shows.
        let node = unsafe { Box::from_raw(node.0) };
        assert_eq!(
            node.state.replace(State::Retired),
            State::Alive,
            "retired twice"
        );
        let mut epoch = epoch();
        let seen_by = epoch.pinned.clone();
        epoch.waiting.push((seen_by, node));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(number) = self.0 else { return };
        let mut epoch = epoch();
        epoch.pinned.remove(&number);
        for (seen_by, node) in std::mem::take(&mut epoch.waiting) {
            let mut seen_by = seen_by;
            seen_by.remove(&number);
            if seen_by.is_empty() {
                node.free();
                epoch.freed.push(node);
            } else {
                epoch.waiting.push((seen_by, node));
            }
        }
    }
}

/// To be called when everything was dropped: every node that was made is freed.
///
/// # Panics
/// When one is not.
pub fn settle() {
    let (freed, made, dropped, waiting) = {
        let mut epoch = epoch();
        let freed = std::mem::take(&mut epoch.freed);
        (freed, epoch.made, epoch.dropped, epoch.waiting.len())
    };
    assert_eq!(
        (waiting, made),
        (0, freed.len() + dropped),
        "nodes left over"
    );
}

/// A node that nobody else knows.
pub struct Owned<T: ?Sized>(Option<Box<Node<T>>>);

impl<T: ?Sized> Owned<T> {
    fn of(value: Box<T>) -> Self {
        epoch().made += 1;
        Self(Some(Box::new(Node {
            value,
            access: UnsafeCell::new(()),
            state: Cell::new(State::Alive),
        })))
    }

    fn node(&self) -> &Node<T> {
        self.0.as_ref().expect("not given away yet")
    }
}

impl Owned<[MaybeUninit<u8>]> {
    /// So many bytes, not written yet.
    #[must_use]
    pub fn init(len: usize) -> Self {
        Self::of(Box::new_uninit_slice(len))
    }
}

impl<T: ?Sized> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.node().value
    }
}

impl<T: ?Sized> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.as_mut().expect("not given away yet").value
    }
}

impl<T: ?Sized> Drop for Owned<T> {
    fn drop(&mut self) {
        if let Some(node) = &self.0 {
            assert_eq!(node.state.get(), State::Alive, "freed twice");
            node.access.with_mut(|_| ());
            epoch().dropped += 1;
        }
    }
}

/// A node as somebody who is pinned sees it.
pub struct Shared<'p, T: ?Sized>(*mut Node<T>, PhantomData<&'p ()>);

impl<'p, T: ?Sized> Shared<'p, T> {
    /// None.
    #[must_use]
    pub fn null() -> Self {
        Self(ptr::null_mut(), PhantomData)
    }

    /// What is in it.
    ///
    /// # Safety
    /// There is one, and it is not freed.
    #[must_use]
    pub unsafe fn deref(&self) -> &'p T {
        // SAFETY: nodes stay in memory until the end.
        let node: &'p Node<T> = unsafe { &*self.0 };
        assert_ne!(node.state.get(), State::Freed, "read after it was freed");
        node.access.with(|_| ());
        &node.value
    }

    /// Takes it back.
    ///
    /// # Safety
    /// Nobody else can come by it.
    #[must_use]
    pub unsafe fn into_owned(self) -> Owned<T> {
        // SAFETY: it was boxed by `Owned`, and the caller is the last who knows of it.
        Owned(Some(unsafe { Box::from_raw(self.0) }))
    }
}

/// What a slot can be made to point to.
pub trait Pointer<T: ?Sized> {
    /// As it is kept in a slot.
    fn into_ptr(self) -> *mut Node<T>;
}

impl<T: ?Sized> Pointer<T> for Owned<T> {
    fn into_ptr(mut self) -> *mut Node<T> {
        let node = self.0.take().expect("not given away yet");
        // Up to here one thread wrote to it.
        node.access.with_mut(|_| ());
        Box::into_raw(node)
    }
}

impl<T: ?Sized> Pointer<T> for Shared<'_, T> {
    fn into_ptr(self) -> *mut Node<T> {
        self.0
    }
}

/// A slot.
pub struct Atomic<T: ?Sized>(AtomicPtr<Node<T>>);

impl<T> Atomic<T> {
    /// One with a new node.
    pub fn new(value: T) -> Self {
        Self::from(Owned::of(Box::new(value)))
    }
}

impl<T: ?Sized> Atomic<T> {
    /// What it points to.
    pub fn load<'p>(&self, order: Ordering, _: &'p Guard) -> Shared<'p, T> {
        Shared(self.0.load(order), PhantomData)
    }

    /// Points to another one.
    pub fn store(&self, new: impl Pointer<T>, order: Ordering) {
        self.0.store(new.into_ptr(), order);
    }

    /// Points to another one; returns the one before.
    pub fn swap<'p>(&self, new: impl Pointer<T>, order: Ordering, _: &'p Guard) -> Shared<'p, T> {
        Shared(self.0.swap(new.into_ptr(), order), PhantomData)
    }
}

impl<T: ?Sized> From<Owned<T>> for Atomic<T> {
    fn from(node: Owned<T>) -> Self {
        Self(AtomicPtr::new(node.into_ptr()))
    }
}

impl<T: ?Sized> From<Shared<'_, T>> for Atomic<T> {
    fn from(node: Shared<'_, T>) -> Self {
        Self(AtomicPtr::new(node.into_ptr()))
    }
}
