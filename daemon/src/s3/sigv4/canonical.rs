//! The canonical request, built from the raw bytes of the target and the headers as received.

use super::key::hex_digits;
use super::{Claim, split};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::head::RequestHead;
use crate::s3::percent::{Plus, decode_bytes, push_encoded, stays};
use sha2::{Digest, Sha256};

/// What a `%2F` of the path becomes. S3's rule is a plain slash, but clients that sign the path as
/// they send it keep it encoded. Both name the same key, so either signature is good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EncodedSlash {
    Plain,
    AsSent,
}

/// Whether the two ways differ for a path.
pub(super) fn has_encoded_slash(path: &[u8]) -> bool {
    memchr::memchr(b'%', path).is_some() && path.windows(3).any(|w| w.eq_ignore_ascii_case(b"%2f"))
}

/// Builds canonical requests into a buffer that is kept between requests.
pub(super) struct Canonical<'a>(&'a mut Vec<u8>);

impl<'a> Canonical<'a> {
    pub fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self(buffer)
    }

    /// Builds the canonical request, and says what it covers.
    pub fn build<H: RequestHead>(
        &mut self,
        head: &H,
        claim: &Claim<'_>,
        slash: EncodedSlash,
    ) -> Result<Covered> {
        self.0.clear();
        self.0.extend_from_slice(head.method().as_bytes());
        self.0.push(b'\n');
        self.path(head.raw_path(), slash)?;
        self.0.push(b'\n');
        self.query(head.raw_query(), claim.presigned)?;
        self.0.push(b'\n');
        let mut covered = Covered::default();
        for name in claim.signed_headers.as_bytes().split(|b| *b == b';') {
            let lines = self.header(head, name);
            match name {
                b"host" => covered.host = true,
                b"date" => covered.date = true,
                name if is_amz(name) => covered.amz += lines,
                _ => {}
            }
        }
        self.0.push(b'\n');
        self.0.extend_from_slice(claim.signed_headers.as_bytes());
        self.0.push(b'\n');
        self.0.extend_from_slice(claim.payload);
        Ok(covered)
    }

    pub fn bytes(&self) -> &[u8] {
        self.0
    }

    pub fn hash_hex(&self) -> [u8; 64] {
        hex_digits(&Sha256::digest(&*self.0).into())
    }

    fn path(&mut self, raw: &[u8], slash: EncodedSlash) -> Result<()> {
        if raw.is_empty() {
            self.0.push(b'/');
        }
        // Most paths stand as they are.
        if stays(raw) {
            self.0.extend_from_slice(raw);
            return Ok(());
        }
        for (at, segment) in raw.split(|b| *b == b'/').enumerate() {
            if at > 0 {
                self.0.push(b'/');
            }
            for byte in &*decode_bytes(segment, Plus::Itself)? {
                if *byte == b'/' && slash == EncodedSlash::Plain {
                    self.0.push(b'/');
                } else {
                    push_encoded(self.0, *byte);
                }
            }
        }
        Ok(())
    }

    fn query(&mut self, raw: &[u8], presigned: bool) -> Result<()> {
        if raw.is_empty() {
            return Ok(());
        }
        let mut pairs = Vec::new();
        for (name, value) in split(raw) {
            let name = encode(name)?;
            if presigned && name.eq_ignore_ascii_case(b"X-Amz-Signature") {
                continue;
            }
            pairs.push((name, encode(value)?));
        }
        pairs.sort_unstable();
        for (at, (name, value)) in pairs.iter().enumerate() {
            if at > 0 {
                self.0.push(b'&');
            }
            self.0.extend_from_slice(name);
            self.0.push(b'=');
            self.0.extend_from_slice(value);
        }
        Ok(())
    }

    /// Appends `name:value` with the values of all headers of that name. A header that was signed
    /// but did not arrive counts as empty: proxies drop empty headers. Returns how many there are.
    fn header<H: RequestHead>(&mut self, head: &H, name: &[u8]) -> usize {
        self.0.extend_from_slice(name);
        self.0.push(b':');
        let mut lines = 0;
        for (_, value) in head.headers().filter(|(n, _)| *n == name) {
            if lines > 0 {
                self.0.push(b',');
            }
            lines += 1;
            // Most values have nothing to be folded.
            if memchr::memchr2(b' ', b'\t', value).is_none() {
                self.0.extend_from_slice(value);
                continue;
            }
            let words = value
                .split(|b| matches!(b, b' ' | b'\t'))
                .filter(|word| !word.is_empty());
            for (at, word) in words.enumerate() {
                if at > 0 {
                    self.0.push(b' ');
                }
                self.0.extend_from_slice(word);
            }
        }
        self.0.push(b'\n');
        lines
    }
}

fn encode(raw: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(raw.len());
    for byte in &*decode_bytes(raw, Plus::Blank)? {
        push_encoded(&mut out, *byte);
    }
    Ok(out)
}

/// What a signature covers of what it must cover.
#[derive(Default)]
pub(super) struct Covered {
    /// Headers that begin with `x-amz-`.
    amz: usize,
    host: bool,
    date: bool,
}

/// Checks that the signature covers what it must: the host, every `x-amz-` header, and the date
/// when there is no `x-amz-date`.
pub(super) fn check_covered<H: RequestHead>(
    head: &H,
    claim: &Claim<'_>,
    covered: &Covered,
) -> Result<()> {
    // No name is in the list twice, so a header that is not covered is missing in the sum.
    let amz = head.headers().filter(|(name, _)| is_amz(name)).count();
    let dated = claim.presigned || covered.date || head.header("x-amz-date").is_some();
    if covered.host && dated && covered.amz == amz {
        return Ok(());
    }
    check_each(head, claim)
}

fn is_amz(name: &[u8]) -> bool {
    name.starts_with(b"x-amz-")
}

/// The same, by names.
#[cold]
fn check_each<H: RequestHead>(head: &H, claim: &Claim<'_>) -> Result<()> {
    let list = claim.signed_headers.as_bytes();
    let is_signed = |name: &[u8]| list.split(|b| *b == b';').any(|signed| signed == name);
    let mut missing = Vec::new();
    if !is_signed(b"host") {
        missing.push("host".into());
    }
    for (name, _) in head.headers() {
        // Clients add the hash to presigned requests after signing; it is then checked against the
        // body, and can name no other mode (see `payload::of_presigned_unsigned`).
        let tolerated = claim.presigned && name == b"x-amz-content-sha256";
        if is_amz(name) && !tolerated && !is_signed(name) {
            missing.push(String::from_utf8_lossy(name));
        }
    }
    if !claim.presigned && head.header("x-amz-date").is_none() && !is_signed(b"date") {
        missing.push("date".into());
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(S3Error::new(
        ErrorCode::AccessDenied,
        "There were headers present in the request which were not signed",
    )
    .with("HeadersNotSigned", missing.join(", ")))
}
