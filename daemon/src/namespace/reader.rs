//! The reading side, on every core: no lock, no message, always one published state.

use crate::base::codec::Malformed;
use crate::base::{BucketId, Timestamp};
use crate::index::map::{Generation, MapReader};
use crate::namespace::acl::Acl;
use crate::namespace::error::{ReadError, ResolveError};
use crate::namespace::keys::{self, Key};
use crate::namespace::link::LinkRecord;
use crate::namespace::name::Name;
use crate::namespace::secret::is_access_key;
use crate::namespace::tables::{self, Read};
use crate::namespace::tenant::{Tenant, TenantPower, TenantUser};
use crate::namespace::types::{
    Credential, Entry, LinkGeneration, LinkPage, Resolved, User, Volume,
};
use crate::namespace::vault::Vault;
use crate::namespace::{derived, lookup, pinned, values};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Reads the namespace. Each call sees one published state as a whole; two calls may see two.
/// An error never means that something does not exist.
#[derive(Clone)]
pub struct NamespaceReader {
    map: MapReader,
    vault: Arc<Vault>,
}

impl NamespaceReader {
    pub(crate) const fn new(map: MapReader, vault: Arc<Vault>) -> Self {
        Self { map, vault }
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
        let view = self.map.view();
        let volume = Name::new(volume).ok_or(ResolveError::VolumeNotFound)?;
        let Some(bucket) = Name::new(bucket) else {
            return Err(lookup::not_found(&view, &volume));
        };
        let place = (volume, bucket);
        let probe = view.get(&Key::entry(&volume, &bucket), |value| {
            lookup::glance(place, view.number(), value, now)
        })?;
        match probe.transpose()? {
            Some(Some(resolved)) => Ok(resolved),
            Some(None) => lookup::thorough(&view, place, now),
            None => Err(lookup::not_found(&view, &volume)),
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
        match self.resolve(volume, bucket, now) {
            Ok(found) if found.bucket == id && fits(&found) => return Ok(found),
            Err(error @ (ResolveError::VolumeNotFound | ResolveError::BucketNotFound)) => {
                return Err(error);
            }
            Err(error @ (ResolveError::Expired { .. } | ResolveError::Damaged(_))) => {
                return Err(error);
            }
            _ => {}
        }
        let place = (Name::new(volume), Name::new(bucket));
        let (Some(volume), Some(bucket)) = place else {
            return Err(ResolveError::BucketNotFound);
        };
        pinned::find(&self.map.view(), (volume, bucket), id, now, &fits)
    }

    /// The sources a link has had, newest first, beginning with the present one; at most the last
    /// [`crate::namespace::LINK_GENERATIONS_KEPT`]. Nothing when it is no link.
    pub fn link_history(&self, volume: &str, name: &str) -> Result<Vec<LinkGeneration>, ReadError> {
        let (Some(volume), Some(name)) = (Name::new(volume), Name::new(name)) else {
            return Ok(Vec::new());
        };
        tables::sources(&*self.map.view(), (volume, name))
            .map(|sources| sources.iter().map(LinkRecord::shown).collect())
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
        let lists = tables::prefix_acls(&*self.map.view(), bucket, key)?;
        let mut all = Acl::EMPTY;
        // A list that cannot be read gives nobody anything, and has no rules.
        lists.iter().for_each(|list| all.join(list));
        Ok(all)
    }

    /// The list of a prefix itself.
    pub fn acl_of_prefix(&self, bucket: BucketId, prefix: &str) -> Result<Acl, ReadError> {
        let found = tables::prefix_acl(&*self.map.view(), bucket, prefix)?;
        let found = found.filter(|(its, _)| its == prefix);
        Ok(found.map_or(Acl::EMPTY, |(_, acl)| acl))
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
        let view = self.map.view();
        let found = view.get(&Key::access_key(access_key), |value| {
            let whole = !values::in_pieces(value);
            whole
                .then(|| derived::credential(&self.vault, access_key, value))
                .transpose()
        })?;
        match found.transpose()? {
            Some(None) => tables::credential(&*view, &self.vault, access_key),
            found => Ok(found.flatten()),
        }
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
