//! Operations on buckets themselves: create, delete, list, and what little there is to know of them.

use super::response::Response;
use super::{Context, store_error};
use crate::base::BucketId;
use crate::io::{Clock, Disk};
use crate::namespace::{
    CannedAcl, Command, EntryKind, NamespaceError, Right, Volume, entry_allows, volume_allows,
};
use crate::s3::access::{Caller, denied};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::path::check_bucket_name;
use crate::s3::xml::{documents, read};

/// Most buckets of one page of ListBuckets.
const PAGE_MAX: usize = 10_000;

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `GET /`: buckets and links of S3's namespace that the caller may see, dangling links too.
    pub fn list_buckets(&self) -> Result<Response<D>> {
        let Caller::User(user) = self.caller else {
            // Nobody in particular owns nothing.
            let nobody = documents::Owner {
                id: "",
                display_name: "",
            };
            return Ok(Response::xml(documents::list_buckets(
                &nobody,
                &[],
                "",
                None,
            )));
        };
        let limit = match self.query.number("max-buckets")? {
            None => PAGE_MAX,
            Some(n) if (1..=10_000).contains(&n) => usize::try_from(n).unwrap_or(PAGE_MAX),
            Some(n) => {
                let message = "Argument max-buckets must be an integer between 1 and 10000";
                return Err(S3Error::argument("max-buckets", n.to_string(), message));
            }
        };
        let volume = self.volume()?;
        // The users of a tenant see what it has; in the volume of all others everybody has a view.
        let all = user.admin
            || (user.tenant.is_some() && volume_allows(&volume, &self.caller.who(), Right::List));
        let volume = volume.name;
        let prefix = self.query.get("prefix").unwrap_or("");
        let mut after = self.query.get("continuation-token").map(str::to_owned);
        let mut shown = Vec::new();
        let mut next = None;
        // Buckets of others are passed over, so that a page may need several looks.
        'pages: loop {
            let page = self
                .core
                .names()
                .list_buckets(volume.as_str(), prefix, after.as_deref(), PAGE_MAX)
                .map_err(|error| namespace_failed(&error))?;
            let full = page.len() == PAGE_MAX;
            for entry in page {
                after = Some(entry.name.to_string());
                if !all && entry.owner != user.name {
                    continue;
                }
                if shown.len() == limit {
                    next = shown.last().map(|(name, _): &(String, _)| name.clone());
                    break 'pages;
                }
                shown.push((entry.name.to_string(), entry.created));
            }
            if !full {
                break;
            }
        }
        let owner = self.principal(&user.name)?;
        Ok(Response::xml(documents::list_buckets(
            &owner.as_xml(),
            &shown,
            prefix,
            next.as_deref(),
        )))
    }

    /// `PUT /bucket`
    pub async fn create_bucket(&self, document: &[u8]) -> Result<Response<D>> {
        let name = self.bucket_name()?;
        check_bucket_name(name)?;
        let user = self.caller.user()?;
        let volume = self.volume()?;
        if !volume_allows(&volume, &self.caller.who(), Right::Create) {
            return Err(denied());
        }
        let acl = super::acl::of_bucket(self.demands.acl);
        let region = &self.settings.region;
        if !document.is_empty() {
            let constraint = read::location_constraint(document)?;
            if constraint.is_some_and(|c| c != *region) {
                return Err(ErrorCode::IllegalLocationConstraintException.into());
            }
        }
        let object_lock = false;
        let command = Command::CreateBucket {
            volume: volume.name.to_string(),
            name: name.to_owned(),
            owner: user.name.to_string(),
            acl,
            object_lock,
            protected: false,
            quota_bytes: None,
            quota_namespace: None,
        };
        match self.apply(command).await? {
            Ok(_) => {}
            Err(NamespaceError::BucketAlreadyExists(_)) => self.recreate(name, acl)?,
            Err(error) => return Err(namespace_error(&error, name)),
        }
        Ok(Response::empty(200).with("Location", format!("/{name}")))
    }

    /// Creating one's own bucket again is fine in us-east-1 and changes nothing.
    fn recreate(&self, name: &str, _acl: CannedAcl) -> Result<()> {
        let user = self.caller.user()?;
        let entry = self
            .core
            .names()
            .entry(self.caller.volume(), name)
            .map_err(|error| namespace_failed(&error))?
            .ok_or(ErrorCode::OperationAborted)?;
        if entry.owner != user.name {
            return Err(S3Error::from(ErrorCode::BucketAlreadyExists).with("BucketName", name));
        }
        if self.settings.region == "us-east-1" {
            Ok(())
        } else {
            Err(S3Error::from(ErrorCode::BucketAlreadyOwnedByYou).with("BucketName", name))
        }
    }

    /// `HEAD /bucket`
    pub fn head_bucket(&self) -> Result<Response<D>> {
        self.bucket()?;
        let region = self.settings.region.as_str();
        Ok(Response::empty(200).with("x-amz-bucket-region", region))
    }

    /// `GET /bucket?location`
    pub fn get_bucket_location(&self) -> Result<Response<D>> {
        self.bucket()?;
        Ok(Response::xml(documents::location(&self.settings.region)))
    }

    /// `GET /bucket?versioning`
    pub fn get_bucket_versioning(&self) -> Result<Response<D>> {
        self.bucket()?;
        Ok(Response::xml(documents::versioning()))
    }

    /// `DELETE /bucket`: of a link, the link alone; of a bucket, only when it is empty.
    pub async fn delete_bucket(&self) -> Result<Response<D>> {
        let name = self.bucket_name()?;
        let entry = self
            .core
            .names()
            .entry(self.caller.volume(), name)
            .map_err(|error| namespace_failed(&error))?
            .ok_or_else(|| S3Error::from(ErrorCode::NoSuchBucket).with("BucketName", name))?;
        let mut judged = entry.clone();
        if let EntryKind::Bucket(bucket) = &mut judged.kind {
            // A canned list is about what is in a bucket.
            bucket.acl = CannedAcl::Private;
        }
        let volume = self.volume()?;
        if !entry_allows(&judged, &volume, &self.caller.who(), Right::Delete) {
            return Err(denied());
        }
        self.check_expected_owner(&entry.owner)?;
        if let Some(bucket) = entry.bucket() {
            return self.delete_empty(bucket.id, name).await;
        }
        let command = Command::DeleteLink {
            volume: volume.name.to_string(),
            name: name.to_owned(),
        };
        let reply = self.apply(command).await?;
        reply
            .map(|_| Response::empty(204))
            .map_err(|error| namespace_error(&error, name))
    }

    /// The volume that is the caller's namespace.
    fn volume(&self) -> Result<Volume> {
        self.core
            .names()
            .volume(self.caller.volume())
            .map_err(|error| namespace_failed(&error))?
            .ok_or_else(denied)
    }

    async fn delete_empty(&self, id: BucketId, name: &str) -> Result<Response<D>> {
        let empty = self
            .core
            .seal_if_empty(id)
            .await
            .map_err(|error| store_error(&error))?;
        if !empty {
            return Err(S3Error::from(ErrorCode::BucketNotEmpty).with("BucketName", name));
        }
        let command = Command::DeleteBucket {
            volume: self.caller.volume().to_owned(),
            name: name.to_owned(),
            expect: id,
        };
        match self.apply(command).await? {
            Ok(_) => Ok(Response::empty(204)),
            Err(error) => {
                self.core
                    .unseal_all(id)
                    .await
                    .map_err(|error| store_error(&error))?;
                Err(namespace_error(&error, name))
            }
        }
    }

    /// Has the namespace's writer apply a command.
    pub(super) async fn apply(
        &self,
        command: Command,
    ) -> Result<std::result::Result<crate::namespace::Reply, NamespaceError>> {
        self.core
            .on_namespace(move |namespace| async move { namespace.apply(command).await })
            .await
            .ok_or_else(|| ErrorCode::ServiceUnavailable.into())
    }
}

/// The S3 error of a refused namespace command.
pub(super) fn namespace_error(error: &NamespaceError, bucket: &str) -> S3Error {
    match error {
        NamespaceError::BucketAlreadyExists(_) => ErrorCode::BucketAlreadyExists.into(),
        NamespaceError::BucketGone(_)
        | NamespaceError::BucketNotFound(_)
        | NamespaceError::VolumeNotFound(_) => S3Error::from(ErrorCode::NoSuchBucket),
        NamespaceError::InvalidBucketName(_) => ErrorCode::InvalidBucketName.into(),
        NamespaceError::BucketIsLinked { .. } => {
            S3Error::new(ErrorCode::BucketNotEmpty, error.to_string())
        }
        NamespaceError::QuotaExceeded(_) => {
            S3Error::new(ErrorCode::QuotaExceeded, error.to_string())
        }
        NamespaceError::TooManyBuckets(_) => ErrorCode::TooManyBuckets.into(),
        NamespaceError::BucketChanged(_) => ErrorCode::OperationAborted.into(),
        other => {
            tracing::error!(bucket, error = %other, "the namespace failed");
            S3Error::from(ErrorCode::InternalError)
        }
    }
    .with("BucketName", bucket)
}

pub(super) fn namespace_failed(error: &impl std::fmt::Display) -> S3Error {
    tracing::error!(%error, "the namespace cannot be read");
    ErrorCode::InternalError.into()
}
