//! What a daemon in memory holds.

use super::extras::{Extras, address};
use crate::message::{
    AccessKeyInfo, BucketDeleted, BucketInfo, BucketName, Credentials, Done, Durability, KeyEntry,
    KeyInfo, KeyPut, LinkInfo, LinkStatus, Page, Paging, ShardState, ShardStatus, Status, UserInfo,
    Versioning, VolumeInfo,
};
use crate::operation::{Reply, Request};
use crate::result_code::{Failure, ResultCode};
use crate::secret::Secret;
use std::collections::BTreeMap;

/// 2026-01-02T03:04:05.678Z, the time of everything.
pub(super) const NOW: u64 = 1_767_323_045_678;

/// A reply, or why there is none.
pub type Outcome<T> = Result<T, Failure>;

/// Volumes, buckets, links, users and keys in memory, without any rules about names.
pub struct FakeStore {
    volumes: BTreeMap<String, String>,
    /// The source of a link, or the objects of a bucket.
    buckets: BTreeMap<(String, String), Bucket>,
    users: BTreeMap<String, Option<Secret>>,
    pub(super) extras: Extras,
}

enum Bucket {
    Link(BucketName),
    Real(BTreeMap<String, Vec<u8>>),
}

impl Default for FakeStore {
    fn default() -> Self {
        Self {
            volumes: BTreeMap::from([("s3v".to_owned(), "root".to_owned())]),
            buckets: BTreeMap::new(),
            users: BTreeMap::new(),
            extras: Extras::default(),
        }
    }
}

pub(super) fn fail<T>(code: ResultCode, message: impl Into<String>) -> Outcome<T> {
    Err(Failure::new(code, message))
}

fn key_of(name: &BucketName) -> (String, String) {
    (name.volume.clone(), name.bucket.clone())
}

/// The secret that was given, or one that is made and shown.
pub(super) fn chosen(given: Option<Secret>) -> (Secret, Option<Secret>) {
    match given {
        Some(secret) => (secret, None),
        None => {
            let made = Secret::new("generated-secret".to_owned());
            (made.clone(), Some(made))
        }
    }
}

/// The entries of a page out of all names in order.
pub(super) fn page<'a, K: AsRef<str> + 'a, T>(
    names: impl Iterator<Item = K>,
    paging: &Paging,
    entry: impl Fn(&K) -> T,
) -> Page<T> {
    let limit = match paging.limit {
        0 => 1000,
        limit => usize::from(limit),
    };
    let mut names = names
        .filter(|name| name.as_ref().starts_with(&paging.prefix))
        .filter(|name| name.as_ref() > paging.after.as_str());
    let entries = names
        .by_ref()
        .take(limit)
        .map(|name| entry(&name))
        .collect();
    Page {
        entries,
        more: names.next().is_some(),
    }
}

impl FakeStore {
    /// Carries out any request but those of a connection or a stream.
    pub fn call(&mut self, caller: &str, request: Request) -> Outcome<Reply> {
        Ok(match request {
            Request::StatusGet(_) => self.status().into(),
            Request::ScrubGet(_) => self.extras.scrub(None).into(),
            Request::Scrub(call) => self.extras.scrub(Some(call.action)).into(),
            Request::VolumeCreate(call) => {
                if self.volumes.contains_key(&call.name) {
                    return fail(
                        ResultCode::VolumeAlreadyExists,
                        format!("volume {} exists already", call.name),
                    );
                }
                let owner = call.owner.unwrap_or_else(|| caller.to_owned());
                let quota = (call.quota_in_bytes, call.quota_in_namespace);
                self.extras.quotas.insert(format!("/{}", call.name), quota);
                self.volumes.insert(call.name.clone(), owner);
                self.volume(&call.name)?.into()
            }
            Request::VolumeInfoGet(call) => self.volume(&call.name)?.into(),
            Request::VolumeList(call) => {
                let names: Vec<_> = self.volumes.keys().cloned().collect();
                let volumes = page(names.iter(), &call.page, |name| self.volume(name));
                Page {
                    entries: volumes.entries.into_iter().collect::<Outcome<Vec<_>>>()?,
                    more: volumes.more,
                }
                .into()
            }
            Request::VolumeDelete(call) => {
                if self.volume(&call.name)?.used_namespace > 0 {
                    return fail(ResultCode::VolumeNotEmpty, "it has buckets");
                }
                self.volumes.remove(&call.name);
                Done {}.into()
            }
            Request::BucketCreate(call) => {
                self.insert(&call.bucket, Bucket::Real(BTreeMap::new()))?;
                self.extras.created(caller, &call);
                self.bucket(&call.bucket)?.into()
            }
            Request::BucketLink(call) => {
                if call.strict && !self.buckets.contains_key(&key_of(&call.source)) {
                    return fail(ResultCode::BucketNotFound, "the source is missing");
                }
                self.insert(&call.link, Bucket::Link(call.source.clone()))?;
                self.extras.linked(caller, &call);
                self.bucket(&call.link)?.into()
            }
            Request::BucketInfoGet(call) => self.bucket(&call.bucket)?.into(),
            Request::BucketList(call) => {
                self.volume(&call.volume)?;
                let names: Vec<_> = self
                    .buckets
                    .keys()
                    .filter(|(volume, _)| *volume == call.volume)
                    .map(|(_, bucket)| bucket.clone())
                    .collect();
                let buckets = page(names.iter(), &call.page, |name| {
                    self.bucket(&BucketName::new(call.volume.as_str(), name.as_str()))
                });
                Page {
                    entries: buckets.entries.into_iter().collect::<Outcome<Vec<_>>>()?,
                    more: buckets.more,
                }
                .into()
            }
            Request::BucketDelete(call) => self.delete_bucket(&call.bucket)?.into(),
            Request::UserCreate(call) => {
                if self.users.contains_key(&call.name) {
                    return fail(
                        ResultCode::UserAlreadyExists,
                        format!("user {} exists already", call.name),
                    );
                }
                let (secret, shown) = chosen(call.secret);
                self.users.insert(call.name.clone(), Some(secret));
                self.extras.groups.insert(call.name.clone(), call.groups);
                Credentials {
                    access_key: call.access_key.unwrap_or_else(|| call.name.clone()),
                    user: call.name,
                    secret: shown,
                }
                .into()
            }
            Request::UserList(call) => {
                page(self.users.keys(), &call.page, |name| self.user(name)).into()
            }
            Request::UserDelete(call) => match self.users.remove(&call.name) {
                Some(_) => Done {}.into(),
                None => return fail(ResultCode::UserNotFound, format!("no user {}", call.name)),
            },
            Request::S3SecretGet(call) => {
                let user = call.user.unwrap_or_else(|| caller.to_owned());
                let secret = Secret::new("generated-secret".to_owned());
                match self.users.get_mut(&user) {
                    None => return fail(ResultCode::UserNotFound, format!("no user {user}")),
                    Some(Some(_)) if !call.another => {
                        return fail(ResultCode::S3SecretAlreadyExists, "it is not shown again");
                    }
                    Some(held) => *held = Some(secret.clone()),
                }
                Credentials {
                    access_key: user.clone(),
                    user,
                    secret: Some(secret),
                }
                .into()
            }
            Request::S3SecretSet(call) => {
                let user = call.user.unwrap_or_else(|| caller.to_owned());
                let (secret, shown) = chosen(call.secret);
                match self.users.get_mut(&user) {
                    None => return fail(ResultCode::UserNotFound, format!("no user {user}")),
                    Some(held) => *held = Some(secret),
                }
                let until = call.keep_old.map(|seconds| NOW + seconds * 1000);
                self.extras.old_secrets.insert(user.clone(), until);
                Credentials {
                    access_key: call.access_key.unwrap_or_else(|| user.clone()),
                    user,
                    secret: shown,
                }
                .into()
            }
            Request::S3SecretRevoke(call) => {
                let user = call.user.unwrap_or_else(|| caller.to_owned());
                match self.users.get_mut(&user).map(Option::take) {
                    None => return fail(ResultCode::UserNotFound, format!("no user {user}")),
                    Some(None) => return fail(ResultCode::S3SecretNotFound, "there is none"),
                    Some(Some(_)) => Done {}.into(),
                }
            }
            Request::KeyInfoGet(call) => self.get(&call.bucket, &call.key)?.0.into(),
            Request::KeyList(call) => {
                let objects = self.objects(&call.bucket)?;
                page(objects.keys(), &call.page, |key| KeyEntry {
                    key: (*key).clone(),
                    size: objects.get(*key).map_or(0, Vec::len) as u64,
                    etag: "0123456789abcdef0123456789abcdef".to_owned(),
                    modified: NOW,
                })
                .into()
            }
            Request::KeyDelete(call) => match self.objects_mut(&call.bucket)?.remove(&call.key) {
                Some(_) => Done {}.into(),
                None => return fail(ResultCode::KeyNotFound, format!("no key {}", call.key)),
            },
            Request::KeyRename(call) => {
                let (_, bytes) = self.get(&call.bucket, &call.from)?;
                let objects = self.objects_mut(&call.bucket)?;
                if objects.contains_key(&call.to) {
                    return fail(ResultCode::KeyAlreadyExists, "it exists already");
                }
                objects.remove(&call.from);
                objects.insert(call.to.clone(), bytes);
                self.get(&call.bucket, &call.to)?.0.into()
            }
            Request::KeyCopy(call) => {
                let (_, bytes) = self.get(&call.from, &call.from_key)?;
                let objects = self.objects_mut(&call.to)?;
                objects.insert(call.to_key.clone(), bytes);
                self.get(&call.to, &call.to_key)?.0.into()
            }
            Request::Hello(_)
            | Request::Authenticate(_)
            | Request::KeyPut(_)
            | Request::KeyGet(_) => return fail(ResultCode::InvalidRequest, "not now"),
            other => return self.call_more(caller, other),
        })
    }

    /// Gives a volume another owner.
    pub(super) fn own_volume(&mut self, name: &str, owner: String) {
        self.volumes.insert(name.to_owned(), owner);
    }

    /// Every bucket and link.
    pub(super) fn names(&self) -> Vec<BucketName> {
        let names = self.buckets.keys();
        names
            .map(|(volume, name)| BucketName::new(volume.as_str(), name.as_str()))
            .collect()
    }

    /// Points a link elsewhere.
    pub(super) fn point(&mut self, link: &BucketName, source: BucketName) {
        self.buckets.insert(key_of(link), Bucket::Link(source));
    }

    /// Describes a user.
    pub(super) fn user(&self, name: &str) -> UserInfo {
        let has_secret = self.users.get(name).is_some_and(Option::is_some);
        let key = AccessKeyInfo {
            access_key: name.to_owned(),
            tenant: None,
            old_secret_until: self.extras.old_secrets.get(name).copied().flatten(),
        };
        UserInfo {
            name: name.to_owned(),
            id: "ab".repeat(32),
            access_keys: has_secret.then_some(key).into_iter().collect(),
            admin: false,
            groups: self.extras.groups.get(name).cloned().unwrap_or_default(),
            created: NOW,
        }
    }

    /// Whether there is such a user.
    pub(super) fn has_user(&self, name: &str) -> bool {
        self.users.contains_key(name)
    }

    /// Describes a volume.
    pub(super) fn volume(&self, name: &str) -> Outcome<VolumeInfo> {
        let Some(owner) = self.volumes.get(name) else {
            return fail(ResultCode::VolumeNotFound, format!("no volume {name}"));
        };
        let used = self.buckets.keys().filter(|(volume, _)| volume == name);
        let quota = self.extras.quota(&format!("/{name}"));
        Ok(VolumeInfo {
            name: name.to_owned(),
            owner: owner.clone(),
            created: NOW,
            modified: NOW,
            used_namespace: used.count() as u64,
            used_bytes: None,
            quota_in_bytes: quota.0,
            quota_in_namespace: quota.1,
            tenant: self.extras.tenants.contains_key(name),
            references: u32::from(self.extras.tenants.contains_key(name)),
        })
    }

    fn insert(&mut self, name: &BucketName, bucket: Bucket) -> Outcome<()> {
        self.volume(&name.volume)?;
        if self.buckets.contains_key(&key_of(name)) {
            return fail(
                ResultCode::BucketAlreadyExists,
                format!("{name} exists already"),
            );
        }
        self.buckets.insert(key_of(name), bucket);
        Ok(())
    }

    /// Describes a bucket or link.
    pub(super) fn bucket(&self, name: &BucketName) -> Outcome<BucketInfo> {
        let Some(bucket) = self.buckets.get(&key_of(name)) else {
            return fail(ResultCode::BucketNotFound, format!("no bucket {name}"));
        };
        let (link, used_bytes, used_namespace) = match bucket {
            Bucket::Link(source) => {
                let there = self.buckets.contains_key(&key_of(source));
                let mut link = LinkInfo {
                    source: source.clone(),
                    status: if there {
                        LinkStatus::Ok
                    } else {
                        LinkStatus::Dangling
                    },
                    resolved: there.then(|| source.clone()),
                    chain: vec![name.clone(), source.clone()],
                    generation: 1,
                    read_only: false,
                    prefix: None,
                    expires: None,
                    bind: None,
                    delegate: None,
                    stats: None,
                };
                self.extras.describe(name, &mut link);
                (Some(link), None, None)
            }
            Bucket::Real(objects) => {
                let bytes = objects.values().map(|bytes| bytes.len() as u64).sum();
                (None, Some(bytes), Some(objects.len() as u64))
            }
        };
        let quota = self.extras.quota(&address(name));
        Ok(BucketInfo {
            bucket: name.clone(),
            owner: self.extras.owner(name),
            created: NOW,
            modified: NOW,
            id: u64::from(link.is_none()),
            link,
            versioning: Versioning::Unversioned,
            used_bytes,
            used_namespace,
            quota_in_bytes: quota.0,
            quota_in_namespace: quota.1,
            protected: self.extras.protected.contains(&address(name)),
            expire_uploads: self.extras.patience.get(&address(name)).copied(),
        })
    }

    fn delete_bucket(&mut self, name: &BucketName) -> Outcome<BucketDeleted> {
        let info = self.bucket(name)?;
        if info.used_namespace.is_some_and(|objects| objects > 0) {
            return fail(ResultCode::BucketNotEmpty, format!("{name} has objects"));
        }
        self.buckets.remove(&key_of(name));
        let dangling = self
            .buckets
            .iter()
            .filter(|(_, entry)| matches!(entry, Bucket::Link(source) if source == name))
            .map(|((volume, bucket), _)| BucketName::new(volume.as_str(), bucket.as_str()));
        Ok(BucketDeleted {
            link: info.link.is_some(),
            dangling: dangling.collect(),
            more: false,
        })
    }

    /// Follows a link once.
    pub fn resolve(&self, name: &BucketName) -> Outcome<BucketName> {
        self.volume(&name.volume)?;
        match self.buckets.get(&key_of(name)) {
            None => fail(ResultCode::BucketNotFound, format!("no bucket {name}")),
            Some(Bucket::Real(_)) => Ok(name.clone()),
            Some(Bucket::Link(source)) if self.buckets.contains_key(&key_of(source)) => {
                Ok(source.clone())
            }
            Some(Bucket::Link(source)) => fail(
                ResultCode::BucketNotFound,
                format!("{name} is a link to {source}, which does not exist"),
            ),
        }
    }

    fn objects(&self, name: &BucketName) -> Outcome<&BTreeMap<String, Vec<u8>>> {
        match self.buckets.get(&key_of(&self.resolve(name)?)) {
            Some(Bucket::Real(objects)) => Ok(objects),
            _ => fail(ResultCode::DetectedLoopInBucketLinks, "one hop only"),
        }
    }

    fn objects_mut(&mut self, name: &BucketName) -> Outcome<&mut BTreeMap<String, Vec<u8>>> {
        match self.buckets.get_mut(&key_of(&self.resolve(name)?)) {
            Some(Bucket::Real(objects)) => Ok(objects),
            _ => fail(ResultCode::DetectedLoopInBucketLinks, "one hop only"),
        }
    }

    /// Writes a key.
    pub fn put(&mut self, put: &KeyPut, bytes: Vec<u8>) -> Outcome<Reply> {
        if put.size.is_some_and(|size| size != bytes.len() as u64) {
            return fail(ResultCode::InvalidRequest, "another number of bytes came");
        }
        self.objects_mut(&put.bucket)?
            .insert(put.key.clone(), bytes);
        Ok(self.get(&put.bucket, &put.key)?.0.into())
    }

    /// Reads a key.
    pub fn get(&self, bucket: &BucketName, key: &str) -> Outcome<(KeyInfo, Vec<u8>)> {
        let Some(bytes) = self.objects(bucket)?.get(key) else {
            return fail(ResultCode::KeyNotFound, format!("no key {key}"));
        };
        let info = KeyInfo {
            bucket: bucket.clone(),
            key: key.to_owned(),
            size: bytes.len() as u64,
            etag: "0123456789abcdef0123456789abcdef".to_owned(),
            modified: NOW,
            content_type: None,
            version: None,
            metadata: Vec::new(),
        };
        Ok((info, bytes.clone()))
    }

    fn status(&self) -> Status {
        let links = self
            .buckets
            .values()
            .filter(|bucket| matches!(bucket, Bucket::Link(_)))
            .count() as u64;
        Status {
            version: "0.0.0".to_owned(),
            store: [7; 16],
            pid: 42,
            uptime_ms: 61_000,
            cores: 2,
            durability: Durability::Strict,
            s3_endpoint: "http://127.0.0.1:9878".to_owned(),
            data_dir: "/data".to_owned(),
            volumes: self.volumes.len() as u64,
            buckets: self.buckets.len() as u64 - links,
            links,
            users: self.users.len() as u64,
            shards: vec![
                ShardStatus {
                    core: 0,
                    state: ShardState::Ok,
                    objects: 3,
                    log_bytes: 4096,
                },
                ShardStatus {
                    core: 1,
                    state: ShardState::ReadOnly,
                    objects: 0,
                    log_bytes: 0,
                },
            ],
            notes: Vec::new(),
        }
    }
}
