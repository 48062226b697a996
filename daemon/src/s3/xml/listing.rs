//! The documents of ListObjects, ListObjectsV2 and ListObjectVersions. Objects are written as they
//! are found, each with a handful of copies into one buffer, which is sent as it is.

use super::documents::Owner;
use super::write::{Writer, escape, push_key};
use crate::base::Timestamp;
use crate::base::hex::hex_into;
use crate::s3::checksum;
use crate::s3::list_page::Shown;
use crate::s3::time::{iso8601, put_clock, same_day};
use crate::store::ObjectEntry;
use std::ops::Range;

/// Objects after which the room that the rest of a page takes is guessed.
const SAMPLE: usize = 8;

/// Which of the three listings a document is.
#[derive(Clone, Copy, Debug)]
pub enum Listing<'a> {
    /// ListObjects.
    V1 {
        /// `marker` as given.
        marker: &'a str,
    },
    /// ListObjectsV2.
    V2 {
        /// `start-after` as given.
        start_after: Option<&'a str>,
        /// `continuation-token` as given.
        token: Option<&'a str>,
    },
    /// ListObjectVersions.
    Versions {
        /// `key-marker` as given.
        key_marker: &'a str,
        /// `version-id-marker` as given.
        version_marker: &'a str,
    },
}

/// What a page was asked to be.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The bucket's name as asked for.
    pub bucket: &'a str,
    /// `prefix` as given.
    pub prefix: &'a str,
    /// `delimiter` as given.
    pub delimiter: &'a str,
    /// `max-keys` in force.
    pub max: usize,
    /// Whether keys are percent-encoded.
    pub url: bool,
    /// Which listing.
    pub listing: Listing<'a>,
}

/// A document in two parts that follow each other: only when a page is complete is it known what
/// its beginning says.
#[derive(Clone, Debug)]
pub struct ListDocument {
    /// What comes first, at most a few kilobytes.
    pub head: Vec<u8>,
    /// Objects and common prefixes.
    pub rest: Vec<u8>,
}

/// A page as it grows.
#[derive(Clone, Debug)]
pub struct ListPage<'a> {
    asked: Asked<'a>,
    /// What stands between an object's key and its entity tag.
    middle: Middle,
    /// What follows an object's size: its owner, where it is shown, and the end of the element.
    end: Vec<u8>,
    objects: Vec<u8>,
    prefixes: Vec<u8>,
    /// Objects and common prefixes so far.
    count: usize,
}

impl<'a> ListPage<'a> {
    /// An empty page. `owner` is shown as that of every object, if given.
    #[must_use]
    pub fn new(asked: Asked<'a>, owner: Option<&Owner<'_>>) -> Self {
        let mut end = b"</Size>".to_vec();
        if let Some(owner) = owner {
            end.extend_from_slice(b"<Owner><ID>");
            escape(&mut end, owner.id);
            end.extend_from_slice(b"</ID><DisplayName>");
            escape(&mut end, owner.display_name);
            end.extend_from_slice(b"</DisplayName></Owner>");
        }
        end.extend_from_slice(b"<StorageClass>STANDARD</StorageClass>");
        end.extend_from_slice(if asked.versions() {
            b"</Version>"
        } else {
            b"</Contents>"
        });
        Self {
            asked,
            middle: Middle::new(asked.versions()),
            end,
            objects: Vec::new(),
            prefixes: Vec::new(),
            count: 0,
        }
    }

    /// The document. `next` is the marker or token of the next page, if there is one; `truncated`
    /// says whether there is a next page.
    #[must_use]
    pub fn finish(mut self, truncated: bool, next: Option<&str>) -> ListDocument {
        let mut head = Vec::with_capacity(1024);
        let mut xml = Writer::document(&mut head, self.asked.url);
        xml.begin_root(self.asked.root());
        self.asked.head(&mut xml, self.count, truncated, next);
        if self.objects.is_empty() {
            self.objects = self.prefixes;
        } else {
            self.objects.extend_from_slice(&self.prefixes);
        }
        self.objects.extend_from_slice(if self.asked.versions() {
            b"</ListVersionsResult>"
        } else {
            b"</ListBucketResult>"
        });
        ListDocument {
            head,
            rest: self.objects,
        }
    }
}

impl Shown for ListPage<'_> {
    fn object(&mut self, key: &str, entry: &ObjectEntry) {
        let out = &mut self.objects;
        self.count += 1;
        if self.count == SAMPLE {
            // Keys of a page resemble each other.
            let more = self.asked.max.saturating_sub(SAMPLE);
            out.reserve(more * (out.len() / (SAMPLE - 1) + 16));
        }
        out.extend_from_slice(if self.asked.versions() {
            b"<Version><Key>"
        } else {
            b"<Contents><Key>"
        });
        push_key(out, key, self.asked.url);
        out.extend_from_slice(self.middle.at(entry.modified));
        let mut md5 = [0; 32];
        hex_into(&entry.etag.md5, &mut md5);
        out.extend_from_slice(&md5);
        if entry.etag.parts > 0 {
            out.push(b'-');
            out.extend_from_slice(itoa::Buffer::new().format(entry.etag.parts).as_bytes());
        }
        out.extend_from_slice(b"&quot;</ETag>");
        if let Some(algorithm) = entry.checksum {
            out.extend_from_slice(b"<ChecksumAlgorithm>");
            out.extend_from_slice(checksum::name(algorithm).as_bytes());
            out.extend_from_slice(b"</ChecksumAlgorithm>");
        }
        out.extend_from_slice(b"<Size>");
        out.extend_from_slice(itoa::Buffer::new().format(entry.size).as_bytes());
        out.extend_from_slice(&self.end);
    }

    fn prefix(&mut self, prefix: &str) {
        let out = &mut self.prefixes;
        self.count += 1;
        out.extend_from_slice(b"<CommonPrefixes><Prefix>");
        push_key(out, prefix, self.asked.url);
        out.extend_from_slice(b"</Prefix></CommonPrefixes>");
    }
}

/// What stands between an object's key and its entity tag. It holds the time of the object before:
/// objects that are written together are often listed together.
#[derive(Clone, Debug)]
struct Middle {
    bytes: Vec<u8>,
    /// Where the time is.
    place: Range<usize>,
    /// Which time it is.
    shown: Timestamp,
}

impl Middle {
    fn new(versions: bool) -> Self {
        let mut bytes = b"</Key>".to_vec();
        if versions {
            bytes.extend_from_slice(b"<VersionId>null</VersionId><IsLatest>true</IsLatest>");
        }
        bytes.extend_from_slice(b"<LastModified>");
        let begin = bytes.len();
        bytes.extend_from_slice(&iso8601(Timestamp(0)));
        let place = begin..bytes.len();
        bytes.extend_from_slice(b"</LastModified><ETag>&quot;");
        Self {
            bytes,
            place,
            shown: Timestamp(0),
        }
    }

    fn at(&mut self, time: Timestamp) -> &[u8] {
        if self.shown.seconds() != time.seconds()
            && let Some(text) = self.bytes.get_mut(self.place.clone())
        {
            if same_day(self.shown, time) {
                put_clock(text, time);
            } else {
                text.copy_from_slice(&iso8601(time));
            }
            self.shown = time;
        }
        &self.bytes
    }
}

impl Asked<'_> {
    const fn versions(&self) -> bool {
        matches!(self.listing, Listing::Versions { .. })
    }

    const fn root(&self) -> &'static str {
        if self.versions() {
            "ListVersionsResult"
        } else {
            "ListBucketResult"
        }
    }

    fn head(&self, xml: &mut Writer<'_>, count: usize, truncated: bool, next: Option<&str>) {
        let next = next.filter(|_| truncated);
        xml.text("Name", self.bucket);
        match self.listing {
            // The SDKs decode every name of this listing but its prefix.
            Listing::V1 { .. } => xml.text("Prefix", self.prefix),
            Listing::V2 { .. } | Listing::Versions { .. } => xml.key("Prefix", self.prefix),
        }
        match self.listing {
            Listing::V1 { marker } => {
                xml.key("Marker", marker);
                if let Some(next) = next {
                    xml.key("NextMarker", next);
                }
            }
            Listing::V2 { start_after, token } => {
                xml.number("KeyCount", count as u64);
                xml.optional("ContinuationToken", token);
                if let Some(start_after) = start_after {
                    xml.key("StartAfter", start_after);
                }
                xml.optional("NextContinuationToken", next);
            }
            Listing::Versions {
                key_marker,
                version_marker,
            } => {
                xml.key("KeyMarker", key_marker);
                xml.text("VersionIdMarker", version_marker);
                if let Some(next) = next {
                    xml.key("NextKeyMarker", next);
                    xml.text("NextVersionIdMarker", "null");
                }
            }
        }
        xml.number("MaxKeys", self.max as u64);
        if !self.delimiter.is_empty() {
            xml.key("Delimiter", self.delimiter);
        }
        if self.url {
            xml.text("EncodingType", "url");
        }
        xml.boolean("IsTruncated", truncated);
    }
}
