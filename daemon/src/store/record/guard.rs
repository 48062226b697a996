//! The end of something, kept while older records of it may still be in the log; and the end of a
//! segment.

use super::fields::{framed, narrow, unframed};
use crate::base::codec::{Malformed, Put, Reader};

/// A record that says that something ended (a delete, an abort), moved to a new place. It has to stay
/// as long as the log has a segment that is older than where it stood first: one of them may hold what
/// ended, and whoever rebuilds the index from the whole log would find it there alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard<T> {
    /// Segment where it stood first.
    pub since: u32,
    /// What it says.
    pub record: T,
}

impl<T> Guard<T> {
    /// The whole payload; `record` is the payload of the record itself.
    #[must_use]
    pub fn encode(since: u32, record: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(5 + record.len());
        out.put_varint(u64::from(since));
        out.extend_from_slice(record);
        out
    }

    /// Decodes a payload; `decode` reads the record itself.
    pub fn decode(
        payload: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let since = narrow(reader.varint()?)?;
        let record = decode(reader.rest())?;
        Ok(Self { since, record })
    }
}

/// A segment left the log: it is not missed by a start that reads the log from before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetiredRecord {
    /// Its number.
    pub segment: u32,
}

impl RetiredRecord {
    /// The whole payload.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        framed(|out| out.put_u32(self.segment))
    }

    /// Decodes a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let (mut head, _) = unframed(payload)?;
        let segment = head.u32()?;
        head.finish()?;
        Ok(Self { segment })
    }
}
