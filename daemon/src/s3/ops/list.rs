//! Listings of objects: ListObjects, ListObjectsV2, ListObjectVersions.

use super::response::Response;
use super::{Context, store_error};
use crate::base::BucketId;
use crate::base::codec::{Put, Reader};
use crate::index::Visit;
use crate::io::{Clock, Disk};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::list_page::{Query, page};
use crate::s3::place::Place;
use crate::s3::xml::listing::{Asked, ListPage, Listing};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `GET /bucket`
    pub fn list_objects(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let marker = self.query.get("marker").unwrap_or("");
        self.list(
            &bucket,
            Listing::V1 { marker },
            marker,
            true,
            |asked, last| {
                // S3 gives a next marker only with a delimiter; otherwise the last key serves.
                Some(last).filter(|_| !asked.delimiter.is_empty())
            },
        )
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
        let listing = Listing::V2 { start_after, token };
        self.list(&bucket, listing, after, owner, |_, last| {
            let (bucket, root) = (bucket.id(), root_of(bucket.prefix()));
            Some(Resumed { bucket, root, last }.token())
        })
    }

    /// `GET /bucket?versions`: every object has one version, `null`.
    pub fn list_object_versions(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let key_marker = self.query.get("key-marker").unwrap_or("");
        let version_marker = self.query.get("version-id-marker").unwrap_or("");
        let listing = Listing::Versions {
            key_marker,
            version_marker,
        };
        self.list(&bucket, listing, key_marker, true, |_, last| Some(last))
    }

    /// A page of what comes after `after`. When there is more, `next` makes the next page's marker
    /// or token of the last key or common prefix shown.
    fn list(
        &self,
        bucket: &Place,
        listing: Listing<'_>,
        after: &str,
        with_owner: bool,
        next: impl FnOnce(&Asked<'_>, String) -> Option<String>,
    ) -> Result<Response<D>> {
        let asked = Asked {
            bucket: self.bucket_name()?,
            prefix: self.query.get("prefix").unwrap_or(""),
            delimiter: self.query.get("delimiter").unwrap_or(""),
            max: self.page_size("max-keys")?,
            url: self.url_encoding()?,
            listing,
        };
        let owner = if with_owner {
            Some(self.principal(&bucket.entry_owner)?)
        } else {
            None
        };
        let owner = owner.as_ref().map(super::uploads::Owner::as_xml);
        let mut shown = ListPage::new(asked, owner.as_ref());
        let query = Query {
            prefix: asked.prefix,
            delimiter: asked.delimiter,
            after,
            max: asked.max,
        };
        let visit = Visit::begin();
        let mut walk = bucket.rooted(self.core.objects(&visit, bucket.id()));
        let last = page(&mut walk, &query, &mut shown).map_err(|error| store_error(&error))?;
        let truncated = last.is_some();
        let next = last.and_then(|last| next(&asked, last));
        Ok(Response::listing(shown.finish(truncated, next.as_deref())))
    }
}

/// Where a listing goes on. Clients get it as an opaque token. A listing stays on the bucket, and on
/// the prefix of it, on which it began, whatever source the link has been given since. The token says
/// where to look, not what may be done there: that bucket must be one that the name leads to or has
/// led to, and the caller must have the right to list it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
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
    /// The token, as clients get it.
    #[must_use]
    pub fn token(&self) -> String {
        let mut bytes = Vec::with_capacity(self.last.len() + 20);
        bytes.put_u64(self.bucket.0);
        bytes.put_u32(self.root);
        bytes.put_str(&self.last);
        let crc = crc32fast::hash(&bytes);
        bytes.put_u32(crc);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Inverse of [`Resumed::token`].
    pub fn parse(token: &str) -> Result<Self> {
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
