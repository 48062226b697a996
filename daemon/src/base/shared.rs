//! Bytes that several holders on one core share: a cache and the answers made from it.

use super::AlignedBuf;
use std::ops::{Deref, Range};
use std::rc::Rc;

/// A range of a buffer that others may hold, too. Cheap to clone; never changes.
#[derive(Clone)]
pub struct SharedBytes {
    holder: Holder,
    range: Range<usize>,
}

#[derive(Clone)]
enum Holder {
    /// The buffer the device read into.
    Aligned(Rc<AlignedBuf>),
    /// Just the bytes, where a buffer of whole blocks would waste memory.
    Exact(Rc<[u8]>),
    None,
}

impl SharedBytes {
    /// No bytes.
    pub const EMPTY: Self = Self {
        holder: Holder::None,
        range: 0..0,
    };

    /// The bytes `range` of the whole capacity of a buffer; none when that is not inside it.
    #[must_use]
    pub fn of_buffer(buf: AlignedBuf, range: Range<usize>) -> Self {
        let fits = buf.whole().get(range.clone()).is_some();
        Self {
            holder: Holder::Aligned(Rc::new(buf)),
            range: if fits { range } else { 0..0 },
        }
    }

    /// A copy of `bytes`.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self {
            holder: Holder::Exact(bytes.into()),
            range: 0..bytes.len(),
        }
    }

    /// The bytes `range` of these, without a copy; none when that is not inside them.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let start = self.range.start;
        let fits = self.get(range.clone()).is_some();
        Self {
            holder: self.holder.clone(),
            range: match fits {
                true => start + range.start..start + range.end,
                false => 0..0,
            },
        }
    }

    /// Bytes of memory that are kept as long as this is.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.holder {
            Holder::Aligned(buf) => buf.capacity(),
            Holder::Exact(bytes) => bytes.len(),
            Holder::None => 0,
        }
    }
}

/// The bytes in use.
impl From<AlignedBuf> for SharedBytes {
    fn from(buf: AlignedBuf) -> Self {
        let len = buf.len();
        Self::of_buffer(buf, 0..len)
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let whole = match &self.holder {
            Holder::Aligned(buf) => buf.whole(),
            Holder::Exact(bytes) => bytes,
            Holder::None => &[],
        };
        whole.get(self.range.clone()).unwrap_or_default()
    }
}

impl std::fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedBytes({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_of_the_same_bytes() {
        let buf = AlignedBuf::copy_of(b"0123456789");
        let shared = SharedBytes::of_buffer(buf, 2..8);
        assert_eq!(&*shared, b"234567");
        assert_eq!(&*shared.slice(1..3), b"34");
        assert_eq!(&*shared.slice(1..3).slice(1..2), b"4");
        assert_eq!(shared.held_bytes(), 4096);
        let exact = SharedBytes::copy_of(b"abc");
        assert_eq!((&*exact.slice(3..3), exact.held_bytes()), (&b""[..], 3));
    }

    #[test]
    fn what_is_not_inside_is_nothing() {
        let shared = SharedBytes::of_buffer(AlignedBuf::copy_of(b"abc"), 0..3);
        assert!(shared.slice(2..4).is_empty() && shared.slice(2..4).slice(0..1).is_empty());
        assert!(SharedBytes::of_buffer(AlignedBuf::empty(), 0..1).is_empty());
    }
}
