//! What an object carries besides its bytes: content headers, user metadata, tags, checksum.

use crate::base::codec::{Malformed, Put, Reader};
use crate::namespace::Acl;

/// A header that S3 stores with the object and returns with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ContentHeader {
    /// `Content-Type`
    Type = 1,
    /// `Content-Encoding`
    Encoding = 2,
    /// `Content-Language`
    Language = 3,
    /// `Content-Disposition`
    Disposition = 4,
    /// `Cache-Control`
    CacheControl = 5,
    /// `Expires`
    Expires = 6,
    /// `x-amz-website-redirect-location`
    WebsiteRedirect = 7,
}

impl ContentHeader {
    const ALL: [Self; 7] = [
        Self::Type,
        Self::Encoding,
        Self::Language,
        Self::Disposition,
        Self::CacheControl,
        Self::Expires,
        Self::WebsiteRedirect,
    ];

    fn from_u8(value: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|h| *h as u8 == value)
    }
}

/// Checksum algorithms of S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChecksumAlgorithm {
    /// CRC-32 (ISO-HDLC)
    Crc32 = 1,
    /// CRC-32C (Castagnoli)
    Crc32c = 2,
    /// CRC-64/NVME
    Crc64Nvme = 3,
    /// SHA-1
    Sha1 = 4,
    /// SHA-256
    Sha256 = 5,
}

impl ChecksumAlgorithm {
    /// Inverse of `as u8`.
    #[must_use]
    pub const fn from_u8(value: u8) -> Option<Self> {
        Some(match value {
            1 => Self::Crc32,
            2 => Self::Crc32c,
            3 => Self::Crc64Nvme,
            4 => Self::Sha1,
            5 => Self::Sha256,
            _ => return None,
        })
    }
}

/// Whether a multipart object's checksum covers its bytes or its parts' checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ChecksumKind {
    /// Over all bytes of the object.
    FullObject = 0,
    /// Over the checksums of the parts; shown with `-N` behind it.
    Composite = 1,
}

/// A stored checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// How it was computed.
    pub algorithm: ChecksumAlgorithm,
    /// What it covers.
    pub kind: ChecksumKind,
    /// The raw value, big-endian as S3 shows it. Empty for an upload that only announces an algorithm.
    pub value: Vec<u8>,
}

/// A canned ACL of an object or bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum CannedAcl {
    /// Owner only.
    #[default]
    Private = 0,
    /// Everybody reads.
    PublicRead = 1,
    /// Everybody reads and writes.
    PublicReadWrite = 2,
    /// Every signed request reads.
    AuthenticatedRead = 3,
    /// The bucket's owner reads.
    BucketOwnerRead = 4,
    /// The bucket's owner has full control.
    BucketOwnerFullControl = 5,
}

impl CannedAcl {
    /// Inverse of `as u8`. An unknown number is private: what cannot be read denies.
    #[must_use]
    pub const fn from_u8(value: u8) -> Self {
        match value {
            1 => Self::PublicRead,
            2 => Self::PublicReadWrite,
            3 => Self::AuthenticatedRead,
            4 => Self::BucketOwnerRead,
            5 => Self::BucketOwnerFullControl,
            _ => Self::Private,
        }
    }
}

/// Name and value of one piece of user metadata or one tag.
pub type Pair = (String, String);

/// Everything an object carries besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Stored content headers.
    pub headers: Vec<(ContentHeader, String)>,
    /// User metadata: names in lower case without `x-amz-meta-`. Values are kept as sent.
    pub user: Vec<Pair>,
    /// Object tags.
    pub tags: Vec<Pair>,
    /// Checksum the client asked for.
    pub checksum: Option<Checksum>,
    /// Canned ACL.
    pub acl: CannedAcl,
    /// Canonical id of the user who wrote it; empty when not known.
    pub owner: String,
    /// Who may do what with it, beside what its bucket says.
    pub rules: Acl,
}

const TAG_HEADER: u8 = 1;
const TAG_USER: u8 = 2;
const TAG_TAG: u8 = 3;
const TAG_CHECKSUM: u8 = 4;
const TAG_ACL: u8 = 5;
const TAG_OWNER: u8 = 6;
const TAG_RULES: u8 = 7;

impl ObjectMeta {
    /// A stored content header.
    #[must_use]
    pub fn header(&self, header: ContentHeader) -> Option<&str> {
        self.headers
            .iter()
            .find(|(h, _)| *h == header)
            .map(|(_, v)| v.as_str())
    }

    /// Bytes of memory it takes beside its own, about.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(_, value)| value.len());
        let pairs = self.user.iter().chain(&self.tags);
        let texts = headers.chain(pairs.map(|(name, value)| name.len() + value.len()));
        let each = |text: usize| text + 2 * size_of::<String>();
        texts.map(each).sum::<usize>() + self.owner.len() + self.rules.memory_bytes()
    }

    /// Appends the encoded form: a count, then fields of tag, length and bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let count = self.headers.len()
            + self.user.len()
            + self.tags.len()
            + usize::from(self.checksum.is_some())
            + usize::from(self.acl != CannedAcl::Private)
            + usize::from(!self.owner.is_empty())
            + usize::from(!self.rules.is_empty());
        out.put_varint(count as u64);
        for (header, value) in &self.headers {
            out.put_u8(TAG_HEADER);
            out.put_varint(value.len() as u64 + 1);
            out.put_u8(*header as u8);
            out.extend_from_slice(value.as_bytes());
        }
        for (tag, pairs) in [(TAG_USER, &self.user), (TAG_TAG, &self.tags)] {
            for (name, value) in pairs {
                let mut field = Vec::with_capacity(name.len() + value.len() + 4);
                field.put_str(name);
                field.extend_from_slice(value.as_bytes());
                out.put_u8(tag);
                out.put_bytes(&field);
            }
        }
        if let Some(checksum) = &self.checksum {
            out.put_u8(TAG_CHECKSUM);
            out.put_varint(checksum.value.len() as u64 + 2);
            out.put_u8(checksum.algorithm as u8);
            out.put_u8(checksum.kind as u8);
            out.extend_from_slice(&checksum.value);
        }
        if self.acl != CannedAcl::Private {
            out.put_u8(TAG_ACL);
            out.put_bytes(&[self.acl as u8]);
        }
        if !self.owner.is_empty() {
            out.put_u8(TAG_OWNER);
            out.put_str(&self.owner);
        }
        if !self.rules.is_empty() {
            out.put_u8(TAG_RULES);
            out.put_bytes(&self.rules.encode());
        }
    }

    /// Reads what [`ObjectMeta::encode`] wrote. An unknown field is an error: a newer version may
    /// have put a right there that must not be ignored.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut meta = Self::default();
        for _ in 0..reader.varint()? {
            let tag = reader.u8()?;
            let mut field = Reader::new(reader.bytes()?);
            match tag {
                TAG_HEADER => {
                    let header = ContentHeader::from_u8(field.u8()?)
                        .ok_or(Malformed("unknown content header"))?;
                    meta.headers.push((header, text(field.rest())?));
                }
                TAG_USER | TAG_TAG => {
                    let name = field.str()?.to_owned();
                    let pair = (name, text(field.rest())?);
                    if tag == TAG_USER {
                        meta.user.push(pair)
                    } else {
                        meta.tags.push(pair)
                    }
                }
                TAG_CHECKSUM => meta.checksum = Some(checksum(&mut field)?),
                TAG_ACL => meta.acl = CannedAcl::from_u8(field.u8()?),
                TAG_OWNER => meta.owner = text(field.rest())?,
                // A list that cannot be read gives nobody anything.
                TAG_RULES => meta.rules = Acl::decode(field.rest()),
                _ => return Err(Malformed("unknown metadata field")),
            }
        }
        Ok(meta)
    }
}

fn checksum(field: &mut Reader<'_>) -> Result<Checksum, Malformed> {
    let algorithm = ChecksumAlgorithm::from_u8(field.u8()?).ok_or(Malformed("checksum"))?;
    let kind = match field.u8()? {
        0 => ChecksumKind::FullObject,
        1 => ChecksumKind::Composite,
        _ => return Err(Malformed("checksum kind")),
    };
    Ok(Checksum {
        algorithm,
        kind,
        value: field.rest().to_vec(),
    })
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| Malformed("not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn round_trips() {
        let meta = ObjectMeta {
            headers: vec![
                (ContentHeader::Type, "text/plain".into()),
                (ContentHeader::Expires, String::new()),
            ],
            user: vec![("colour".into(), "blåbær".into())],
            tags: vec![("k".into(), String::new())],
            checksum: Some(Checksum {
                algorithm: ChecksumAlgorithm::Crc32c,
                kind: ChecksumKind::Composite,
                value: vec![1, 2, 3, 4],
            }),
            acl: CannedAcl::PublicRead,
            owner: "abc".into(),
            rules: Acl::parse("user:bob:rl,world::r[DEFAULT]").unwrap(),
        };
        let mut bytes = Vec::new();
        meta.encode(&mut bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!(ObjectMeta::decode(&mut reader), Ok(meta));
        assert!(reader.is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = ObjectMeta::decode(&mut Reader::new(&bytes));
        }
    }
}
