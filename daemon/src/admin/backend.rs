//! What the admin connections need of the engine.

use super::audit::Landing;
use crate::namespace::{Name, Who};
use crate::shard::Audit;
use chainring_protocol::message::{KeyGet, KeyInfo, KeyPut};
use chainring_protocol::{Failure, Reply, Request, Secret};
use std::fmt;
use std::future::Future;

/// What a connection proves of its peer. Who that is, and what it may, is looked up for every
/// request ([`Backend::caller`]), so that a change takes effect at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Root or the daemon's user, on the unix socket.
    Local {
        /// The user of the system.
        uid: u32,
        /// The process.
        pid: i32,
        /// The user, or the access id of a tenant, as whom everything is to be judged and done.
        act_as: Option<String>,
    },
    /// Whoever knows the secret of this access key.
    AccessKey(String),
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What the connection proves.
    pub identity: Identity,
    /// The user it stands for.
    pub name: Name,
    /// The user's canonical id; empty for a user who is gone.
    pub id: String,
    /// The user's groups.
    pub groups: Vec<Name>,
    /// May do everything.
    pub admin: bool,
    /// The tenant of the access id it uses.
    pub tenant: Option<Name>,
    /// An administrator of that tenant.
    pub tenant_admin: bool,
    /// One who may appoint others.
    pub delegated: bool,
}

impl Caller {
    /// The caller, as the namespace wants to know it.
    #[must_use]
    pub fn who(&self) -> Who<'_> {
        Who {
            name: Some(&self.name),
            groups: &self.groups,
            admin: self.admin,
            tenant: self.tenant.as_ref(),
            tenant_admin: self.tenant_admin,
            ..Who::ANONYMOUS
        }
    }

    /// The canonical id that is kept of the caller with an object of this volume.
    #[must_use]
    pub fn author_in(&self, volume: &Name) -> String {
        self.who().author_in(volume.as_bytes(), &self.id)
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.identity {
            Identity::Local { uid, pid, act_as } => {
                let acting = if act_as.is_some() { "for " } else { "" };
                write!(f, "{} ({acting}uid {uid}, process {pid})", self.name)
            }
            Identity::AccessKey(access_key) => write!(f, "{} ({access_key})", self.name),
        }
    }
}

/// An access key that may log in.
#[derive(Debug)]
pub struct Login {
    /// The user it belongs to.
    pub user: String,
    /// The secrets that are good for it: today's, and while they overlap the one before it.
    pub secrets: Vec<Secret>,
}

/// Carries out requests. All of its futures may be dropped; changes that were begun then are
/// completed or not, but never by half.
pub trait Backend: 'static {
    /// A key being read.
    type Download: Download;

    /// The audit log, if one is written.
    fn audit(&self) -> Option<&Audit> {
        None
    }
    /// The bucket that (volume, bucket) leads to, for the audit log.
    fn leads_to(&self, _volume: &str, _bucket: &str) -> Option<Landing> {
        None
    }
    /// The login of an access key.
    fn login(&self, access_key: &str) -> Option<Login>;
    /// Who that is now.
    fn caller(&self, identity: &Identity) -> Result<Caller, Failure>;
    /// Carries out any request but hello, authenticate, and those that begin a stream.
    fn call(
        &self,
        caller: &Caller,
        request: Request,
    ) -> impl Future<Output = Result<Reply, Failure>>;
    /// Writes a key: resolves when the object is durable and visible. Looks at its names before it
    /// asks for bytes, so that a client learns early that it sends in vain.
    fn upload<B: Body>(
        &self,
        caller: &Caller,
        put: KeyPut,
        body: &mut B,
    ) -> impl Future<Output = Result<KeyInfo, Failure>>;
    /// Begins to read a key.
    fn download(
        &self,
        caller: &Caller,
        get: KeyGet,
    ) -> impl Future<Output = Result<(KeyInfo, Self::Download), Failure>>;
}

/// The bytes of a key being written.
pub trait Body {
    /// The next piece, or `None` when all of them came. After a failure nothing may be written.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, Failure>>;
}

/// A key being read.
pub trait Download: 'static {
    /// Appends the next bytes to `out`, at most
    /// [`chainring_protocol::limits::DATA_BYTES_MAX`] of them; `false` at the end.
    fn read(&mut self, out: &mut Vec<u8>) -> impl Future<Output = Result<bool, Failure>>;
}
