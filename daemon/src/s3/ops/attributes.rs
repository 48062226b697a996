//! GetObjectAttributes.

use super::Context;
use super::response::Response;
use crate::io::{Clock, Disk};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::rights::Need;
use crate::s3::xml::documents;
use crate::store::Opened;
use crate::store::meta::{Checksum, ChecksumKind};
use crate::store::record::{Body, PartRef};

/// Most parts of one answer.
const PARTS_PAGE_MAX: usize = 1000;
const NAMES: [&str; 5] = [
    "ETag",
    "Checksum",
    "ObjectParts",
    "StorageClass",
    "ObjectSize",
];

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `GET /bucket/key?attributes`
    pub async fn get_object_attributes(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let key = bucket.key(self.key()?)?;
        self.check_version()?;
        let wanted = self.wanted_attributes()?;
        let Opened { entry, object, .. } = self.object(&bucket, &key, Need::Content).await?;
        let record = &object.record;
        let has = |name: &str| wanted.iter().any(|w| w == name);
        let limit = self.header_number("x-amz-max-parts")?.unwrap_or(1000);
        let marker = self.header_number("x-amz-part-number-marker")?.unwrap_or(0);
        let parts = match &record.body {
            Body::Parts(parts) if has("ObjectParts") => {
                Some(page_of(parts, marker, limit, record.meta.checksum.as_ref()))
            }
            _ => None,
        };
        let document = documents::Attributes {
            etag: has("ETag").then(|| entry.etag.to_string()),
            checksum: record
                .meta
                .checksum
                .as_ref()
                .filter(|_| has("Checksum"))
                .map(|checksum| (checksum, entry.etag.parts)),
            parts,
            storage_class: has("StorageClass"),
            size: has("ObjectSize").then_some(record.size),
        }
        .document();
        Ok(Response::xml(document).with_modified(entry.modified))
    }

    fn wanted_attributes(&self) -> Result<Vec<String>> {
        let mut wanted = Vec::new();
        for value in self.head.0.headers_named("x-amz-object-attributes") {
            let text = std::str::from_utf8(value).unwrap_or_default();
            wanted.extend(text.split(',').map(|name| name.trim().to_owned()));
        }
        if wanted.is_empty() || !wanted.iter().all(|w| NAMES.contains(&w.as_str())) {
            return Err(S3Error::argument(
                "x-amz-object-attributes",
                wanted.join(","),
                "Invalid attribute name specified.",
            ));
        }
        Ok(wanted)
    }

    fn header_number(&self, name: &'static str) -> Result<Option<u32>> {
        let Some(value) = self.head.0.header(name) else {
            return Ok(None);
        };
        let number = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        number
            .map(Some)
            .ok_or_else(|| ErrorCode::InvalidArgument.into())
    }
}

/// A page of an object's parts. Parts are listed only with their checksums, as S3 does: without one
/// it gives their number alone.
fn page_of(
    parts: &[PartRef],
    marker: u32,
    limit: u32,
    checksum: Option<&Checksum>,
) -> documents::AttributeParts {
    let max = usize::try_from(limit)
        .unwrap_or(PARTS_PAGE_MAX)
        .min(PARTS_PAGE_MAX);
    let rest = || parts.iter().filter(|part| part.number > marker);
    let shown = rest().take(max).map(|part| {
        let of_part = checksum.map(|c| Checksum {
            algorithm: c.algorithm,
            kind: ChecksumKind::FullObject,
            value: part.checksum.clone(),
        });
        (part.number, part.size, of_part)
    });
    documents::AttributeParts {
        total: parts.len(),
        marker,
        max,
        truncated: rest().count() > max,
        parts: shown.collect(),
    }
}
