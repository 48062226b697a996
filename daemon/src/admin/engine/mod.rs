//! Requests carried out by the engine: names by the namespace, keys by the shards.

mod buckets;
mod callers;
mod keys;
mod status;
mod users;
mod volumes;

use super::backend::{Backend, Body, Caller, Identity, Login};
use super::failure;
use crate::io::{Clock, Disk};
use crate::namespace::{Command, NamespaceReader, Reply as NamespaceReply};
use crate::shard::Core;
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
        let done = self
            .core
            .on_namespace(move |namespace| async move { namespace.apply(command).await })
            .await;
        match done {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(error)) => Err(failure::of_namespace(&error)),
            None => Err(failure::stopping()),
        }
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

    fn login(&self, access_key: &str) -> Option<Login> {
        self.login_of(access_key)
    }

    fn caller(&self, identity: &Identity) -> Result<Caller, Failure> {
        self.caller_of(identity)
    }

    async fn call(&self, caller: &Caller, request: Request) -> Result<Reply, Failure> {
        match request {
            Request::StatusGet(_) => self.status().await.map(Into::into),
            Request::VolumeCreate(call) => self.create_volume(caller, call).await.map(Into::into),
            Request::VolumeInfoGet(call) => self.volume_info(&call.name).await.map(Into::into),
            Request::VolumeList(call) => self.list_volumes(&call.page).await.map(Into::into),
            Request::VolumeDelete(call) => self.delete_volume(call).await.map(Into::into),
            Request::BucketCreate(call) => self.create_bucket(caller, call).await.map(Into::into),
            Request::BucketLink(call) => self.create_link(caller, call).await.map(Into::into),
            Request::BucketInfoGet(call) => self.bucket_info(&call.bucket).await.map(Into::into),
            Request::BucketList(call) => self.list_buckets(&call).map(Into::into),
            Request::BucketDelete(call) => self.delete_bucket(call).await.map(Into::into),
            Request::UserCreate(call) => self.create_user(call).await.map(Into::into),
            Request::UserList(call) => self.list_users(&call.page).await.map(Into::into),
            Request::UserDelete(call) => self.delete_user(call).await.map(Into::into),
            Request::S3SecretGet(call) => self.make_secret(caller, call).await.map(Into::into),
            Request::S3SecretSet(call) => self.set_secret(caller, call).await.map(Into::into),
            Request::S3SecretRevoke(call) => self.revoke(caller, call).await.map(Into::into),
            Request::KeyInfoGet(call) => {
                self.key_info(&call.bucket, &call.key).await.map(Into::into)
            }
            Request::KeyList(call) => self.list_keys(&call).await.map(Into::into),
            Request::KeyDelete(call) => self.delete_key(call).await.map(Into::into),
            Request::VolumeUpdate(_)
            | Request::VolumeSetQuota(_)
            | Request::VolumeClearQuota(_)
            | Request::BucketUpdate(_)
            | Request::BucketSetQuota(_)
            | Request::BucketClearQuota(_)
            | Request::UserUpdate(_)
            | Request::KeyRename(_)
            | Request::KeyCopy(_)
            | Request::LinkList(_)
            | Request::LinkSetSource(_)
            | Request::LinkHistory(_)
            | Request::LinkRollback(_)
            | Request::LinkRevoke(_)
            | Request::AclGet(_)
            | Request::AclEdit(_)
            | Request::TenantCreate(_)
            | Request::TenantInfoGet(_)
            | Request::TenantList(_)
            | Request::TenantDelete(_)
            | Request::TenantUserAssign(_)
            | Request::TenantUserRevoke(_)
            | Request::TenantUserInfoGet(_)
            | Request::TenantUserList(_)
            | Request::TenantUserSecretGet(_)
            | Request::TenantUserSecretSet(_)
            | Request::TenantUserAssignAdmin(_)
            | Request::TenantUserRevokeAdmin(_) => Err(not_yet(request.opcode().as_str())),
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
        _: &Caller,
        get: KeyGet,
    ) -> Result<(KeyInfo, Self::Download), Failure> {
        self.get_key(get).await
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

/// Refuses what this daemon does not know how to do, rather than to do something else.
fn not_yet(what: &str) -> Failure {
    Failure::new(
        ResultCode::NotSupportedOperation,
        format!("this daemon does not know {what}"),
    )
}

/// The same where a request carries an option.
fn refuse(options: &[(bool, &str)]) -> Result<(), Failure> {
    let asked = options.iter().find(|(asked, _)| *asked);
    asked.map_or(Ok(()), |(_, what)| Err(not_yet(what)))
}

/// An answer of the namespace that does not fit the command.
fn odd_reply() -> Failure {
    Failure::new(ResultCode::InternalError, "an odd answer of the namespace")
}
