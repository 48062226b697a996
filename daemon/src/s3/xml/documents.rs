//! The documents S3 answers with, written straight into the response's bytes.

use super::write::Writer;
use crate::base::Timestamp;
use crate::s3::checksum;
use crate::s3::error::S3Error;
use crate::s3::time::format_iso8601;
use crate::store::meta::{Checksum, Pair};

const STANDARD: &str = "STANDARD";

/// A user as shown in documents.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// Canonical id.
    pub id: &'a str,
    /// The name for people.
    pub display_name: &'a str,
}

fn document(url: bool, root: &str, inside: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    Writer::document(&mut out, url).root(root, inside);
    out
}

fn owner_element(xml: &mut Writer<'_>, name: &str, owner: &Owner<'_>) {
    xml.nest(name, |xml| {
        xml.text("ID", owner.id);
        xml.text("DisplayName", owner.display_name);
    });
}

/// A checksum with its type. `parts` is the object's number of parts.
fn checksum_elements(xml: &mut Writer<'_>, checksum: Option<&Checksum>, parts: u32) {
    if let Some(checksum) = checksum.filter(|c| !c.value.is_empty()) {
        let parts = usize::try_from(parts).unwrap_or(usize::MAX);
        xml.text(
            checksum::element(checksum.algorithm),
            &checksum::encode(checksum, parts),
        );
        xml.text("ChecksumType", checksum::kind_name(checksum.kind));
    }
}

/// The checksum of a part.
fn part_checksum(xml: &mut Writer<'_>, checksum: Option<&Checksum>) {
    if let Some(checksum) = checksum.filter(|c| !c.value.is_empty()) {
        xml.text(
            checksum::element(checksum.algorithm),
            &checksum::encode(checksum, 0),
        );
    }
}

/// ListBuckets.
#[must_use]
pub fn list_buckets(
    owner: &Owner<'_>,
    buckets: &[(String, Timestamp)],
    prefix: &str,
    next: Option<&str>,
) -> Vec<u8> {
    document(false, "ListAllMyBucketsResult", |xml| {
        owner_element(xml, "Owner", owner);
        xml.nest("Buckets", |xml| {
            for (name, created) in buckets {
                xml.nest("Bucket", |xml| {
                    xml.text("Name", name);
                    xml.text("CreationDate", &format_iso8601(*created));
                });
            }
        });
        if !prefix.is_empty() {
            xml.text("Prefix", prefix);
        }
        xml.optional("ContinuationToken", next);
    })
}

/// GetBucketLocation: the oldest region has no name.
#[must_use]
pub fn location(region: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::document(&mut out, false).root("LocationConstraint", |xml| {
        if region != "us-east-1" {
            xml.raw(region);
        }
    });
    out
}

/// GetBucketVersioning of a bucket that never had versioning.
#[must_use]
pub fn versioning() -> Vec<u8> {
    document(false, "VersioningConfiguration", |_| {})
}

/// CopyObject.
#[must_use]
pub fn copy_object(etag: &str, modified: Timestamp, checksum: Option<&Checksum>) -> Vec<u8> {
    document(false, "CopyObjectResult", |xml| {
        xml.text("LastModified", &format_iso8601(modified));
        xml.etag(etag);
        checksum_elements(xml, checksum, 0);
    })
}

/// UploadPartCopy.
#[must_use]
pub fn copy_part(etag: &str, modified: Timestamp, checksum: Option<&Checksum>) -> Vec<u8> {
    document(false, "CopyPartResult", |xml| {
        xml.text("LastModified", &format_iso8601(modified));
        xml.etag(etag);
        part_checksum(xml, checksum);
    })
}

/// CreateMultipartUpload.
#[must_use]
pub fn initiate_upload(bucket: &str, key: &str, upload: &str) -> Vec<u8> {
    document(false, "InitiateMultipartUploadResult", |xml| {
        xml.text("Bucket", bucket);
        xml.text("Key", key);
        xml.text("UploadId", upload);
    })
}

/// CompleteMultipartUpload.
#[must_use]
pub fn complete_upload(
    location: &str,
    bucket: &str,
    key: &str,
    etag: &str,
    checksum: Option<&Checksum>,
    parts: u32,
) -> Vec<u8> {
    document(false, "CompleteMultipartUploadResult", |xml| {
        xml.text("Location", location);
        xml.text("Bucket", bucket);
        xml.text("Key", key);
        xml.etag(etag);
        checksum_elements(xml, checksum, parts);
    })
}

/// What POST of an object answers to a form that wants 201.
#[must_use]
pub fn post(location: &str, bucket: &str, key: &str, etag: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    Writer::document(&mut out, false).nest("PostResponse", |xml| {
        xml.text("Location", location);
        xml.text("Bucket", bucket);
        xml.text("Key", key);
        xml.etag(etag);
    });
    out
}

/// A part in ListParts.
#[derive(Clone, Debug)]
pub struct ListedPart {
    /// Its number.
    pub number: u32,
    /// When it was uploaded.
    pub modified: Timestamp,
    /// Entity tag without quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// ListParts.
#[derive(Clone, Debug)]
pub struct PartsPage<'a> {
    /// The bucket's name as asked for.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// The upload.
    pub upload: &'a str,
    /// Whoever owns and began it.
    pub owner: Owner<'a>,
    /// `part-number-marker` as given.
    pub marker: u32,
    /// `max-parts` in force.
    pub max: usize,
    /// Whether there is more.
    pub truncated: bool,
    /// The parts, in order.
    pub parts: &'a [ListedPart],
    /// What the upload announced.
    pub checksum: Option<&'a Checksum>,
}

impl PartsPage<'_> {
    /// The document.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        document(false, "ListPartsResult", |xml| {
            xml.text("Bucket", self.bucket);
            xml.text("Key", self.key);
            xml.text("UploadId", self.upload);
            owner_element(xml, "Initiator", &self.owner);
            owner_element(xml, "Owner", &self.owner);
            xml.text("StorageClass", STANDARD);
            xml.number("PartNumberMarker", u64::from(self.marker));
            let next = self.parts.last().map_or(0, |part| part.number);
            xml.number("NextPartNumberMarker", u64::from(next));
            xml.number("MaxParts", self.max as u64);
            xml.boolean("IsTruncated", self.truncated);
            if let Some(checksum) = self.checksum {
                xml.text("ChecksumAlgorithm", checksum::name(checksum.algorithm));
                xml.text("ChecksumType", checksum::kind_name(checksum.kind));
            }
            for part in self.parts {
                xml.nest("Part", |xml| {
                    xml.number("PartNumber", u64::from(part.number));
                    xml.text("LastModified", &format_iso8601(part.modified));
                    xml.etag(&part.etag);
                    xml.number("Size", part.size);
                    part_checksum(xml, part.checksum.as_ref());
                });
            }
        })
    }
}

/// An upload in ListMultipartUploads.
#[derive(Clone, Debug)]
pub struct ListedUpload {
    /// The key.
    pub key: String,
    /// The upload.
    pub upload: String,
    /// When it began.
    pub started: Timestamp,
}

/// ListMultipartUploads.
#[derive(Clone, Debug)]
pub struct UploadsPage<'a> {
    /// The bucket's name as asked for.
    pub bucket: &'a str,
    /// `prefix` as given.
    pub prefix: &'a str,
    /// `delimiter` as given.
    pub delimiter: &'a str,
    /// `key-marker` as given.
    pub key_marker: &'a str,
    /// `upload-id-marker` as given.
    pub upload_marker: &'a str,
    /// `max-uploads` in force.
    pub max: usize,
    /// Whether keys are percent-encoded.
    pub url: bool,
    /// Whoever owns and began them.
    pub owner: Owner<'a>,
    /// Uploads, in order.
    pub uploads: &'a [ListedUpload],
    /// Common prefixes, in order.
    pub prefixes: &'a [String],
    /// Key and upload markers of the next page, when there is one.
    pub next: Option<(&'a str, &'a str)>,
}

impl UploadsPage<'_> {
    /// The document.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        document(self.url, "ListMultipartUploadsResult", |xml| {
            xml.text("Bucket", self.bucket);
            xml.key("KeyMarker", self.key_marker);
            xml.text("UploadIdMarker", self.upload_marker);
            if let Some((key, upload)) = self.next {
                xml.key("NextKeyMarker", key);
                xml.text("NextUploadIdMarker", upload);
            }
            if !self.prefix.is_empty() {
                xml.key("Prefix", self.prefix);
            }
            if !self.delimiter.is_empty() {
                xml.key("Delimiter", self.delimiter);
            }
            if self.url {
                xml.text("EncodingType", "url");
            }
            xml.number("MaxUploads", self.max as u64);
            xml.boolean("IsTruncated", self.next.is_some());
            for upload in self.uploads {
                xml.nest("Upload", |xml| {
                    xml.key("Key", &upload.key);
                    xml.text("UploadId", &upload.upload);
                    owner_element(xml, "Initiator", &self.owner);
                    owner_element(xml, "Owner", &self.owner);
                    xml.text("StorageClass", STANDARD);
                    xml.text("Initiated", &format_iso8601(upload.started));
                });
            }
            for prefix in self.prefixes {
                xml.nest("CommonPrefixes", |xml| xml.key("Prefix", prefix));
            }
        })
    }
}

/// DeleteObjects: what became of each key, with its version when one was named.
#[must_use]
pub fn delete_result<'a>(
    results: impl IntoIterator<Item = (&'a str, Option<&'a str>, Result<(), S3Error>)>,
    quiet: bool,
) -> Vec<u8> {
    document(false, "DeleteResult", |xml| {
        for (key, version, result) in results {
            match result {
                Ok(()) if quiet => {}
                Ok(()) => xml.nest("Deleted", |xml| {
                    xml.text("Key", key);
                    xml.optional("VersionId", version);
                }),
                Err(error) => xml.nest("Error", |xml| {
                    xml.text("Key", key);
                    xml.optional("VersionId", version);
                    xml.text("Code", error.code.as_str());
                    xml.text("Message", &error.message);
                }),
            }
        }
    })
}

/// GetObjectTagging and GetBucketTagging.
#[must_use]
pub fn tagging(tags: &[Pair]) -> Vec<u8> {
    document(false, "Tagging", |xml| {
        xml.nest("TagSet", |xml| {
            for (key, value) in tags {
                xml.nest("Tag", |xml| {
                    xml.text("Key", key);
                    xml.text("Value", value);
                });
            }
        });
    })
}

/// A predefined group that a canned ACL opens something to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Everybody.
    AllUsers,
    /// Everybody with a signature.
    AuthenticatedUsers,
}

/// GetBucketAcl and GetObjectAcl: the owner's full control, and the rights of groups.
#[must_use]
pub fn access_control(owner: &Owner<'_>, groups: &[(Group, &str)]) -> Vec<u8> {
    const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    document(false, "AccessControlPolicy", |xml| {
        owner_element(xml, "Owner", owner);
        xml.nest("AccessControlList", |xml| {
            xml.nest("Grant", |xml| {
                xml.raw("<Grantee ");
                xml.raw(XSI);
                xml.raw(" xsi:type=\"CanonicalUser\">");
                xml.text("ID", owner.id);
                xml.text("DisplayName", owner.display_name);
                xml.raw("</Grantee>");
                xml.text("Permission", "FULL_CONTROL");
            });
            for (group, right) in groups {
                xml.nest("Grant", |xml| {
                    xml.raw("<Grantee ");
                    xml.raw(XSI);
                    xml.raw(" xsi:type=\"Group\"><URI>http://acs.amazonaws.com/groups/global/");
                    xml.raw(match group {
                        Group::AllUsers => "AllUsers",
                        Group::AuthenticatedUsers => "AuthenticatedUsers",
                    });
                    xml.raw("</URI></Grantee>");
                    xml.text("Permission", right);
                });
            }
        });
    })
}

/// The parts in GetObjectAttributes.
#[derive(Clone, Debug)]
pub struct AttributeParts {
    /// Parts of the object altogether.
    pub total: usize,
    /// `x-amz-part-number-marker` as given.
    pub marker: u32,
    /// `x-amz-max-parts` in force.
    pub max: usize,
    /// Whether there is more.
    pub truncated: bool,
    /// Number, size and checksum of each part of the page.
    pub parts: Vec<(u32, u64, Option<Checksum>)>,
}

/// GetObjectAttributes: only what was asked for is there.
#[derive(Clone, Debug, Default)]
pub struct Attributes<'a> {
    /// Entity tag without quotes.
    pub etag: Option<String>,
    /// The checksum, and the object's number of parts.
    pub checksum: Option<(&'a Checksum, u32)>,
    /// The parts.
    pub parts: Option<AttributeParts>,
    /// Whether to show the storage class.
    pub storage_class: bool,
    /// Bytes.
    pub size: Option<u64>,
}

impl Attributes<'_> {
    /// The document.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        document(false, "GetObjectAttributesResponse", |xml| {
            xml.optional("ETag", self.etag.as_deref());
            if let Some((checksum, parts)) = self.checksum {
                xml.nest("Checksum", |xml| {
                    checksum_elements(xml, Some(checksum), parts)
                });
            }
            if let Some(parts) = &self.parts {
                xml.nest("ObjectParts", |xml| parts.write(xml));
            }
            if self.storage_class {
                xml.text("StorageClass", STANDARD);
            }
            if let Some(size) = self.size {
                xml.number("ObjectSize", size);
            }
        })
    }
}

impl AttributeParts {
    fn write(&self, xml: &mut Writer<'_>) {
        xml.number("PartsCount", self.total as u64);
        xml.number("PartNumberMarker", u64::from(self.marker));
        let next = self.parts.last().map_or(0, |(number, _, _)| *number);
        xml.number("NextPartNumberMarker", u64::from(next));
        xml.number("MaxParts", self.max as u64);
        xml.boolean("IsTruncated", self.truncated);
        for (number, size, checksum) in &self.parts {
            xml.nest("Part", |xml| {
                xml.number("PartNumber", u64::from(*number));
                xml.number("Size", *size);
                part_checksum(xml, checksum.as_ref());
            });
        }
    }
}
