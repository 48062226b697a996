//! Access control lists, as far as canned ones go: private, public-read, public-read-write,
//! authenticated-read and the two that speak of the bucket's owner. Grants are refused, not ignored.

use super::Context;
use super::response::Response;
use crate::io::{Clock, Disk};
use crate::namespace::{CannedAcl as BucketAcl, Command};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::xml::documents;
use crate::store::meta::CannedAcl;

/// What a canned ACL means for a bucket; private when there is none.
pub(super) fn of_bucket(acl: Option<CannedAcl>) -> BucketAcl {
    match acl {
        None | Some(CannedAcl::Private) => BucketAcl::Private,
        Some(CannedAcl::PublicRead) => BucketAcl::PublicRead,
        Some(CannedAcl::PublicReadWrite) => BucketAcl::PublicReadWrite,
        Some(CannedAcl::AuthenticatedRead) => BucketAcl::AuthenticatedRead,
        // Of a bucket these two say nothing that ownership does not say already.
        Some(CannedAcl::BucketOwnerRead | CannedAcl::BucketOwnerFullControl) => BucketAcl::Private,
    }
}

fn group_rights(acl: CannedAcl) -> &'static [(documents::Group, &'static str)] {
    use documents::Group::{AllUsers, AuthenticatedUsers};
    match acl {
        CannedAcl::PublicRead => &[(AllUsers, "READ")],
        CannedAcl::PublicReadWrite => &[(AllUsers, "READ"), (AllUsers, "WRITE")],
        CannedAcl::AuthenticatedRead => &[(AuthenticatedUsers, "READ")],
        CannedAcl::Private | CannedAcl::BucketOwnerRead | CannedAcl::BucketOwnerFullControl => &[],
    }
}

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `GET /bucket?acl`
    pub fn get_bucket_acl(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let owner = self.principal(&bucket.entry_owner)?;
        let acl = match bucket.acl {
            BucketAcl::Private => CannedAcl::Private,
            BucketAcl::PublicRead => CannedAcl::PublicRead,
            BucketAcl::PublicReadWrite => CannedAcl::PublicReadWrite,
            BucketAcl::AuthenticatedRead => CannedAcl::AuthenticatedRead,
        };
        Ok(Response::xml(documents::access_control(
            &owner.as_xml(),
            group_rights(acl),
        )))
    }

    /// `PUT /bucket?acl`
    pub async fn put_bucket_acl(&self, document: &[u8]) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        super::tagging::refuse_link(&bucket)?;
        self.refuse_grants(document)?;
        let acl = of_bucket(self.demands.acl);
        let reply = self
            .apply(Command::SetBucketAcl {
                bucket: bucket.id(),
                acl,
            })
            .await?;
        let name = self.bucket_name()?;
        reply
            .map(|_| Response::empty(200))
            .map_err(|error| super::buckets::namespace_error(&error, name))
    }

    /// `GET /bucket/key?acl`
    pub async fn get_object_acl(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        self.check_version()?;
        let object = self.read(&bucket).await?;
        let owner = self.principal(&bucket.entry_owner)?;
        let rights = group_rights(object.record.meta.acl);
        Ok(Response::xml(documents::access_control(
            &owner.as_xml(),
            rights,
        )))
    }

    /// `PUT /bucket/key?acl`
    pub async fn put_object_acl(&self, document: &[u8]) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        self.check_version()?;
        self.refuse_grants(document)?;
        let acl = self.demands.acl.unwrap_or_default();
        self.change_meta(&bucket, move |meta| meta.acl = acl)
            .await?;
        Ok(Response::empty(200))
    }

    /// A list of grants in the body is not understood yet, so it is refused.
    fn refuse_grants(&self, document: &[u8]) -> Result<()> {
        if document.is_empty() && self.demands.acl.is_some() {
            return Ok(());
        }
        if document.is_empty() {
            return Err(ErrorCode::MissingSecurityHeader.into());
        }
        Err(S3Error::not_implemented("An access control list of grants"))
    }
}
