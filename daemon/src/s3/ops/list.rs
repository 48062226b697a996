//! Listings of objects: ListObjects, ListObjectsV2, ListObjectVersions.

use super::response::Response;
use super::{Context, store_error};
use crate::base::BucketId;
use crate::base::codec::{Put, Reader};
use crate::io::{Clock, Disk};
use crate::s3::access::Want;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::list_page::{Page, Query, page};
use crate::s3::place::Place;
use crate::s3::xml::documents::{ListPage, ListedObject, Listing};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a listing found, and its shape.
struct Listed<'a> {
    bucket: Place,
    query: Query<'a>,
    page: Page,
    url: bool,
}

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `GET /bucket`
    pub fn list_objects(&self) -> Result<Response<D>> {
        let bucket = self.bucket(Want::List)?;
        let marker = self.query.get("marker").unwrap_or("");
        let listed = self.walk(bucket, marker)?;
        // S3 gives a next marker only with a delimiter; otherwise the last key serves.
        let next = listed
            .page
            .last
            .clone()
            .filter(|_| !listed.query.delimiter.is_empty());
        self.show(&listed, Listing::V1 { marker }, next.as_deref(), true)
    }

    /// `GET /bucket?list-type=2`
    pub fn list_objects_v2(&self) -> Result<Response<D>> {
        let bucket = self.bucket(Want::List)?;
        let start_after = self.query.get("start-after");
        let token = self.query.get("continuation-token");
        let resumed = match token {
            None | Some("") => None,
            Some(token) => Some(parse_token(token, bucket.id())?),
        };
        let after = resumed.as_deref().or(start_after).unwrap_or("");
        let id = bucket.id();
        let listed = self.walk(bucket, after)?;
        let next = listed.page.last.as_deref().map(|last| make_token(id, last));
        let owner = match self.query.get("fetch-owner") {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(S3Error::argument(
                    "fetch-owner",
                    other,
                    "fetch-owner must be a boolean",
                ));
            }
        };
        self.show(
            &listed,
            Listing::V2 { start_after, token },
            next.as_deref(),
            owner,
        )
    }

    /// `GET /bucket?versions`: every object has one version, `null`.
    pub fn list_object_versions(&self) -> Result<Response<D>> {
        let bucket = self.bucket(Want::List)?;
        let key_marker = self.query.get("key-marker").unwrap_or("");
        let version_marker = self.query.get("version-id-marker").unwrap_or("");
        let listed = self.walk(bucket, key_marker)?;
        let next = listed.page.last.clone();
        let listing = Listing::Versions {
            key_marker,
            version_marker,
        };
        self.show(&listed, listing, next.as_deref(), true)
    }

    fn walk<'q>(&'q self, bucket: Place, after: &'q str) -> Result<Listed<'q>> {
        let query = Query {
            prefix: self.query.get("prefix").unwrap_or(""),
            delimiter: self.query.get("delimiter").unwrap_or(""),
            after,
            max: self.page_size("max-keys")?,
        };
        let url = self.url_encoding()?;
        let mut cursor = bucket.rooted(self.core.objects(bucket.id()));
        let page = page(&mut cursor, &query).map_err(|error| store_error(&error))?;
        Ok(Listed {
            bucket,
            query,
            page,
            url,
        })
    }

    fn show(
        &self,
        listed: &Listed<'_>,
        listing: Listing<'_>,
        next: Option<&str>,
        with_owner: bool,
    ) -> Result<Response<D>> {
        let objects: Vec<ListedObject> = listed
            .page
            .objects
            .iter()
            .map(|(key, entry)| ListedObject {
                key: key.clone(),
                modified: entry.modified,
                etag: entry.etag.to_string(),
                size: entry.size,
                checksum: entry.checksum,
            })
            .collect();
        let owner = if with_owner {
            Some(self.principal_of(&listed.bucket)?)
        } else {
            None
        };
        let document = ListPage {
            bucket: self.bucket_name()?,
            prefix: listed.query.prefix,
            delimiter: listed.query.delimiter,
            max: listed.query.max,
            url: listed.url,
            listing,
            objects: &objects,
            prefixes: &listed.page.prefixes,
            truncated: listed.page.truncated,
            next,
            owner: owner.as_ref().map(super::uploads::Owner::as_xml),
        }
        .document();
        Ok(Response::xml(document))
    }
}

/// A continuation token: the bucket it was made for and the last key shown. Opaque to clients.
fn make_token(bucket: BucketId, last: &str) -> String {
    let mut bytes = Vec::with_capacity(last.len() + 16);
    bytes.put_u64(bucket.0);
    bytes.put_str(last);
    let crc = crc32fast::hash(&bytes);
    bytes.put_u32(crc);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Inverse of [`make_token`]. A token of another bucket is refused: a listing stays on the bucket it
/// began on.
fn parse_token(token: &str, bucket: BucketId) -> Result<String> {
    let invalid = || {
        S3Error::argument(
            "continuation-token",
            token,
            "The continuation token provided is incorrect",
        )
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let (front, crc) = bytes.split_last_chunk::<4>().ok_or_else(invalid)?;
    if crc32fast::hash(front) != u32::from_le_bytes(*crc) {
        return Err(invalid());
    }
    let mut reader = Reader::new(front);
    let made_for = reader.u64().map_err(|_| invalid())?;
    let last = reader.str().map_err(|_| invalid())?;
    if made_for != bucket.0 {
        return Err(S3Error::new(
            ErrorCode::InvalidArgument,
            "The continuation token was made for another bucket of this name.",
        ));
    }
    Ok(last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tokens_round_trip(bucket: u64, last: String) {
            let token = make_token(BucketId(bucket), &last);
            prop_assert_eq!(parse_token(&token, BucketId(bucket)), Ok(last));
            prop_assert!(parse_token(&token, BucketId(bucket ^ 1)).is_err());
        }

        #[test]
        fn made_up_tokens_are_refused(token: String) {
            prop_assert!(parse_token(&token, BucketId(1)).is_err());
        }
    }
}
