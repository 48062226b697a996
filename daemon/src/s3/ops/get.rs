//! GET and HEAD of an object.

use super::Context;
use super::response::{Payload, Response};
use crate::http::Rendered;
use crate::io::{Clock, Disk};
use crate::s3::checksum;
use crate::s3::conditions::{self, Outcome};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::keys::Key;
use crate::s3::place::Place;
use crate::s3::range::{self, Requested};
use crate::s3::rights::{self, Need};
use crate::s3::route::Operation;
use crate::s3::stored::DEFAULT_CONTENT_TYPE;
use crate::store::meta::{Checksum, ChecksumKind, ContentHeader};
use crate::store::record::{Body, PartRef};
use crate::store::{Object, ObjectRecord};
use std::ops::Range;
use std::rc::Rc;

/// Response headers that a query parameter may override, and the stored header behind each.
const OVERRIDES: [(&str, &str, ContentHeader); 6] = [
    ("response-content-type", "Content-Type", ContentHeader::Type),
    (
        "response-content-encoding",
        "Content-Encoding",
        ContentHeader::Encoding,
    ),
    (
        "response-content-language",
        "Content-Language",
        ContentHeader::Language,
    ),
    (
        "response-content-disposition",
        "Content-Disposition",
        ContentHeader::Disposition,
    ),
    (
        "response-cache-control",
        "Cache-Control",
        ContentHeader::CacheControl,
    ),
    ("response-expires", "Expires", ContentHeader::Expires),
];

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `GET /bucket/key`
    pub async fn get_object(&self) -> Result<Response<D>> {
        self.read_object(true).await
    }

    /// `HEAD /bucket/key`
    pub async fn head_object(&self) -> Result<Response<D>> {
        self.read_object(false).await
    }

    async fn read_object(&self, with_body: bool) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let key = bucket.key(self.key()?)?;
        self.check_overrides()?;
        self.check_version()?;
        let opened = self.object(&bucket, &key, Need::Content).await?;
        let (entry, object) = (&opened.entry, &opened.object);
        let record = &object.record;
        match conditions::read(&self.head, &entry.etag, entry.modified) {
            Outcome::Proceed => {}
            Outcome::NotModified => {
                return Ok(Response::empty(304)
                    .with_etag(entry.etag)
                    .with_modified(entry.modified));
            }
            Outcome::Failed => return Err(ErrorCode::PreconditionFailed.into()),
        }
        let wanted = self.wanted_range(record)?;
        let mut response = self.describe(&bucket, &key, object, &wanted)?;
        let length = wanted.bytes.end - wanted.bytes.start;
        response.payload = if with_body {
            let reader = self.core.reader_of(bucket.id(), key.as_bytes());
            let cache = Some(self.core.cache().clone());
            Payload::Stream(reader.body(&opened, wanted.bytes, cache), length)
        } else {
            Payload::Length(length)
        };
        Ok(response)
    }

    /// Which bytes the request wants, by range or part number.
    fn wanted_range(&self, record: &ObjectRecord) -> Result<Wanted> {
        let size = record.size;
        let range_header = self.head.0.header("range");
        let Some(number) = self.query.number("partNumber")? else {
            return Ok(match range::parse(range_header, size)? {
                Requested::Whole => Wanted::plain(0..size, false),
                Requested::Bytes(bytes) => Wanted::plain(bytes, true),
            });
        };
        if range_header.is_some() {
            return Err(S3Error::new(
                ErrorCode::InvalidRequest,
                "Cannot specify both Range header and partNumber query parameter.",
            ));
        }
        let Body::Parts(parts) = &record.body else {
            return if number == 1 {
                Ok(Wanted::plain(0..size, size > 0))
            } else {
                Err(invalid_part_number())
            };
        };
        let (bytes, part) = part_of(parts, number).ok_or_else(invalid_part_number)?;
        let part = Some(part.checksum.clone()).filter(|value| !value.is_empty());
        Ok(Wanted {
            bytes,
            partial: true,
            parts: Some(parts.len()),
            part,
        })
    }

    /// Everything but the body.
    fn describe(
        &self,
        bucket: &Place,
        key: &Key<'_>,
        object: &Object,
        wanted: &Wanted,
    ) -> Result<Response<D>> {
        let record = &object.record;
        let overridden = OVERRIDES.iter().any(|(name, ..)| self.query.has(name));
        let mut response = match overridden {
            true => self.headers_of(record, |parameter| self.query.get(parameter)),
            false => self.kept_headers(object),
        };
        if wanted.partial {
            let last = wanted.bytes.end.saturating_sub(1);
            let range = format!("bytes {}-{last}/{}", wanted.bytes.start, record.size);
            response = response.with("Content-Range", range);
            response.status = 206;
        }
        if let Some(parts) = wanted.parts {
            response = response.with("x-amz-mp-parts-count", parts.to_string());
        }
        // How many tags there are is told only to who may read them.
        let tags = rights::needs(Operation::GetObjectTagging);
        if !record.meta.tags.is_empty()
            && self.check_object(bucket, key, &record.meta, tags).is_ok()
        {
            response = response.with("x-amz-tagging-count", record.meta.tags.len().to_string());
        }
        Ok(self.describe_checksum(record, wanted, response))
    }

    /// The headers of an object as they were stored: written out once and kept with the object.
    fn kept_headers(&self, object: &Object) -> Response<D> {
        let mut response = Response::empty(200);
        response.rendered = object.noted();
        if response.rendered.is_some() {
            return response;
        }
        response = self.headers_of(&object.record, |_| None);
        // Headers that cannot be sent are refused where they are sent.
        if let Some(rendered) = Rendered::new(&response.headers) {
            let rendered = Rc::new(rendered);
            object.note(rendered.clone());
            response.headers.clear();
            response.rendered = Some(rendered);
        }
        response
    }

    /// The headers that an object has, whoever asks, but for those that the request overrides.
    fn headers_of<'q>(
        &self,
        record: &ObjectRecord,
        overriding: impl Fn(&str) -> Option<&'q str>,
    ) -> Response<D> {
        let mut response = Response::empty(200)
            .with_etag(record.etag)
            .with_modified(record.modified)
            .with("Accept-Ranges", "bytes");
        for (parameter, name, header) in OVERRIDES {
            let stored = record.meta.header(header);
            let default = (header == ContentHeader::Type).then_some(DEFAULT_CONTENT_TYPE);
            response = match overriding(parameter) {
                Some(value) => response.with(name, value),
                None => match stored.or(default) {
                    Some(value) => response.with_stored(name, value),
                    None => response,
                },
            };
        }
        response = response.with_some(
            "x-amz-website-redirect-location",
            record.meta.header(ContentHeader::WebsiteRedirect),
        );
        for (name, value) in &record.meta.user {
            response = response.with_stored(format!("x-amz-meta-{name}"), value);
        }
        response
    }

    /// The checksum is returned on request (`x-amz-checksum-mode: ENABLED`): with the whole object
    /// its own, with a part that part's. Of any other range it would say nothing.
    fn describe_checksum(
        &self,
        record: &ObjectRecord,
        wanted: &Wanted,
        response: Response<D>,
    ) -> Response<D> {
        let asked = self
            .head
            .0
            .header("x-amz-checksum-mode")
            .is_some_and(|mode| mode.eq_ignore_ascii_case(b"enabled"));
        let Some(checksum) = record.meta.checksum.as_ref().filter(|_| asked) else {
            return response;
        };
        let shown = if let Some(part) = &wanted.part {
            let kind = ChecksumKind::FullObject;
            checksum::encode(
                &Checksum {
                    kind,
                    value: part.clone(),
                    ..checksum.clone()
                },
                0,
            )
        } else if wanted.bytes == (0..record.size) {
            let parts = usize::try_from(record.etag.parts).unwrap_or(usize::MAX);
            checksum::encode(checksum, parts)
        } else {
            return response;
        };
        response
            .with(checksum::header(checksum.algorithm), shown)
            .with("x-amz-checksum-type", checksum::kind_name(checksum.kind))
    }

    /// Overrides are for signed requests only: an anonymous link must not choose content types. They
    /// become headers, so they may hold what headers may hold.
    fn check_overrides(&self) -> Result<()> {
        let mut any = false;
        for (parameter, ..) in OVERRIDES {
            let Some(value) = self.query.get(parameter) else {
                continue;
            };
            any = true;
            if value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
                let message = "A header cannot have this value.";
                return Err(S3Error::argument(parameter, value, message));
            }
        }
        if any && self.caller.user().is_err() {
            return Err(S3Error::new(
                ErrorCode::InvalidRequest,
                "Request specific response headers cannot be used for anonymous GET requests.",
            ));
        }
        Ok(())
    }

    /// The only version there is so far is `null`.
    pub(super) fn check_version(&self) -> Result<()> {
        match self.query.get("versionId") {
            None | Some("null") => Ok(()),
            Some("") => Err(S3Error::argument(
                "versionId",
                "",
                "Version id cannot be the empty string",
            )),
            Some(other) => Err(S3Error::argument(
                "versionId",
                other,
                "Invalid version id specified",
            )),
        }
    }
}

/// Which bytes a request gets.
struct Wanted {
    bytes: Range<u64>,
    partial: bool,
    /// Parts of the object, when one of them was asked for.
    parts: Option<usize>,
    /// That part's checksum.
    part: Option<Vec<u8>>,
}

impl Wanted {
    const fn plain(bytes: Range<u64>, partial: bool) -> Self {
        Self {
            bytes,
            partial,
            parts: None,
            part: None,
        }
    }
}

fn invalid_part_number() -> S3Error {
    ErrorCode::InvalidPart.into()
}

/// The n-th part (by its place in the object, from 1) and where it lies.
fn part_of(parts: &[PartRef], number: u32) -> Option<(Range<u64>, &PartRef)> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    let part = parts.get(index)?;
    let start: u64 = parts.iter().take(index).map(|p| p.size).sum();
    Some((start..start + part.size, part))
}
