//! Listings of multipart uploads and of their parts.

use super::response::Response;
use super::{Context, key_error, store_error};
use crate::base::limits::LIST_PAGE_MAX;
use crate::base::{BucketId, UploadId};
use crate::io::{Clock, Disk};
use crate::namespace::Name;
use crate::s3::error::{Result, S3Error};
use crate::s3::list_page::rolled_up;
use crate::s3::place::Place;
use crate::s3::xml::documents;
use crate::store::{ETag, UploadEntry};
use std::ops::ControlFlow;

/// A found upload: key, id, entry.
type Found = (String, UploadId, UploadEntry);

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `GET /bucket/key?uploadId`
    pub async fn list_parts(&self) -> Result<Response<D>> {
        let upload = self.upload().await?;
        let (bucket, key) = (&upload.bucket, &upload.key);
        let limit = self.page_size("max-parts")?;
        let after = self.query.number("part-number-marker")?.unwrap_or(0);
        let meta = self.started(&upload).await?;
        let reader = self.core.reader_of(bucket.id(), key.as_bytes());
        let mut parts = reader
            .parts(upload.id, after, limit + 1)
            .map_err(|error| key_error(&error, key))?;
        let truncated = parts.len() > limit;
        parts.truncate(limit);
        let owner = self.principal(&bucket.entry_owner)?;
        let parts: Vec<_> = parts
            .into_iter()
            .map(|(number, part)| documents::ListedPart {
                number,
                modified: part.modified,
                etag: ETag {
                    md5: part.md5,
                    parts: 0,
                }
                .to_string(),
                size: part.size,
                checksum: part.checksum,
            })
            .collect();
        let document = documents::PartsPage {
            bucket: self.bucket_name()?,
            key: key.shown(),
            upload: &upload.id.shown(bucket.id()),
            owner: owner.as_xml(),
            marker: after,
            max: limit,
            truncated,
            parts: &parts,
            checksum: meta.checksum.as_ref(),
        }
        .document();
        Ok(Response::xml(document))
    }

    /// `GET /bucket?uploads`
    pub fn list_multipart_uploads(&self) -> Result<Response<D>> {
        let key_marker = self.query.get("key-marker").unwrap_or("");
        let id_marker = self.query.get("upload-id-marker");
        // Without a key this marker means nothing.
        let id_marker = id_marker.filter(|m| !m.is_empty() && !key_marker.is_empty());
        let marked = id_marker.and_then(UploadId::parse);
        let bucket = match marked {
            Some((_, Some(id))) => self.bucket_of(id, |_| true)?,
            Some((_, None)) | None => self.bucket()?,
        };
        if let (Some(text), None) = (id_marker, marked) {
            let message = "Invalid uploadId marker";
            return Err(S3Error::argument("upload-id-marker", text, message));
        }
        let limit = self.page_size("max-uploads")?;
        let prefix = self.query.get("prefix").unwrap_or("");
        let delimiter = self.query.get("delimiter").unwrap_or("");
        let id_marker = marked.map(|(id, _)| id);
        let url = self.url_encoding()?;
        let mut all = self.uploads_from(&bucket, prefix, key_marker, id_marker)?;
        all.sort_by(|a, b| {
            (a.0.as_bytes(), a.2.started, a.1).cmp(&(b.0.as_bytes(), b.2.started, b.1))
        });
        let (uploads, prefixes, next) =
            page_of(bucket.id(), all, prefix, delimiter, key_marker, limit);
        let owner = self.principal(&bucket.entry_owner)?;
        let document = documents::UploadsPage {
            bucket: self.bucket_name()?,
            prefix,
            delimiter,
            key_marker,
            upload_marker: self.query.get("upload-id-marker").unwrap_or(""),
            max: limit,
            url,
            owner: owner.as_xml(),
            uploads: &uploads,
            prefixes: &prefixes,
            next: next
                .as_ref()
                .map(|(key, upload)| (key.as_str(), upload.as_str())),
        }
        .document();
        Ok(Response::xml(document))
    }

    /// The open uploads behind the markers with this prefix, of all shards, in no order.
    fn uploads_from(
        &self,
        bucket: &Place,
        prefix: &str,
        key_marker: &str,
        id_marker: Option<UploadId>,
    ) -> Result<Vec<Found>> {
        let from = [bucket.prefix(), prefix.max(key_marker)].concat();
        let mut found: Vec<Found> = Vec::new();
        for reader in self.core.readers() {
            reader
                .scan_uploads(bucket.id(), from.as_bytes(), |key, id, entry| {
                    if !key.starts_with(bucket.prefix().as_bytes()) {
                        // The scan began at or behind the prefix.
                        return ControlFlow::Break(());
                    }
                    let Some(key) = bucket.shown(key) else {
                        return ControlFlow::Continue(());
                    };
                    if key.starts_with(prefix) {
                        found.push((key.to_owned(), id, *entry));
                        ControlFlow::Continue(())
                    } else if key < prefix {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })
                .map_err(|error| store_error(&error))?;
        }
        // Of the marker's key, those uploads remain that come after the marker's upload.
        let marker = id_marker.and_then(|id| {
            found
                .iter()
                .find(|f| f.0 == key_marker && f.1 == id)
                .map(|f| (f.2.started, f.1))
        });
        found.retain(|(key, id, entry)| {
            key_marker.is_empty()
                || key.as_str() > key_marker
                || (key == key_marker && marker.is_some_and(|m| (entry.started, *id) > m))
        });
        Ok(found)
    }

    /// A page size from the query: 1,000 by default and at most.
    pub(super) fn page_size(&self, name: &'static str) -> Result<usize> {
        let asked = match self.query.get(name) {
            None | Some("") => return Ok(LIST_PAGE_MAX),
            Some(text) => text.parse::<i64>().map_err(|_| {
                S3Error::argument(
                    name,
                    text,
                    format!("Provided {name} not an integer or within integer range"),
                )
            })?,
        };
        match usize::try_from(asked) {
            Ok(n) if asked <= i64::from(i32::MAX) => Ok(n.min(LIST_PAGE_MAX)),
            _ => {
                let message =
                    format!("Argument {name} must be an integer between 0 and 2147483647");
                Err(S3Error::argument(name, asked.to_string(), message))
            }
        }
    }

    /// Whether keys in the answer are to be percent-encoded.
    pub(super) fn url_encoding(&self) -> Result<bool> {
        match self.query.get("encoding-type") {
            None => Ok(false),
            Some("url") => Ok(true),
            Some(other) => Err(S3Error::argument(
                "encoding-type",
                other,
                "Invalid Encoding Method specified in Request",
            )),
        }
    }

    /// Somebody, for answers that show who it is.
    pub(super) fn principal(&self, name: &Name) -> Result<Owner> {
        let user = self
            .core
            .names()
            .user(name)
            .map_err(|error| super::buckets::namespace_failed(&error))?;
        Ok(user.map_or_else(Owner::default, |user| Owner {
            id: user.id.to_string(),
            display_name: user.display_name,
        }))
    }
}

/// Somebody as shown in answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Owner {
    pub(super) id: String,
    pub(super) display_name: String,
}

impl Owner {
    pub(super) fn as_xml(&self) -> documents::Owner<'_> {
        documents::Owner {
            id: &self.id,
            display_name: &self.display_name,
        }
    }
}

/// Uploads and common prefixes of one page, and the markers of the next.
fn page_of(
    bucket: BucketId,
    all: Vec<Found>,
    prefix: &str,
    delimiter: &str,
    key_marker: &str,
    limit: usize,
) -> (
    Vec<documents::ListedUpload>,
    Vec<String>,
    Option<(String, String)>,
) {
    let mut uploads = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    let mut last = (String::new(), String::new());
    for (key, id, entry) in all {
        let group = rolled_up(&key, prefix, delimiter);
        if group.is_some_and(|g| g <= key_marker || prefixes.last().is_some_and(|p| p == g)) {
            continue;
        }
        if uploads.len() + prefixes.len() == limit {
            return (uploads, prefixes, Some(last).filter(|_| limit > 0));
        }
        match group {
            Some(group) => {
                last = (group.to_owned(), String::new());
                prefixes.push(group.to_owned());
            }
            None => {
                last = (key.clone(), id.shown(bucket));
                let upload = id.shown(bucket);
                uploads.push(documents::ListedUpload {
                    key,
                    upload,
                    started: entry.started,
                });
            }
        }
    }
    (uploads, prefixes, None)
}
