//! The hashes of a body: only those that somebody asked for, each computed once.

use super::Md5By;
use crate::base::md5::Md5;
use crate::s3::checksum::{Declared, Hasher, Source, decode, mismatch};
use crate::s3::error::{ErrorCode, Result};
use crate::s3::head::RequestHead;
use crate::store::meta::{Checksum, ChecksumAlgorithm, ChecksumKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// What was promised about a body.
pub(super) struct Expected {
    pub md5: Option<[u8; 16]>,
    pub sha256: Option<[u8; 32]>,
    pub checksum: Option<Declared>,
    /// Value of the declared checksum once its trailer came.
    pub trailer: Option<String>,
}

impl Expected {
    pub fn new<H: RequestHead>(head: &H, checksum: Option<Declared>) -> Result<Self> {
        let md5 = match head.header("content-md5") {
            None => None,
            Some(value) => {
                let bytes = STANDARD.decode(value).ok();
                let md5 = bytes.and_then(|b| <[u8; 16]>::try_from(b).ok());
                Some(md5.ok_or(ErrorCode::InvalidDigest)?)
            }
        };
        Ok(Self {
            md5,
            sha256: None,
            checksum,
            trailer: None,
        })
    }
}

/// What a complete, verified body was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digested {
    /// Bytes of content.
    pub length: u64,
    /// Its MD5, when it was computed.
    pub md5: Option<[u8; 16]>,
    /// The checksum that was declared, or the operation's default.
    pub checksum: Option<Checksum>,
}

/// The computations under way.
pub(super) struct Digests {
    md5: Option<Md5>,
    /// Serves both `x-amz-content-sha256` and a SHA256 checksum.
    sha256: Option<Sha256>,
    checksum: Option<(ChecksumAlgorithm, Option<Hasher>)>,
}

impl Digests {
    pub fn new(
        expected: &Expected,
        md5: Md5By,
        default_checksum: Option<ChecksumAlgorithm>,
    ) -> Self {
        let declared = expected.checksum.as_ref().map(|d| d.algorithm);
        let algorithm = declared.or(default_checksum);
        let is_sha256 = algorithm == Some(ChecksumAlgorithm::Sha256);
        Self {
            md5: (md5 == Md5By::Body && expected.md5.is_some()).then(Md5::new),
            sha256: (expected.sha256.is_some() || is_sha256).then(Sha256::new),
            checksum: algorithm.map(|a| (a, (!is_sha256).then(|| Hasher::new(a)))),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some((_, Some(hasher))) = &mut self.checksum {
            hasher.update(bytes);
        }
    }

    pub fn finish(
        self,
        length: u64,
        md5: Option<[u8; 16]>,
        expected: &Expected,
    ) -> Result<Digested> {
        let md5 = self.md5.map(Md5::finish).or(md5);
        let sha256 = self
            .sha256
            .map(|sha256| <[u8; 32]>::from(sha256.finalize()));
        if expected.sha256.is_some() && expected.sha256 != sha256 {
            return Err(ErrorCode::XAmzContentSHA256Mismatch.into());
        }
        if expected.md5.is_some() && expected.md5 != md5 {
            return Err(ErrorCode::BadDigest.into());
        }
        let checksum = self.checksum.map(|(algorithm, hasher)| Checksum {
            algorithm,
            kind: ChecksumKind::FullObject,
            value: match hasher {
                Some(hasher) => hasher.finish(),
                None => sha256.unwrap_or_default().to_vec(),
            },
        });
        if let (Some(declared), Some(checksum)) = (&expected.checksum, &checksum) {
            let text = match &declared.source {
                Source::Header(text) => Some(text),
                Source::Trailer => expected.trailer.as_ref(),
            };
            let value = text.and_then(|text| decode(declared.algorithm, text));
            if value.as_ref() != Some(&checksum.value) {
                return Err(mismatch(declared.algorithm));
            }
        }
        Ok(Digested {
            length,
            md5,
            checksum,
        })
    }
}
