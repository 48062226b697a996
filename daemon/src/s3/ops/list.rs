//! Listings of objects: ListObjects, ListObjectsV2, ListObjectVersions.

use super::response::Response;
use super::{Context, store_error};
use crate::base::BucketId;
use crate::base::codec::{Put, Reader};
use crate::io::{Clock, Disk};
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
        let bucket = self.bucket()?;
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
        let start_after = self.query.get("start-after");
        let token = self.query.get("continuation-token");
        let resumed = token.filter(|token| !token.is_empty()).map(Resumed::parse);
        let bucket = match &resumed {
            Some(Ok(from)) => {
                self.bucket_of(from.bucket, |place| root_of(place.prefix()) == from.root)?
            }
            Some(Err(_)) | None => self.bucket()?,
        };
        let resumed = resumed.transpose()?;
        if let Some(from) = &resumed
            && (from.bucket != bucket.id() || from.root != root_of(bucket.prefix()))
        {
            return Err(S3Error::new(
                ErrorCode::InvalidArgument,
                "The continuation token was made for another bucket of this name.",
            ));
        }
        let after = resumed.as_ref().map(|from| from.last.as_str());
        let after = after.or(start_after).unwrap_or("");
        let listed = self.walk(bucket, after)?;
        let next = listed.page.last.as_ref().map(|last| {
            Resumed {
                bucket: listed.bucket.id(),
                root: root_of(listed.bucket.prefix()),
                last: last.clone(),
            }
            .token()
        });
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
        let bucket = self.bucket()?;
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
            Some(self.principal(&listed.bucket.entry_owner)?)
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

/// Where a listing goes on. Clients get it as an opaque token. A listing stays on the bucket, and on
/// the prefix of it, on which it began, whatever source the link has been given since. The token says
/// where to look, not what may be done there: that bucket must be one that the name leads to or has
/// led to, and the caller must have the right to list it now.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Resumed {
    bucket: BucketId,
    /// Tells the prefix that the link showed.
    root: u32,
    /// The last key shown.
    last: String,
}

/// What stands for a link's prefix in a token: the prefix itself is nothing that clients need to
/// know.
fn root_of(prefix: &str) -> u32 {
    crc32fast::hash(prefix.as_bytes())
}

impl Resumed {
    fn token(&self) -> String {
        let mut bytes = Vec::with_capacity(self.last.len() + 20);
        bytes.put_u64(self.bucket.0);
        bytes.put_u32(self.root);
        bytes.put_str(&self.last);
        let crc = crc32fast::hash(&bytes);
        bytes.put_u32(crc);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Inverse of [`Resumed::token`].
    fn parse(token: &str) -> Result<Self> {
        Self::decode(token).ok_or_else(|| {
            S3Error::argument(
                "continuation-token",
                token,
                "The continuation token provided is incorrect",
            )
        })
    }

    fn decode(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (front, crc) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(front) != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut reader = Reader::new(front);
        let from = Self {
            bucket: BucketId(reader.u64().ok()?),
            root: reader.u32().ok()?,
            last: reader.str().ok()?.to_owned(),
        };
        reader.finish().ok()?;
        Some(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tokens_round_trip(bucket: u64, root: u32, last: String) {
            let from = Resumed { bucket: BucketId(bucket), root, last };
            prop_assert_eq!(Resumed::parse(&from.token()), Ok(from));
        }

        #[test]
        fn made_up_tokens_are_refused(token: String) {
            prop_assert!(Resumed::parse(&token).is_err());
        }
    }
}
