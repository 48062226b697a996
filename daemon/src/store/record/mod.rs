//! Payloads of a shard's log records. `docs/format/records.md` shows them byte by byte.

mod body;
mod fields;
mod guard;
mod object;
mod upload;

#[cfg(test)]
mod tests;

use crate::base::hex::hex_into;

pub use body::{Body, PartRef};
pub use guard::{Guard, RetiredRecord};
pub use object::{DeleteRecord, ObjectRecord};
pub use upload::{AbortRecord, PartRecord, UploadRecord};

pub(crate) use fields::{decode_checksum, encode_checksum};

/// Record kinds of a shard's log. The log layer keeps 200 and up for itself.
pub mod kind {
    /// [`super::ObjectRecord`]
    pub const OBJECT: u8 = 1;
    /// [`super::DeleteRecord`]
    pub const DELETE: u8 = 2;
    /// [`super::UploadRecord`]
    pub const UPLOAD: u8 = 3;
    /// [`super::PartRecord`]
    pub const PART: u8 = 4;
    /// [`super::AbortRecord`]
    pub const ABORT: u8 = 5;
    /// [`super::PartRecord`] of a part that belongs to an object by now, at a new place.
    pub const MOVED_PART: u8 = 6;
    /// [`super::Guard`] of a [`super::DeleteRecord`], at a new place.
    pub const MOVED_DELETE: u8 = 7;
    /// [`super::Guard`] of a [`super::AbortRecord`], at a new place.
    pub const MOVED_ABORT: u8 = 8;
    /// [`super::RetiredRecord`]
    pub const RETIRED: u8 = 9;
}

/// An S3 entity tag: an MD5, with the number of parts for a multipart object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag {
    /// MD5 of the body, or of the parts' MD5s.
    pub md5: [u8; 16],
    /// Parts of a multipart object, 0 for a plain one.
    pub parts: u32,
}

impl std::fmt::Display for ETag {
    /// Hexadecimal, `-N` for N parts, without quotes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut digits = [0; 32];
        hex_into(&self.md5, &mut digits);
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())?;
        if self.parts > 0 {
            write!(f, "-{}", self.parts)
        } else {
            Ok(())
        }
    }
}
