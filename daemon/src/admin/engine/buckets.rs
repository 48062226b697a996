//! Buckets, and what links have in common with them.

use super::seen::{place, place_of};
use super::{Engine, after, cut, odd_reply, page_limit};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::base::BucketId;
use crate::io::{Clock, Disk};
use crate::namespace::{CannedAcl, Command, Entry, EntryKind, Name, QuotaChange, Reply, Used};
use chainring_protocol::message::{
    BucketClearQuota, BucketCreate, BucketDelete, BucketDeleted, BucketInfo, BucketList,
    BucketName, BucketSetQuota, BucketUpdate, Page, Versioning,
};
use chainring_protocol::{Failure, ResultCode};

/// A page of links with the longest chains of the longest names stays under the longest reply.
pub(super) const PAGE_MAX: usize = 500;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn create_bucket(
        &self,
        caller: &Caller,
        call: BucketCreate,
    ) -> Result<BucketInfo, Failure> {
        let owner = self.owner_or(caller, &call.bucket.volume, call.owner)?;
        let command = Command::CreateBucket {
            volume: call.bucket.volume,
            name: call.bucket.bucket,
            owner,
            acl: CannedAcl::Private,
            object_lock: false,
            protected: call.protected,
            quota_bytes: call.quota_in_bytes,
            quota_namespace: call.quota_in_namespace,
        };
        self.changed(caller, command).await
    }

    /// Has a command done that answers with a bucket or link.
    pub(super) async fn changed(
        &self,
        caller: &Caller,
        command: Command,
    ) -> Result<BucketInfo, Failure> {
        match self.apply(command).await? {
            Reply::Entry(entry) => self.shown(caller, &entry),
            _ => Err(odd_reply()),
        }
    }

    pub(super) async fn bucket_info(
        &self,
        caller: &Caller,
        name: &BucketName,
    ) -> Result<BucketInfo, Failure> {
        let entry = self.entry(name)?;
        let mut info = self.shown(caller, &entry)?;
        if let Some(bucket) = entry.bucket() {
            let used = self.used_by(bucket.id).await?;
            info.used_namespace = Some(used.objects);
            info.used_bytes = Some(used.bytes);
        }
        self.add_stats(std::slice::from_mut(&mut info)).await;
        Ok(info)
    }

    pub(super) fn list_buckets(
        &self,
        caller: &Caller,
        call: &BucketList,
    ) -> Result<Page<BucketInfo>, Failure> {
        self.expect_volume(&call.volume)?;
        let limit = page_limit(&call.page).min(PAGE_MAX);
        let entries = self
            .names()
            .list_buckets(
                &call.volume,
                &call.page.prefix,
                after(&call.page),
                limit + 1,
            )
            .map_err(failure::of_read)?;
        let page = cut(entries, limit);
        let entries = page.entries.iter().map(|entry| self.shown(caller, entry));
        Ok(Page {
            entries: entries.collect::<Result<_, _>>()?,
            more: page.more,
        })
    }

    pub(super) async fn update_bucket(
        &self,
        caller: &Caller,
        call: BucketUpdate,
    ) -> Result<BucketInfo, Failure> {
        let entry = self.entry(&call.bucket)?;
        if call.protected.is_some() {
            refuse_link(&entry, "protection")?;
        }
        if call.expire_uploads.is_some() {
            refuse_link(&entry, "time for uploads")?;
        }
        let mut info = None;
        if let Some(owner) = call.owner {
            let owner = self.user(&owner)?.name.to_string();
            let BucketName { volume, bucket } = call.bucket.clone();
            let command = Command::SetEntryOwner {
                volume,
                name: bucket,
                owner,
            };
            info = Some(self.changed(caller, command).await?);
        }
        if let Some(protected) = call.protected {
            let BucketName { volume, bucket } = call.bucket.clone();
            let command = Command::SetProtected {
                volume,
                name: bucket,
                protected,
            };
            info = Some(self.changed(caller, command).await?);
        }
        if let Some(seconds) = call.expire_uploads {
            let command = Command::SetExpireUploads {
                volume: call.bucket.volume,
                name: call.bucket.bucket,
                seconds,
            };
            info = Some(self.changed(caller, command).await?);
        }
        info.ok_or_else(|| {
            Failure::new(
                ResultCode::InvalidRequest,
                "nothing to update was given: an owner, whether the bucket is protected, or how long \
                 uploads to it may rest",
            )
        })
    }

    pub(super) async fn set_bucket_quota(
        &self,
        caller: &Caller,
        call: BucketSetQuota,
    ) -> Result<BucketInfo, Failure> {
        let quotas = (set(call.bytes), set(call.namespace));
        self.bucket_quota(caller, call.bucket, quotas).await
    }

    pub(super) async fn clear_bucket_quota(
        &self,
        caller: &Caller,
        call: BucketClearQuota,
    ) -> Result<BucketInfo, Failure> {
        let quotas = (clear(call.bytes), clear(call.namespace));
        self.bucket_quota(caller, call.bucket, quotas).await
    }

    async fn bucket_quota(
        &self,
        caller: &Caller,
        name: BucketName,
        (bytes, namespace): (QuotaChange, QuotaChange),
    ) -> Result<BucketInfo, Failure> {
        let entry = self.entry(&name)?;
        refuse_link(&entry, "quota")?;
        expect_change(bytes, namespace)?;
        let used = match entry.bucket() {
            Some(bucket) => Some(self.used_by(bucket.id).await?),
            None => None,
        };
        let command = Command::SetBucketQuota {
            volume: name.volume,
            name: name.bucket,
            bytes,
            namespace,
            used,
        };
        self.changed(caller, command).await
    }

    pub(super) async fn delete_bucket(&self, call: BucketDelete) -> Result<BucketDeleted, Failure> {
        let entry = self.entry(&call.bucket)?;
        let BucketName {
            volume,
            bucket: name,
        } = call.bucket;
        match entry.kind {
            // Only the link: its source is not even looked at.
            EntryKind::Link(_) => {
                let reply = self.apply(Command::DeleteLink { volume, name }).await?;
                deleted(reply, true)
            }
            EntryKind::Bucket(bucket) => {
                let empty = self.core.seal_if_empty(bucket.id).await;
                if !empty.map_err(|error| failure::of_store(&error))? {
                    return Err(Failure::new(
                        ResultCode::BucketNotEmpty,
                        format!("bucket {} is not empty", place_of(&entry)),
                    ));
                }
                let command = Command::DeleteBucket {
                    volume,
                    name,
                    expect: bucket.id,
                };
                match self.apply(command).await {
                    Ok(reply) => deleted(reply, false),
                    Err(refused) => {
                        let unsealed = self.core.unseal_all(bucket.id).await;
                        unsealed.map_err(|error| failure::of_store(&error))?;
                        Err(refused)
                    }
                }
            }
        }
    }

    /// The bucket or link itself.
    pub(super) fn entry(&self, name: &BucketName) -> Result<Entry, Failure> {
        let found = self
            .names()
            .entry(&name.volume, &name.bucket)
            .map_err(failure::of_read)?;
        if let Some(entry) = found {
            return Ok(entry);
        }
        self.expect_volume(&name.volume)?;
        Err(super::rights::no_bucket(name))
    }

    pub(super) fn shown(&self, caller: &Caller, entry: &Entry) -> Result<BucketInfo, Failure> {
        let link = entry
            .link()
            .map(|link| self.shown_link(caller, entry, link));
        let bucket = entry.bucket();
        Ok(BucketInfo {
            bucket: place(entry.volume, entry.name),
            owner: entry.owner.to_string(),
            created: entry.created.0,
            modified: entry.modified.0,
            id: bucket.map_or(0, |bucket| bucket.id.0),
            link: link.transpose()?,
            versioning: Versioning::Unversioned,
            used_bytes: None,
            used_namespace: None,
            quota_in_bytes: bucket.and_then(|bucket| bucket.quota_bytes),
            quota_in_namespace: bucket.and_then(|bucket| bucket.quota_namespace),
            protected: bucket.is_some_and(|bucket| bucket.protected),
            expire_uploads: bucket.and_then(|bucket| bucket.expire_uploads),
        })
    }

    /// Objects and bytes of a bucket.
    pub(super) async fn used_by(&self, bucket: BucketId) -> Result<Used, Failure> {
        let used = self.core.usage(bucket).await;
        used.map(super::used)
            .map_err(|error| failure::of_store(&error))
    }
}

/// What belongs to a bucket cannot be changed on a link to it.
fn refuse_link(entry: &Entry, property: &str) -> Result<(), Failure> {
    match entry.link() {
        None => Ok(()),
        Some(link) => Err(Failure::new(
            ResultCode::NotSupportedOperation,
            format!(
                "{} is a link and has no {property} of its own: set it on its source {}",
                place_of(entry),
                place(link.source_volume, link.source_bucket),
            ),
        )),
    }
}

/// What a missing or given number means to a quota.
pub(super) fn set(quota: Option<u64>) -> QuotaChange {
    quota.map_or(QuotaChange::Keep, QuotaChange::Set)
}

/// What being asked to lift a quota means.
pub(super) const fn clear(asked: bool) -> QuotaChange {
    if asked {
        QuotaChange::Clear
    } else {
        QuotaChange::Keep
    }
}

/// A change of quotas that changes none is a mistake.
pub(super) fn expect_change(bytes: QuotaChange, namespace: QuotaChange) -> Result<(), Failure> {
    if (bytes, namespace) == (QuotaChange::Keep, QuotaChange::Keep) {
        return Err(Failure::new(
            ResultCode::InvalidRequest,
            "no quota was given: of bytes, of the namespace, or both",
        ));
    }
    Ok(())
}

fn deleted(reply: Reply, link: bool) -> Result<BucketDeleted, Failure> {
    let Reply::Deleted {
        dangling,
        dangling_count,
    } = reply
    else {
        return Err(odd_reply());
    };
    let shown = dangling.len() as u64;
    let names = dangling.into_iter();
    Ok(BucketDeleted {
        link,
        dangling: names
            .map(|(volume, name): (Name, Name)| place(volume, name))
            .collect(),
        more: dangling_count > shown,
    })
}
