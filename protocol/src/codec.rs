//! How values become bytes: little-endian numbers, lengths in front of what they count, no padding.
//!
//! A [`Reader`] never panics and never reads past its end. Memory stays proportional to the bytes
//! that are there, because no count is believed before its elements were read.

use crate::limits::PAGE_ENTRIES_MAX;

/// The bytes do not have the form they should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {0}")]
pub struct Malformed(pub &'static str);

/// A value has no encoding because it exceeds a limit of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is too long for the admin protocol")]
pub struct TooLong(pub &'static str);

/// A value with one encoding.
pub trait Codec: Sized {
    /// Appends the value's bytes.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong>;
    /// Reads a value.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed>;

    /// Reads a value that must take up all of `bytes`.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// The value's bytes.
    fn to_bytes(&self) -> Result<Vec<u8>, TooLong> {
        let mut out = Vec::new();
        self.encode(&mut out)?;
        Ok(out)
    }
}

/// Reads from a slice, front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of all of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self
            .rest
            .split_at_checked(len)
            .ok_or(Malformed("too short"))?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self
            .rest
            .split_first_chunk()
            .ok_or(Malformed("too short"))?;
        self.rest = tail;
        Ok(*head)
    }

    /// A length of two bytes, then that much UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let len = u16::decode(self)?;
        std::str::from_utf8(self.take(usize::from(len))?).map_err(|_| Malformed("not UTF-8"))
    }

    /// Ends the reading; bytes left over are an error.
    pub const fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed("trailing bytes"))
        }
    }
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
                out.extend_from_slice(&self.to_le_bytes());
                Ok(())
            }
            fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(Self::from_le_bytes(reader.array()?))
            }
        }
    )*};
}

number!(u8, u16, u32, u64);

impl Codec for bool {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        u8::from(*self).encode(out)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match u8::decode(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a boolean that is neither 0 nor 1")),
        }
    }
}

impl<const N: usize> Codec for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        out.extend_from_slice(self);
        Ok(())
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.array()
    }
}

/// Appends a length of two bytes, then the text.
pub(crate) fn encode_text(text: &str, out: &mut Vec<u8>) -> Result<(), TooLong> {
    u16::try_from(text.len())
        .map_err(|_| TooLong("a text"))?
        .encode(out)?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

impl Codec for String {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        encode_text(self, out)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.text().map(str::to_owned)
    }
}

impl<T: Codec> Codec for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        self.is_some().encode(out)?;
        self.as_ref().map_or(Ok(()), |value| value.encode(out))
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        bool::decode(reader)?.then(|| T::decode(reader)).transpose()
    }
}

/// At most [`PAGE_ENTRIES_MAX`] elements, counted by two bytes in front.
impl<T: Codec> Codec for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let count = u16::try_from(self.len())
            .ok()
            .filter(|&count| count <= PAGE_ENTRIES_MAX)
            .ok_or(TooLong("a list"))?;
        count.encode(out)?;
        self.iter().try_for_each(|element| element.encode(out))
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = u16::decode(reader)?;
        if count > PAGE_ENTRIES_MAX {
            return Err(Malformed("a list of too many elements"));
        }
        // Not `with_capacity(count)`: the count may lie, the elements cannot.
        let mut elements = Self::new();
        for _ in 0..count {
            elements.push(T::decode(reader)?);
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_over_the_limit_is_refused_not_cut() {
        let text = "x".repeat(65_536);
        assert_eq!(text.to_bytes(), Err(TooLong("a text")));
        assert_eq!(vec![0u8; 1001].to_bytes(), Err(TooLong("a list")));
    }

    #[test]
    fn a_count_that_lies_is_an_error() {
        assert_eq!(
            Vec::<u64>::from_bytes(&[0xe8, 3, 0]),
            Err(Malformed("too short"))
        );
        assert!(Vec::<u64>::from_bytes(&[0xe9, 3]).is_err());
        assert!(bool::from_bytes(&[2]).is_err());
        assert_eq!(u8::from_bytes(&[2, 3]), Err(Malformed("trailing bytes")));
    }

    proptest! {
        #[test]
        fn values_round_trip(
            a: u16, b: u64, c: Option<String>, d: bool, e in prop::collection::vec(any::<String>(), 0..20),
        ) {
            prop_assert_eq!(u16::from_bytes(&a.to_bytes().unwrap()), Ok(a));
            prop_assert_eq!(u64::from_bytes(&b.to_bytes().unwrap()), Ok(b));
            prop_assert_eq!(bool::from_bytes(&d.to_bytes().unwrap()), Ok(d));
            prop_assert_eq!(Option::from_bytes(&c.to_bytes().unwrap()), Ok(c));
            prop_assert_eq!(Vec::from_bytes(&e.to_bytes().unwrap()), Ok(e));
        }
    }
}
