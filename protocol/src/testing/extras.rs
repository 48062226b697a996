//! What a daemon in memory keeps besides names and objects: what links say, quotas, access lists,
//! groups and tenants. Nothing of it is enforced.

use super::store::NOW;
use crate::message::{
    AclRule, BucketCreate, BucketLink, BucketName, Delegation, LinkGeneration, LinkInfo,
    TenantUser, UploadInfo,
};
use std::collections::{BTreeMap, BTreeSet};

/// A limit on bytes and one on entries.
pub type Quota = (Option<u64>, Option<u64>);

/// All of it; keys that begin with a slash are addresses.
#[derive(Default)]
pub struct Extras {
    pub acls: BTreeMap<String, Vec<AclRule>>,
    pub consents: BTreeMap<String, Delegation>,
    pub groups: BTreeMap<String, Vec<String>>,
    pub history: BTreeMap<String, Vec<LinkGeneration>>,
    pub old_secrets: BTreeMap<String, Option<u64>>,
    pub owners: BTreeMap<String, String>,
    pub patience: BTreeMap<String, u64>,
    pub protected: BTreeSet<String>,
    pub quotas: BTreeMap<String, Quota>,
    /// Access ids by tenant.
    pub tenants: BTreeMap<String, BTreeMap<String, TenantUser>>,
    pub scrub_paused: bool,
    /// Open uploads, in order.
    pub uploads: Vec<UploadInfo>,
}

/// A bucket's or link's key in the maps.
pub fn address(name: &BucketName) -> String {
    name.to_string()
}

impl Extras {
    /// Notes a bucket that was created.
    pub fn created(&mut self, caller: &str, call: &BucketCreate) {
        let address = address(&call.bucket);
        let owner = call.owner.as_deref().unwrap_or(caller);
        self.owners.insert(address.clone(), owner.to_owned());
        let quota = (call.quota_in_bytes, call.quota_in_namespace);
        self.quotas.insert(address.clone(), quota);
        if call.protected {
            self.protected.insert(address);
        }
    }

    /// Notes a link that was created.
    pub fn linked(&mut self, caller: &str, call: &BucketLink) {
        let address = address(&call.link);
        let owner = call.owner.as_deref().unwrap_or(caller);
        self.owners.insert(address.clone(), owner.to_owned());
        let first = LinkGeneration {
            generation: 1,
            source: call.source.clone(),
            read_only: call.read_only,
            prefix: call.prefix.clone(),
            expires: call.expires,
            bind: call.bind_id.then_some(7),
            at: NOW,
            by: caller.to_owned(),
        };
        self.history.insert(address.clone(), vec![first]);
        self.consent(caller, address, call.delegate);
    }

    /// Notes a consent, or that there is none any more.
    pub fn consent(&mut self, caller: &str, address: String, given: bool) {
        self.consents.remove(&address);
        if given {
            let consent = Delegation {
                grantor: caller.to_owned(),
                at: NOW,
                valid: true,
            };
            self.consents.insert(address, consent);
        }
    }

    /// Fills in what a link says.
    pub fn describe(&self, name: &BucketName, link: &mut LinkInfo) {
        let address = address(name);
        link.delegate = self.consents.get(&address).cloned();
        let Some(now) = self.history.get(&address).and_then(|all| all.last()) else {
            return;
        };
        link.generation = now.generation;
        link.read_only = now.read_only;
        link.prefix.clone_from(&now.prefix);
        link.expires = now.expires;
        link.bind = now.bind;
    }

    /// Who owns a bucket or link.
    pub fn owner(&self, name: &BucketName) -> String {
        let owner = self.owners.get(&address(name));
        owner.cloned().unwrap_or_else(|| "root".to_owned())
    }

    /// The quota of an address.
    pub fn quota(&self, address: &str) -> Quota {
        self.quotas.get(address).copied().unwrap_or_default()
    }
}
