//! The reading side, on every core: no lock, no message, always one published state.

use crate::base::codec::Malformed;
use crate::base::{BucketId, Timestamp};
use crate::index::map::{Generation, MapReader};
use crate::namespace::acl::Acl;
use crate::namespace::derived;
use crate::namespace::error::{Chain, ReadError, ResolveError};
use crate::namespace::gates;
use crate::namespace::keys::{self, Key};
use crate::namespace::name::Name;
use crate::namespace::record::{Glance, RecordKind};
use crate::namespace::resolve;
use crate::namespace::secret::is_access_key;
use crate::namespace::tables::{self, Entries, Read};
use crate::namespace::tenant::{Tenant, TenantPower, TenantUser};
use crate::namespace::types::{
    Credential, Entry, Link, LinkGeneration, LinkPage, LinkStatus, Resolution, Resolved, Target,
    User, Volume,
};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Reads the namespace. Each call sees one published state as a whole; two calls may see two.
/// An error never means that something does not exist.
#[derive(Clone)]
pub struct NamespaceReader {
    map: MapReader,
}

impl NamespaceReader {
    pub(crate) const fn new(map: MapReader) -> Self {
        Self { map }
    }

    /// The current state, to be kept for a while.
    pub(crate) fn hold(&self) -> Arc<Generation> {
        self.map.hold()
    }

    /// The number of the current state: grows by one with every published batch of commands.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.map.view().number()
    }

    /// The bucket that (volume, bucket) leads to, over links if it must. One probe of the index;
    /// operations on objects take what this returns and nothing else.
    pub fn resolve(
        &self,
        volume: &str,
        bucket: &str,
        now: Timestamp,
    ) -> Result<Resolved, ResolveError> {
        let _ = now;
        let view = self.map.view();
        let volume = Name::new(volume).ok_or(ResolveError::VolumeNotFound)?;
        let Some(bucket) = Name::new(bucket) else {
            return Err(not_found(&view, &volume));
        };
        let number = view.number();
        let probe = view.get(&Key::entry(&volume, &bucket), |value| {
            glance(volume, bucket, number, value)
        })?;
        match probe.transpose()? {
            Some(Some(resolved)) => Ok(resolved),
            Some(None) => Err(why(&view, (volume, bucket))),
            None => Err(not_found(&view, &volume)),
        }
    }

    /// As [`NamespaceReader::resolve`], for what began when the name led to the bucket `id`, uploads
    /// and listings: the link may have another source now, but this must be one it has had. Rights
    /// are those on that bucket; consent to another one does not count.
    pub fn resolve_pinned(
        &self,
        volume: &str,
        bucket: &str,
        id: BucketId,
        now: Timestamp,
    ) -> Result<Resolved, ResolveError> {
        self.resolve_pinned_with(volume, bucket, id, now, |_| true)
    }

    /// As [`NamespaceReader::resolve_pinned`], of several ways to the bucket (which differ in their
    /// prefix) the newest that fits.
    pub fn resolve_pinned_with(
        &self,
        volume: &str,
        bucket: &str,
        id: BucketId,
        now: Timestamp,
        fits: impl Fn(&Resolved) -> bool,
    ) -> Result<Resolved, ResolveError> {
        let found = self.resolve(volume, bucket, now)?;
        if found.bucket == id && fits(&found) {
            return Ok(found);
        }
        Err(ResolveError::BucketNotFound)
    }

    /// The sources a link has had, newest first, beginning with the present one; at most the last
    /// [`crate::namespace::LINK_GENERATIONS_KEPT`]. Nothing when it is no link.
    pub fn link_history(&self, volume: &str, name: &str) -> Result<Vec<LinkGeneration>, ReadError> {
        let found = self.entry(volume, name)?;
        Ok(found
            .as_ref()
            .and_then(Entry::link)
            .map(Link::present)
            .into_iter()
            .collect())
    }

    /// Links of all volumes in order of their (volume, name), those after `after`. Looks at `limit`
    /// buckets and links at most; says where to go on.
    pub fn all_links(
        &self,
        after: Option<(Name, Name)>,
        limit: usize,
    ) -> Result<LinkPage, ReadError> {
        tables::all_links(&*self.map.view(), after, limit)
    }

    /// What the lists of the prefixes say that a key of a bucket begins with, all together.
    pub fn prefix_acl(&self, bucket: BucketId, key: &str) -> Result<Acl, ReadError> {
        let _ = (bucket, key);
        Ok(Acl::EMPTY)
    }

    /// The list of a prefix itself.
    pub fn acl_of_prefix(&self, bucket: BucketId, prefix: &str) -> Result<Acl, ReadError> {
        let _ = (bucket, prefix);
        Ok(Acl::EMPTY)
    }

    /// The bucket or link of this name itself.
    pub fn entry(&self, volume: &str, name: &str) -> Result<Option<Entry>, ReadError> {
        match (Name::new(volume), Name::new(name)) {
            (Some(volume), Some(name)) => tables::entry(&*self.map.view(), &volume, &name),
            _ => Ok(None),
        }
    }

    /// The bucket with this number.
    pub fn bucket(&self, id: BucketId) -> Result<Option<Entry>, ReadError> {
        let view = self.map.view();
        match tables::bucket_name(&*view, id)? {
            Some((volume, name)) => tables::entry(&*view, &volume, &name),
            None => Ok(None),
        }
    }

    /// An opaque property of a bucket.
    pub fn property(&self, id: BucketId, property: u8) -> Result<Option<Vec<u8>>, ReadError> {
        tables::property(&*self.map.view(), id, property)
    }

    /// Buckets and links of a volume in order of their names: those that begin with `prefix` and
    /// come after `after`, at most `limit`. Nothing for a volume that does not exist.
    pub fn list_buckets(
        &self,
        volume: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, ReadError> {
        let Some(volume) = Name::new(volume) else {
            return Ok(Vec::new());
        };
        let base = Key::entries_of(&volume);
        collect(
            &self.map.view(),
            &base,
            prefix,
            after,
            limit,
            |name, value| derived::entry(volume, name, value),
        )
    }

    /// A volume.
    pub fn volume(&self, name: &str) -> Result<Option<Volume>, ReadError> {
        let Some(name) = Name::new(name) else {
            return Ok(None);
        };
        tables::volume(&*self.map.view(), &name)
    }

    /// Volumes in order of their names: those that begin with `prefix` and come after `after`, at
    /// most `limit`.
    pub fn list_volumes(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Volume>, ReadError> {
        let view = self.map.view();
        let names = collect(&view, &[keys::VOLUME], prefix, after, limit, |name, _| {
            Ok(name)
        })?;
        let volumes = names.iter().map(|name| tables::volume(&*view, name));
        volumes.filter_map(Result::transpose).collect()
    }

    /// Links that name (volume, bucket) as their source, at most `limit`, those after `after` in
    /// order of their (volume, name). Says nothing about what the source is.
    pub fn links_to(
        &self,
        volume: &str,
        bucket: &str,
        after: Option<(Name, Name)>,
        limit: usize,
    ) -> Result<Vec<(Name, Name)>, ReadError> {
        match (Name::new(volume), Name::new(bucket)) {
            (Some(volume), Some(bucket)) => {
                tables::links_to(&*self.map.view(), (&volume, &bucket), after, limit)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Everything a signature check needs to know of an access key.
    pub fn user_by_access_key(&self, access_key: &str) -> Result<Option<Credential>, ReadError> {
        if !is_access_key(access_key) {
            return Ok(None);
        }
        let found = self.map.view().get(&Key::access_key(access_key), |value| {
            derived::credential(access_key, value)
        })?;
        Ok(found.transpose()?)
    }

    /// A user.
    pub fn user(&self, name: &str) -> Result<Option<User>, ReadError> {
        match Name::new(name) {
            Some(name) => tables::user(&*self.map.view(), &name),
            None => Ok(None),
        }
    }

    /// A tenant.
    pub fn tenant(&self, name: &str) -> Result<Option<Tenant>, ReadError> {
        match Name::new(name) {
            Some(name) => tables::tenant(&*self.map.view(), &name),
            None => Ok(None),
        }
    }

    /// Tenants in order of their names: those that begin with `prefix` and come after `after`, at
    /// most `limit`.
    pub fn list_tenants(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Tenant>, ReadError> {
        let view = self.map.view();
        let names = collect(&view, &[keys::TENANT], prefix, after, limit, |name, _| {
            Ok(name)
        })?;
        let tenants = names.iter().map(|name| tables::tenant(&*view, name));
        tenants.filter_map(Result::transpose).collect()
    }

    /// The users of a tenant in order of their access ids: those after the access id `after`, at
    /// most `limit`. Nothing for a tenant that does not exist.
    pub fn tenant_users(
        &self,
        tenant: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<TenantUser>, ReadError> {
        let Some(tenant) = Name::new(tenant) else {
            return Ok(Vec::new());
        };
        let view = self.map.view();
        let ids = tables::tenant_ids(&*view, &tenant, after.unwrap_or(""), limit)?;
        let users = ids.iter().map(|id| tables::tenant_user(&*view, id));
        users.filter_map(Result::transpose).collect()
    }

    /// What an access id says of its user and its tenant; nothing for an access key of no tenant.
    pub fn tenant_user(&self, access_id: &str) -> Result<Option<TenantUser>, ReadError> {
        if !is_access_key(access_id) {
            return Ok(None);
        }
        tables::tenant_user(&*self.map.view(), access_id)
    }

    /// The tenants a user is assigned to.
    pub fn tenants_of(&self, user: &str) -> Result<Vec<TenantUser>, ReadError> {
        let Some(user) = Name::new(user) else {
            return Ok(Vec::new());
        };
        let view = self.map.view();
        let keys = tables::keys_of(&*view, &user)?;
        let ids = keys.iter().filter(|(_, of_tenant)| *of_tenant);
        let users = ids.map(|(id, _)| tables::tenant_user(&*view, id));
        users.filter_map(Result::transpose).collect()
    }

    /// What a user may do about the users of a tenant, by any access id there.
    pub fn tenant_power(&self, tenant: &str, user: &str) -> Result<TenantPower, ReadError> {
        let places = self.tenants_of(user)?;
        let here = places.iter().filter(|place| place.tenant == tenant);
        let powers = here.map(|place| TenantPower::of(place.admin, place.delegated));
        Ok(powers.max().unwrap_or_default())
    }

    /// Users in order of their names, those after `after`, at most `limit`.
    pub fn list_users(&self, after: Option<&str>, limit: usize) -> Result<Vec<User>, ReadError> {
        let view = self.map.view();
        let names = collect(&view, &[keys::USER], "", after, limit, |name, _| Ok(name))?;
        let users = names.iter().map(|name| tables::user(&*view, name));
        users.filter_map(Result::transpose).collect()
    }
}

/// What a value of the index says about (volume, name); `None` for a link that leads to no bucket.
fn glance(
    volume: Name,
    name: Name,
    generation: u64,
    value: &[u8],
) -> Result<Option<Resolved>, Malformed> {
    let (primary, derived) = derived::unpack(value)?;
    let entry = Glance::decode(primary)?;
    let (target, source, hops) = match entry.bucket {
        Some(bucket) => {
            let target = Target {
                bucket,
                owner: entry.owner,
                created: entry.created,
            };
            (target, (volume, name), 0)
        }
        None => {
            let resolution = derived::decode_resolution(derived)?;
            let Some(target) = resolution.target else {
                return Ok(None);
            };
            let source = (resolution.volume, resolution.bucket);
            (target, source, resolution.hops)
        }
    };
    Ok(Some(Resolved {
        bucket: target.bucket.id,
        source_volume: source.0,
        source_bucket: source.1,
        source_owner: target.owner,
        acl: target.bucket.acl,
        object_lock: target.bucket.object_lock,
        created: target.created,
        entry_owner: entry.owner,
        entry_created: entry.created,
        is_link: entry.bucket.is_none(),
        hops,
        generation,
        entry_volume: volume,
        entry_name: name,
        prefix: None,
        read_only: false,
        expires: None,
        link_generation: u64::from(entry.bucket.is_none()),
        delegated: false,
        gates: gates::not_yet(&volume, &entry.owner, entry.bucket.is_none()),
    }))
}

fn not_found(view: &Generation, volume: &Name) -> ResolveError {
    match tables::volume_record(view, volume) {
        Ok(Some(_)) => ResolveError::BucketNotFound,
        Ok(None) => ResolveError::VolumeNotFound,
        Err(error) => error.into(),
    }
}

/// The error of a link that leads nowhere. Walks the chain in the state the link was found in; only
/// people read the result, so it may take its time.
fn why(view: &Generation, link: (Name, Name)) -> ResolveError {
    match follow(view, link) {
        Err(error) => error.into(),
        Ok((resolution, chain)) => match resolution.status {
            LinkStatus::Loop => ResolveError::Loop { chain },
            LinkStatus::TooDeep => ResolveError::TooDeep { chain },
            LinkStatus::Dangling => ResolveError::Dangling {
                volume: resolution.volume.to_string(),
                bucket: resolution.bucket.to_string(),
                bound: false,
            },
            LinkStatus::Expired => Malformed("status of a link").into(),
            LinkStatus::Ok => Malformed("a good link was kept as a broken one").into(),
        },
    }
}

fn follow(view: &Generation, link: (Name, Name)) -> Read<(Resolution, Chain)> {
    let record = view.entry_record(&link.0, &link.1)?;
    match record.map(|record| record.kind) {
        Some(RecordKind::Link(volume, bucket)) => resolve::follow(view, link, (volume, bucket)),
        _ => Err(Malformed("a link that is none").into()),
    }
}

/// A page of a table whose keys are `base` and a name.
fn collect<T>(
    view: &Generation,
    base: &[u8],
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    decode: impl Fn(Name, &[u8]) -> Result<T, Malformed>,
) -> Read<Vec<T>> {
    let after = after.unwrap_or("");
    let start = prefix.max(after);
    let mut found = Ok(Vec::new());
    tables::with_prefix(view, base, start.as_bytes(), |name, value| {
        let Ok(page) = &mut found else {
            return ControlFlow::Break(());
        };
        if page.len() >= limit || !name.starts_with(prefix.as_bytes()) {
            return ControlFlow::Break(());
        }
        if !after.is_empty() && name <= after.as_bytes() {
            return ControlFlow::Continue(());
        }
        match keys::one_name(name, 0).ok_or(Malformed("name")) {
            Ok(name) => match decode(name, value) {
                Ok(item) => page.push(item),
                Err(error) => found = Err(error.into()),
            },
            Err(error) => found = Err(error.into()),
        }
        ControlFlow::Continue(())
    })?;
    found
}
