//! Our buffers as the ring takes them.
#![expect(unsafe_code, reason = "the ring's buffer traits")]

use super::connection::Parts;
use super::inflight::Ticket;
use crate::base::AlignedBuf;
use compio::buf::{IoBuf, IoBufMut, IoVectoredBuf, SetLen};
use std::mem::MaybeUninit;

/// A range of an [`AlignedBuf`] that the kernel writes to or reads from. Keeps the ticket of its
/// operation for as long as the ring keeps the buffer.
pub(super) struct Window {
    pub(super) buf: AlignedBuf,
    start: usize,
    end: usize,
    _ticket: Option<Ticket>,
}

impl Window {
    /// # Panics
    /// When the range is not inside the buffer's capacity.
    pub(super) fn new(buf: AlignedBuf, start: usize, end: usize, ticket: Option<Ticket>) -> Self {
        assert!(
            start <= end && end <= buf.capacity(),
            "{start}..{end} of {buf:?}"
        );
        Self {
            buf,
            start,
            end,
            _ticket: ticket,
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "checked by `Window::new`")]
impl IoBuf for Window {
    fn as_init(&self) -> &[u8] {
        &self.buf.whole()[self.start..self.end]
    }
}

impl IoBufMut for Window {
    #[expect(clippy::indexing_slicing, reason = "checked by `Window::new`")]
    fn as_uninit(&mut self) -> &mut [MaybeUninit<u8>] {
        let bytes: *mut [u8] = &mut self.buf.whole_mut()[self.start..self.end];
        // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and the slice borrows from `self`. Only
        // the kernel writes through it, and it writes initialised bytes.
        unsafe { &mut *(bytes as *mut [MaybeUninit<u8>]) }
    }
}

impl SetLen for Window {
    /// Does nothing: a window is always initialised to its end, and how much the kernel filled
    /// is the operation's result.
    unsafe fn set_len(&mut self, _len: usize) {}
}

/// The first piece of some parts that is not empty.
pub(super) struct First<P>(pub(super) P);

impl<P: Parts> IoBuf for First<P> {
    fn as_init(&self) -> &[u8] {
        let [first, second] = self.0.unsent();
        if first.is_empty() { second } else { first }
    }
}

/// Both pieces of some parts.
pub(super) struct Both<P>(pub(super) P);

impl<P: Parts> IoVectoredBuf for Both<P> {
    fn iter_slice(&self) -> impl Iterator<Item = &[u8]> {
        self.0.unsent().into_iter()
    }
}
