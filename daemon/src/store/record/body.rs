//! Where an object's or part's bytes are.

use super::fields::narrow;
use crate::base::Location;
use crate::base::codec::{Malformed, Put, Reader};
use crate::log::ExtentRef;

const INLINE: u8 = 0;
const EXTENTS: u8 = 1;
const PARTS: u8 = 2;

/// Where a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Behind the record's head, this many bytes.
    Inline(u32),
    /// In extents of the same log, in order.
    Extents(Vec<ExtentRef>),
    /// In the parts of a completed upload, in order.
    Parts(Vec<PartRef>),
}

/// A part of a completed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRef {
    /// Its number in the upload.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// MD5 of its bytes.
    pub md5: [u8; 16],
    /// Where its [`PartRecord`] is.
    pub at: Location,
    /// Bytes of that record, to read it in one go.
    pub record_len: u32,
    /// Its checksum, of the upload's algorithm; may be empty.
    pub checksum: Vec<u8>,
}

impl Body {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Inline(len) => {
                out.put_u8(INLINE);
                out.put_u32(*len);
            }
            Self::Extents(extents) => {
                out.put_u8(EXTENTS);
                out.put_varint(extents.len() as u64);
                for extent in extents {
                    out.put_u64(extent.at.to_u64());
                    out.put_u32(extent.len);
                }
            }
            Self::Parts(parts) => {
                out.put_u8(PARTS);
                out.put_varint(parts.len() as u64);
                for part in parts {
                    out.put_varint(u64::from(part.number));
                    out.put_varint(part.size);
                    out.extend_from_slice(&part.md5);
                    out.put_u64(part.at.to_u64());
                    out.put_u32(part.record_len);
                    out.put_bytes(&part.checksum);
                }
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.u8()? {
            INLINE => Ok(Self::Inline(reader.u32()?)),
            EXTENTS => {
                let mut extents = Vec::new();
                for _ in 0..reader.varint()? {
                    let at = Location::from_u64(reader.u64()?);
                    extents.push(ExtentRef {
                        at,
                        len: reader.u32()?,
                    });
                }
                Ok(Self::Extents(extents))
            }
            PARTS => {
                let mut parts = Vec::new();
                for _ in 0..reader.varint()? {
                    parts.push(PartRef {
                        number: narrow(reader.varint()?)?,
                        size: reader.varint()?,
                        md5: reader.array()?,
                        at: Location::from_u64(reader.u64()?),
                        record_len: reader.u32()?,
                        checksum: reader.bytes()?.to_vec(),
                    });
                }
                Ok(Self::Parts(parts))
            }
            _ => Err(Malformed("unknown body kind")),
        }
    }
    /// An inline body must be exactly as long as the head says.
    pub(super) fn check_inline(&self, size: u64, rest: &[u8]) -> Result<(), Malformed> {
        let right = match self {
            Self::Inline(len) => *len as usize == rest.len() && u64::from(*len) == size,
            Self::Extents(_) | Self::Parts(_) => rest.is_empty(),
        };
        if right {
            Ok(())
        } else {
            Err(Malformed("body length"))
        }
    }
}
