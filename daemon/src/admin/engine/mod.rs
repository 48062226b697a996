//! Requests carried out by the engine: names by the namespace, keys by the shards.

mod acls;
mod buckets;
mod callers;
mod copies;
mod holds;
mod keys;
mod links;
mod rights;
mod scrub;
mod secrets;
mod seen;
mod stats;
mod status;
mod tenants;
mod uploads;
mod users;
mod volumes;

use super::audit::Landing;
use super::backend::{Backend, Body, Caller, Identity, Login};
use super::failure;
use crate::io::{Clock, Disk};
use crate::namespace::{Command, NamespaceReader, Reply as NamespaceReply, Used};
use crate::shard::{Audit, Core, quota};
use crate::store::Usage;
use chainring_protocol::limits::PAGE_ENTRIES_MAX;
use chainring_protocol::message::{Durability, KeyGet, KeyInfo, KeyPut, Page, Paging};
use chainring_protocol::{Failure, Reply, Request, ResultCode};
use std::rc::Rc;
use std::time::Duration;

pub use keys::KeyDownload;

/// What `status` says that the engine does not know.
#[derive(Clone, Debug)]
pub struct About {
    /// The store's identity.
    pub store: [u8; 16],
    /// The daemon's process.
    pub pid: u32,
    /// The clock's monotonic time when the daemon started.
    pub started: Duration,
    /// What an answered write promises.
    pub durability: Durability,
    /// Where S3 clients connect.
    pub s3_endpoint: String,
    /// The folder of the store.
    pub data_dir: String,
    /// For how long uploads may rest, where their bucket says nothing else.
    pub expire_uploads: Option<Duration>,
}

/// The engine as the admin connections see it.
pub struct Engine<D: Disk, C: Clock> {
    core: Rc<Core<D, C>>,
    about: About,
}

impl<D: Disk, C: Clock> Engine<D, C> {
    /// The engine, seen from one of its cores.
    #[must_use]
    pub const fn new(core: Rc<Core<D, C>>, about: About) -> Self {
        Self { core, about }
    }

    fn names(&self) -> &NamespaceReader {
        self.core.names()
    }

    /// Has the namespace's writer do a command.
    async fn apply(&self, command: Command) -> Result<NamespaceReply, Failure> {
        let quotas_of = quota::volume_of(&command);
        let done = self
            .core
            .on_namespace(move |namespace| async move { namespace.apply(command).await })
            .await;
        match done {
            Some(Ok(reply)) => {
                if let Some(volume) = quotas_of {
                    let obeyed = self.core.obey_quotas(volume).await;
                    obeyed.map_err(|error| failure::of_store(&error))?;
                }
                Ok(reply)
            }
            Some(Err(error)) => Err(failure::of_namespace(&error)),
            None => Err(failure::stopping()),
        }
    }

    /// The owner of something new in a volume: the named user, or the caller.
    fn owner_or(
        &self,
        caller: &Caller,
        volume: &str,
        named: Option<String>,
    ) -> Result<String, Failure> {
        let Some(named) = named else {
            let owner = caller.who().owner_in(volume.as_bytes());
            return owner.map(|owner| owner.to_string()).ok_or_else(|| {
                let text = "the access id is too long to own something outside of its tenant";
                Failure::new(ResultCode::InvalidRequest, text)
            });
        };
        self.user(&named).map(|user| user.name.to_string())
    }

    /// The named user, or the caller.
    fn user_or(&self, caller: &Caller, named: Option<String>) -> Result<String, Failure> {
        match named {
            Some(name) => self.user(&name).map(|user| user.name.to_string()),
            None => Ok(caller.name.to_string()),
        }
    }
}

impl<D: Disk, C: Clock> Backend for Engine<D, C> {
    type Download = KeyDownload<D>;

    fn audit(&self) -> Option<&Audit> {
        self.core.audit()
    }

    fn leads_to(&self, volume: &str, bucket: &str) -> Option<Landing> {
        let now = self.core.clock().now();
        let found = self.names().resolve(volume, bucket, now).ok()?;
        Some(Landing {
            volume: found.source_volume,
            bucket: found.source_bucket,
            link_generation: found.link_generation,
        })
    }

    fn login(&self, access_key: &str) -> Option<Login> {
        self.login_of(access_key)
    }

    fn caller(&self, identity: &Identity) -> Result<Caller, Failure> {
        self.caller_of(identity)
    }

    async fn call(&self, caller: &Caller, request: Request) -> Result<Reply, Failure> {
        self.admit(caller, &request)?;
        match request {
            Request::StatusGet(_) => self.status().await.map(Into::into),
            Request::ScrubGet(_) => self.scrub(None).await.map(Into::into),
            Request::Scrub(call) => self.scrub(Some(call.action)).await.map(Into::into),
            Request::VolumeCreate(call) => self.create_volume(caller, call).await.map(Into::into),
            Request::VolumeInfoGet(call) => self.volume_info(&call.name).await.map(Into::into),
            Request::VolumeList(call) => {
                self.list_volumes(caller, &call.page).await.map(Into::into)
            }
            Request::VolumeDelete(call) => self.delete_volume(call).await.map(Into::into),
            Request::VolumeUpdate(call) => self.update_volume(call).await.map(Into::into),
            Request::VolumeSetQuota(call) => self.set_volume_quota(call).await.map(Into::into),
            Request::VolumeClearQuota(call) => self.clear_volume_quota(call).await.map(Into::into),
            Request::BucketCreate(call) => self.create_bucket(caller, call).await.map(Into::into),
            Request::BucketLink(call) => self.create_link(caller, call).await.map(Into::into),
            Request::BucketInfoGet(call) => {
                self.bucket_info(caller, &call.bucket).await.map(Into::into)
            }
            Request::BucketList(call) => self.list_buckets(caller, &call).map(Into::into),
            Request::BucketDelete(call) => self.delete_bucket(call).await.map(Into::into),
            Request::BucketUpdate(call) => self.update_bucket(caller, call).await.map(Into::into),
            Request::BucketSetQuota(call) => {
                self.set_bucket_quota(caller, call).await.map(Into::into)
            }
            Request::BucketClearQuota(call) => {
                self.clear_bucket_quota(caller, call).await.map(Into::into)
            }
            Request::LinkList(call) => self.list_links(caller, &call).await.map(Into::into),
            Request::LinkSetSource(call) => self.set_source(caller, call).await.map(Into::into),
            Request::LinkHistory(call) => self.link_history(call).map(Into::into),
            Request::LinkRollback(call) => self.roll_back(caller, call).await.map(Into::into),
            Request::LinkRevoke(call) => self.revoke_consent(caller, call).await.map(Into::into),
            Request::AclGet(call) => self.get_acl(caller, call).await.map(Into::into),
            Request::AclEdit(call) => self.edit_acl(caller, call).await.map(Into::into),
            Request::UserCreate(call) => self.create_user(call).await.map(Into::into),
            Request::UserUpdate(call) => self.update_user(call).await.map(Into::into),
            Request::UserList(call) => self.list_users(&call.page).await.map(Into::into),
            Request::UserDelete(call) => self.delete_user(call).await.map(Into::into),
            Request::S3SecretGet(call) => self.make_secret(caller, call).await.map(Into::into),
            Request::S3SecretSet(call) => self.set_secret(caller, call).await.map(Into::into),
            Request::S3SecretRevoke(call) => self.revoke(caller, call).await.map(Into::into),
            Request::TenantCreate(call) => self.create_tenant(caller, call).await.map(Into::into),
            Request::TenantInfoGet(call) => self.tenant_info(call).map(Into::into),
            Request::TenantList(call) => self.list_tenants(caller, &call.page).map(Into::into),
            Request::TenantDelete(call) => self.delete_tenant(call).await.map(Into::into),
            Request::TenantUserAssign(call) => self.assign_user(call).await.map(Into::into),
            Request::TenantUserRevoke(call) => self.revoke_user(call).await.map(Into::into),
            Request::TenantUserInfoGet(call) => self.user_tenants(caller, &call).map(Into::into),
            Request::TenantUserList(call) => self.tenant_users(call).await.map(Into::into),
            Request::TenantUserSecretGet(call) => self.tenant_secret(&call).map(Into::into),
            Request::TenantUserSecretSet(call) => {
                self.set_tenant_secret(call).await.map(Into::into)
            }
            Request::TenantUserAssignAdmin(call) => self.assign_admin(call).await.map(Into::into),
            Request::TenantUserRevokeAdmin(call) => self.revoke_admin(call).await.map(Into::into),
            Request::KeyInfoGet(call) => self.key_info(caller, call).await.map(Into::into),
            Request::KeyList(call) => self.list_keys(caller, &call).map(Into::into),
            Request::KeyDelete(call) => self.delete_key(caller, call).await.map(Into::into),
            Request::KeyRename(call) => self.rename_key(caller, call).await.map(Into::into),
            Request::KeyCopy(call) => self.copy_key(caller, call).await.map(Into::into),
            Request::UploadList(call) => self.list_uploads(caller, &call).map(Into::into),
            Request::UploadAbort(call) => self.abort_upload(caller, call).await.map(Into::into),
            Request::Hello(_)
            | Request::Authenticate(_)
            | Request::KeyPut(_)
            | Request::KeyGet(_) => Err(Failure::new(
                ResultCode::InternalError,
                "the connection should have done this",
            )),
        }
    }

    async fn upload<B: Body>(
        &self,
        caller: &Caller,
        put: KeyPut,
        body: &mut B,
    ) -> Result<KeyInfo, Failure> {
        self.put_key(caller, put, body).await
    }

    async fn download(
        &self,
        caller: &Caller,
        get: KeyGet,
    ) -> Result<(KeyInfo, Self::Download), Failure> {
        self.get_key(caller, get).await
    }
}

/// What the shards counted, in the namespace's words.
const fn used(usage: Usage) -> Used {
    Used {
        bytes: usage.bytes,
        objects: usage.objects,
    }
}

/// Entries of a page that is asked for.
fn page_limit(page: &Paging) -> usize {
    match page.limit {
        0 => usize::from(PAGE_ENTRIES_MAX),
        limit => usize::from(limit.min(PAGE_ENTRIES_MAX)),
    }
}

/// A page out of entries of which one more than `limit` was looked for.
fn cut<T>(mut entries: Vec<T>, limit: usize) -> Page<T> {
    let more = entries.len() > limit;
    entries.truncate(limit);
    Page { entries, more }
}

/// What comes after, for a reader that takes `None` for the beginning.
fn after(page: &Paging) -> Option<&str> {
    Some(page.after.as_str()).filter(|name| !name.is_empty())
}

/// An answer of the namespace that does not fit the command.
fn odd_reply() -> Failure {
    Failure::new(ResultCode::InternalError, "an odd answer of the namespace")
}
