//! The checksums of S3: CRC32, CRC32C, CRC64NVME, SHA1, SHA256; of whole objects, of parts, and of
//! objects made of parts.

use super::error::{ErrorCode, Result, S3Error};
use super::head::RequestHead;
use crate::store::meta::{Checksum, ChecksumAlgorithm, ChecksumKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Every algorithm, for walking over headers.
pub const ALGORITHMS: [ChecksumAlgorithm; 5] = [
    ChecksumAlgorithm::Crc32,
    ChecksumAlgorithm::Crc32c,
    ChecksumAlgorithm::Crc64Nvme,
    ChecksumAlgorithm::Sha1,
    ChecksumAlgorithm::Sha256,
];

/// The name of an algorithm, for example in `x-amz-checksum-algorithm`.
#[must_use]
pub const fn name(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "CRC32",
        ChecksumAlgorithm::Crc32c => "CRC32C",
        ChecksumAlgorithm::Crc64Nvme => "CRC64NVME",
        ChecksumAlgorithm::Sha1 => "SHA1",
        ChecksumAlgorithm::Sha256 => "SHA256",
    }
}

/// The header or trailer that carries an algorithm's value.
#[must_use]
pub const fn header(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "x-amz-checksum-crc32",
        ChecksumAlgorithm::Crc32c => "x-amz-checksum-crc32c",
        ChecksumAlgorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
        ChecksumAlgorithm::Sha1 => "x-amz-checksum-sha1",
        ChecksumAlgorithm::Sha256 => "x-amz-checksum-sha256",
    }
}

/// The XML element that carries an algorithm's value.
#[must_use]
pub const fn element(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "ChecksumCRC32",
        ChecksumAlgorithm::Crc32c => "ChecksumCRC32C",
        ChecksumAlgorithm::Crc64Nvme => "ChecksumCRC64NVME",
        ChecksumAlgorithm::Sha1 => "ChecksumSHA1",
        ChecksumAlgorithm::Sha256 => "ChecksumSHA256",
    }
}

/// How `x-amz-checksum-type` names a kind.
#[must_use]
pub const fn kind_name(kind: ChecksumKind) -> &'static str {
    match kind {
        ChecksumKind::FullObject => "FULL_OBJECT",
        ChecksumKind::Composite => "COMPOSITE",
    }
}

const fn value_len(algorithm: ChecksumAlgorithm) -> usize {
    match algorithm {
        ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => 4,
        ChecksumAlgorithm::Crc64Nvme => 8,
        ChecksumAlgorithm::Sha1 => 20,
        ChecksumAlgorithm::Sha256 => 32,
    }
}

/// The algorithm of this name, in any case.
#[must_use]
pub fn by_name(text: &str) -> Option<ChecksumAlgorithm> {
    ALGORITHMS
        .into_iter()
        .find(|a| name(*a).eq_ignore_ascii_case(text))
}

/// The algorithm whose header or trailer has this name, in any case.
#[must_use]
pub fn by_header(text: &str) -> Option<ChecksumAlgorithm> {
    ALGORITHMS
        .into_iter()
        .find(|a| header(*a).eq_ignore_ascii_case(text))
}

/// The raw value of a base64 text, if it has the algorithm's length.
#[must_use]
pub fn decode(algorithm: ChecksumAlgorithm, text: &str) -> Option<Vec<u8>> {
    STANDARD
        .decode(text)
        .ok()
        .filter(|value| value.len() == value_len(algorithm))
}

/// A stored checksum as S3 shows it: base64, with the number of parts behind a composite one.
#[must_use]
pub fn encode(checksum: &Checksum, parts: usize) -> String {
    let mut text = STANDARD.encode(&checksum.value);
    if checksum.kind == ChecksumKind::Composite {
        text.push('-');
        text.push_str(itoa::Buffer::new().format(parts));
    }
    text
}

/// A computation under way.
pub enum Hasher {
    /// CRC32, which the log's records use, too.
    Crc32(crc32fast::Hasher),
    /// CRC32C and CRC64NVME.
    Crc(ChecksumAlgorithm, Box<crc_fast::Digest>),
    /// SHA1.
    Sha1(Sha1),
    /// SHA256.
    Sha256(Sha256),
}

impl Hasher {
    /// A computation over no bytes yet.
    #[must_use]
    pub fn new(algorithm: ChecksumAlgorithm) -> Self {
        match crc_algorithm(algorithm) {
            Some(crc) if algorithm != ChecksumAlgorithm::Crc32 => {
                Self::Crc(algorithm, Box::new(crc_fast::Digest::new(crc)))
            }
            Some(_) => Self::Crc32(crc32fast::Hasher::new()),
            None if algorithm == ChecksumAlgorithm::Sha1 => Self::Sha1(Sha1::new()),
            None => Self::Sha256(Sha256::new()),
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(hasher) => hasher.update(bytes),
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The raw value, big-endian.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
            Self::Crc(algorithm, digest) => crc_bytes(algorithm, digest.finalize()),
            Self::Sha1(hasher) => hasher.finalize().to_vec(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
        }
    }
}

const fn crc_algorithm(algorithm: ChecksumAlgorithm) -> Option<CrcAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
        ChecksumAlgorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
        ChecksumAlgorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => None,
    }
}

/// The last bytes of a CRC held in 64 bits.
fn crc_bytes(algorithm: ChecksumAlgorithm, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let start = bytes.len().saturating_sub(value_len(algorithm));
    bytes.get(start..).unwrap_or_default().to_vec()
}

fn crc_value(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, b| value << 8 | u64::from(*b))
}

/// The checksum of a whole object from those of its parts (raw value and length of each, in order).
/// `None` when the algorithm is no CRC or a value has the wrong length.
pub fn combine<'a>(
    algorithm: ChecksumAlgorithm,
    parts: impl IntoIterator<Item = (&'a [u8], u64)>,
) -> Option<Vec<u8>> {
    let crc = crc_algorithm(algorithm)?;
    let mut total = crc_value(&Hasher::new(algorithm).finish());
    for (value, len) in parts {
        if value.len() != value_len(algorithm) {
            return None;
        }
        if len > 0 {
            total = crc_fast::checksum_combine(crc, total, crc_value(value), len);
        }
    }
    Some(crc_bytes(algorithm, total))
}

/// The composite checksum of an object: that of its parts' raw values, one after the other.
pub fn composite<'a>(
    algorithm: ChecksumAlgorithm,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let mut hasher = Hasher::new(algorithm);
    for value in parts {
        hasher.update(value);
    }
    hasher.finish()
}

/// What a client says about the checksum of the body it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The algorithm.
    pub algorithm: ChecksumAlgorithm,
    /// Where the value is.
    pub source: Source,
}

/// Where a declared checksum's value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a header: the text as sent.
    Header(String),
    /// It follows the body.
    Trailer,
}

/// Finds the checksum that a request declares for its body. At most one is allowed.
pub fn declared<H: RequestHead>(head: &H) -> Result<Option<Declared>> {
    let mut found = None;
    for (header_name, value) in head.headers() {
        // Names are tokens of ASCII.
        let named = std::str::from_utf8(header_name).ok().and_then(by_header);
        let Some(algorithm) = named else {
            continue;
        };
        let text = String::from_utf8_lossy(value).into_owned();
        add(&mut found, algorithm, Source::Header(text))?;
    }
    for trailer in trailers(head) {
        let Some(algorithm) = by_header(trailer) else {
            return Err(S3Error::new(
                ErrorCode::InvalidRequest,
                "The value specified in the x-amz-trailer header is not supported",
            ));
        };
        add(&mut found, algorithm, Source::Trailer)?;
    }
    let named = head.header_str("x-amz-sdk-checksum-algorithm");
    if let Some(text) = named.filter(|text| !text.is_empty()) {
        let algorithm = by_name(text).ok_or_else(|| {
            S3Error::new(
                ErrorCode::InvalidRequest,
                "Value for x-amz-sdk-checksum-algorithm header is invalid.",
            )
        })?;
        if found.as_ref().is_some_and(|f| f.algorithm != algorithm) {
            return Err(S3Error::new(
                ErrorCode::InvalidRequest,
                "Value for x-amz-sdk-checksum-algorithm header is invalid.",
            ));
        }
    }
    Ok(found)
}

fn add(found: &mut Option<Declared>, algorithm: ChecksumAlgorithm, source: Source) -> Result<()> {
    if found.replace(Declared { algorithm, source }).is_some() {
        return Err(S3Error::new(
            ErrorCode::InvalidRequest,
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    Ok(())
}

/// The names in `x-amz-trailer`.
pub fn trailers<H: RequestHead>(head: &H) -> impl Iterator<Item = &str> {
    head.headers()
        .filter(|(name, _)| *name == b"x-amz-trailer")
        .flat_map(|(_, value)| std::str::from_utf8(value).unwrap_or("?").split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// What CreateMultipartUpload says about checksums; the value is empty.
pub fn of_upload<H: RequestHead>(head: &H) -> Result<Option<Checksum>> {
    let invalid = |name: &str| {
        S3Error::new(
            ErrorCode::InvalidRequest,
            format!("Value for {name} header is invalid."),
        )
    };
    let kind = kind_of(head)?;
    let Some(text) = head.header_str("x-amz-checksum-algorithm") else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(S3Error::new(
                ErrorCode::InvalidRequest,
                "The x-amz-checksum-type header can only be used with the \
                 x-amz-checksum-algorithm header.",
            )),
        };
    };
    let algorithm = by_name(text).ok_or_else(|| invalid("x-amz-checksum-algorithm"))?;
    let fixed = match algorithm {
        ChecksumAlgorithm::Crc64Nvme => Some(ChecksumKind::FullObject),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => Some(ChecksumKind::Composite),
        ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => None,
    };
    if let (Some(fixed), Some(kind)) = (fixed, kind)
        && fixed != kind
    {
        return Err(S3Error::new(
            ErrorCode::InvalidRequest,
            format!(
                "The {} checksum type cannot be used with the {} checksum algorithm.",
                kind_name(kind),
                name(algorithm)
            ),
        ));
    }
    Ok(Some(Checksum {
        algorithm,
        kind: fixed.or(kind).unwrap_or(ChecksumKind::Composite),
        value: Vec::new(),
    }))
}

/// What `x-amz-checksum-type` says.
pub fn kind_of<H: RequestHead>(head: &H) -> Result<Option<ChecksumKind>> {
    match head.header_str("x-amz-checksum-type") {
        None => Ok(None),
        Some("FULL_OBJECT") => Ok(Some(ChecksumKind::FullObject)),
        Some("COMPOSITE") => Ok(Some(ChecksumKind::Composite)),
        Some(_) => Err(S3Error::new(
            ErrorCode::InvalidRequest,
            "Value for x-amz-checksum-type header is invalid.",
        )),
    }
}

/// The checksum of an object made of parts, whose raw values (of the upload's algorithm) and lengths
/// are given in order. What CompleteMultipartUpload declares in its headers is checked against it.
pub fn of_object<H: RequestHead>(
    head: &H,
    announced: Option<&Checksum>,
    parts: &[(&[u8], u64)],
) -> Result<Option<Checksum>> {
    let declared = declared(head)?;
    let Some(upload) = announced else {
        return match declared {
            None => Ok(None),
            Some(declared) => Err(S3Error::new(
                ErrorCode::InvalidRequest,
                format!(
                    "Checksum Type mismatch occurred, expected checksum Type: null, actual \
                     checksum Type: {}",
                    name(declared.algorithm)
                ),
            )),
        };
    };
    let Checksum {
        algorithm, kind, ..
    } = *upload;
    if kind_of(head)?.is_some_and(|declared| declared != kind) {
        return Err(S3Error::new(
            ErrorCode::InvalidRequest,
            format!(
                "The upload was created using the {} checksum mode. The complete request must use \
                 the same checksum mode.",
                kind_name(kind)
            ),
        ));
    }
    if parts
        .iter()
        .any(|part| part.0.len() != value_len(algorithm))
    {
        return Err(ErrorCode::InvalidPart.into());
    }
    let value = match kind {
        ChecksumKind::Composite => composite(algorithm, parts.iter().map(|part| part.0)),
        ChecksumKind::FullObject => {
            combine(algorithm, parts.iter().copied()).ok_or(ErrorCode::InvalidRequest)?
        }
    };
    let checksum = Checksum {
        algorithm,
        kind,
        value,
    };
    match declared {
        Some(Declared {
            algorithm: other,
            source,
        }) if other != algorithm || source != Source::Header(encode(&checksum, parts.len())) => {
            Err(mismatch(other))
        }
        _ => Ok(Some(checksum)),
    }
}

/// Checks what CompleteMultipartUpload says about one part against what was stored with it.
pub fn check_part(
    sent: &[(ChecksumAlgorithm, String)],
    stored: Option<(ChecksumAlgorithm, &[u8])>,
) -> Result<()> {
    let equal = |(algorithm, text): &(ChecksumAlgorithm, String)| {
        stored.is_some_and(|(own, value)| {
            own == *algorithm && decode(own, text).as_deref() == Some(value)
        })
    };
    if sent.iter().all(equal) {
        Ok(())
    } else {
        Err(ErrorCode::InvalidPart.into())
    }
}

/// The error for a value that does not match.
#[must_use]
pub fn mismatch(algorithm: ChecksumAlgorithm) -> S3Error {
    S3Error::new(
        ErrorCode::BadDigest,
        format!(
            "The {} you specified did not match the calculated checksum.",
            name(algorithm)
        ),
    )
}

#[cfg(test)]
#[path = "checksum_tests.rs"]
mod tests;
