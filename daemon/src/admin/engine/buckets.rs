//! Buckets and links.

use super::{Engine, after, cut, odd_reply, page_limit, refuse};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::base::BucketId;
use crate::base::limits::LINK_CHAIN_MAX;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::namespace::{
    CannedAcl, Command, Entry, EntryKind, Link, LinkOptions, LinkStatus as Status, Reply,
    show_place,
};
use chainring_protocol::message::{
    BucketCreate, BucketDelete, BucketDeleted, BucketInfo, BucketLink, BucketList, BucketName,
    LinkInfo, LinkStatus, Page, Versioning,
};
use chainring_protocol::{Failure, ResultCode};

/// A page of links with the longest chains of the longest names stays under the longest reply.
const PAGE_MAX: usize = 500;
/// A bucket with more objects is not counted: that would take the core too long.
const COUNTED_MAX: u64 = 100_000;
/// Objects that are counted before other tasks have their turn.
const TURN: u64 = 1000;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn create_bucket(
        &self,
        caller: &Caller,
        call: BucketCreate,
    ) -> Result<BucketInfo, Failure> {
        refuse(&[
            (call.protected, "protected buckets"),
            (call.quota_in_bytes.is_some(), "quotas"),
            (call.quota_in_namespace.is_some(), "quotas"),
        ])?;
        let owner = self.user_or(caller, call.owner)?;
        let command = Command::CreateBucket {
            volume: call.bucket.volume,
            name: call.bucket.bucket,
            owner,
            acl: CannedAcl::Private,
            object_lock: false,
            protected: false,
            quota_bytes: None,
            quota_namespace: None,
        };
        self.created(command).await
    }

    pub(super) async fn create_link(
        &self,
        caller: &Caller,
        call: BucketLink,
    ) -> Result<BucketInfo, Failure> {
        refuse(&[
            (call.read_only, "read-only links"),
            (call.prefix.is_some(), "links to a prefix"),
            (call.expires.is_some(), "links that expire"),
            (call.bind_id, "links bound to a bucket's number"),
            (call.delegate, "delegated links"),
        ])?;
        let owner = self.user_or(caller, call.owner)?;
        let command = Command::CreateLink {
            source: (call.source.volume, call.source.bucket),
            volume: call.link.volume,
            name: call.link.bucket,
            owner,
            strict: call.strict,
            options: LinkOptions::default(),
        };
        self.created(command).await
    }

    async fn created(&self, command: Command) -> Result<BucketInfo, Failure> {
        match self.apply(command).await? {
            Reply::Entry(entry) => self.shown(&entry),
            _ => Err(odd_reply()),
        }
    }

    pub(super) async fn bucket_info(&self, name: &BucketName) -> Result<BucketInfo, Failure> {
        let entry = self.entry(name)?;
        let mut info = self.shown(&entry)?;
        if let Some(bucket) = entry.bucket()
            && let Some((objects, bytes)) = self.count_objects(bucket.id).await?
        {
            info.used_namespace = Some(objects);
            info.used_bytes = Some(bytes);
        }
        Ok(info)
    }

    pub(super) fn list_buckets(&self, call: &BucketList) -> Result<Page<BucketInfo>, Failure> {
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
        let entries = page.entries.iter().map(|entry| self.shown(entry));
        Ok(Page {
            entries: entries.collect::<Result<_, _>>()?,
            more: page.more,
        })
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
                        format!(
                            "bucket {} is not empty",
                            show_place(&entry.volume, &entry.name)
                        ),
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
    fn entry(&self, name: &BucketName) -> Result<Entry, Failure> {
        let found = self
            .names()
            .entry(&name.volume, &name.bucket)
            .map_err(failure::of_read)?;
        if let Some(entry) = found {
            return Ok(entry);
        }
        self.expect_volume(&name.volume)?;
        Err(Failure::new(
            ResultCode::BucketNotFound,
            format!("bucket {name} not found"),
        ))
    }

    fn shown(&self, entry: &Entry) -> Result<BucketInfo, Failure> {
        let link = entry.link().map(|link| self.shown_link(entry, link));
        Ok(BucketInfo {
            bucket: BucketName::new(entry.volume.as_str(), entry.name.as_str()),
            owner: entry.owner.to_string(),
            created: entry.created.0,
            modified: entry.modified.0,
            id: entry.bucket().map_or(0, |bucket| bucket.id.0),
            link: link.transpose()?,
            versioning: Versioning::Unversioned,
            used_bytes: None,
            used_namespace: None,
            quota_in_bytes: None,
            quota_in_namespace: None,
            protected: false,
        })
    }

    fn shown_link(&self, entry: &Entry, link: &Link) -> Result<LinkInfo, Failure> {
        let source = BucketName::new(link.source_volume.as_str(), link.source_bucket.as_str());
        let resolution = &link.resolution;
        let end = BucketName::new(resolution.volume.as_str(), resolution.bucket.as_str());
        let start = BucketName::new(entry.volume.as_str(), entry.name.as_str());
        Ok(LinkInfo {
            chain: self.chain(start, source.clone())?,
            source,
            status: match resolution.status {
                Status::Ok => LinkStatus::Ok,
                Status::Dangling => LinkStatus::Dangling,
                Status::Loop => LinkStatus::Loop,
                Status::TooDeep => LinkStatus::TooDeep,
                Status::Expired => LinkStatus::Expired,
            },
            resolved: resolution.target.is_some().then_some(end),
            generation: 1,
            read_only: false,
            prefix: None,
            expires: None,
            bind: None,
            delegate: None,
            stats: None,
        })
    }

    /// Every name on the way, as far as the way goes; a loop ends with the name met again.
    fn chain(&self, start: BucketName, source: BucketName) -> Result<Vec<BucketName>, Failure> {
        let mut chain = vec![start];
        let mut next = Some(source);
        while let Some(name) = next.take() {
            let again = chain.contains(&name);
            if !again && chain.len() <= LINK_CHAIN_MAX {
                let found = self
                    .names()
                    .entry(&name.volume, &name.bucket)
                    .map_err(failure::of_read)?;
                next = found.as_ref().and_then(Entry::link).map(|link| {
                    BucketName::new(link.source_volume.as_str(), link.source_bucket.as_str())
                });
            }
            chain.push(name);
        }
        Ok(chain)
    }

    /// Objects and bytes of a bucket, unless there are too many.
    async fn count_objects(&self, bucket: BucketId) -> Result<Option<(u64, u64)>, Failure> {
        let (mut objects, mut bytes) = (0, 0u64);
        let mut cursor = self.core.objects(bucket);
        while let Some((_, entry)) = cursor
            .next_object()
            .map_err(|error| failure::of_store(&error))?
        {
            objects += 1;
            bytes = bytes.saturating_add(entry.size);
            if objects > COUNTED_MAX {
                return Ok(None);
            }
            if objects % TURN == 0 {
                yield_now().await;
            }
        }
        Ok(Some((objects, bytes)))
    }
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
    let names = dangling.iter();
    Ok(BucketDeleted {
        link,
        dangling: names
            .map(|(volume, name)| BucketName::new(volume.as_str(), name.as_str()))
            .collect(),
        more: dangling_count > shown,
    })
}
