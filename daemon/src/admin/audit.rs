//! What the audit log is told of admin operations: the same line as for a request over S3.

use super::backend::{Backend, Caller, Identity};
use super::socket::Socket;
use crate::io::{Clock, RealClock};
use crate::namespace::Name;
use crate::shard::Audit;
use crate::shard::audit::{Line, Peer, Place};
use chainring_protocol::message::{AclKind, BucketName};
use chainring_protocol::{Failure, Request, ResultCode};
use std::cell::Cell;
use std::time::Duration;

/// What a login over TCP is called.
pub(super) const LOGIN: &str = "authenticate";

/// The bucket that a name leads to.
pub struct Landing {
    /// Its volume.
    pub volume: Name,
    /// Its name.
    pub bucket: Name,
    /// Generation of the link that was asked for; 0 for a bucket.
    pub link_generation: u64,
}

/// What an operation is about.
#[derive(Default)]
struct Target {
    volume: Option<String>,
    bucket: String,
    key: Option<String>,
}

/// An operation that began, as the audit log will speak of it.
pub(super) struct Noted {
    time_us: u64,
    began: Duration,
    peer: Peer,
    who: Option<Name>,
    access_key: Option<String>,
    what: &'static str,
    target: Target,
    landing: Option<Landing>,
    detail: Option<String>,
    /// Who does it in the name of somebody else.
    acted_by: Option<String>,
    bytes_in: Cell<u64>,
    bytes_out: Cell<u64>,
}

impl Noted {
    /// An operation begins. `None` when there is no audit log.
    pub(super) fn begin<B: Backend>(
        backend: &B,
        socket: &Socket,
        what: &'static str,
        request: Option<&Request>,
    ) -> Option<Self> {
        backend.audit()?;
        let target = request.map(target).unwrap_or_default();
        let landing = match &target.volume {
            Some(volume) if !target.bucket.is_empty() => backend.leads_to(volume, &target.bucket),
            _ => None,
        };
        Some(Self {
            time_us: RealClock.now_micros(),
            began: RealClock.monotonic(),
            peer: match socket {
                Socket::Unix(stream) => Peer::Process(stream.peer().pid),
                Socket::Tcp(stream) => Peer::Address(stream.peer_addr()),
            },
            who: None,
            access_key: None,
            what,
            target,
            landing,
            // Secrets do not show.
            detail: request.map(|request| format!("{request:?}")),
            acted_by: None,
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
        })
    }

    /// It is somebody who names this access key, rightly or not.
    pub(super) fn access_key(mut self, access_key: Option<&str>) -> Self {
        self.access_key = access_key.filter(|key| !key.is_empty()).map(str::to_owned);
        self
    }

    /// It is from this caller.
    pub(super) fn by(mut self, caller: &Caller) -> Self {
        self.who = Some(caller.name);
        match &caller.identity {
            Identity::AccessKey(access_key) => self.access_key = Some(access_key.clone()),
            Identity::Local { uid, act_as, .. } if act_as.is_some() => {
                self.acted_by = Some(format!("uid {uid}"));
            }
            Identity::Local { .. } => {}
        }
        self
    }

    /// So many bytes of a key came in.
    pub(super) fn received(&self, count: usize) {
        self.bytes_in.set(self.bytes_in.get() + count as u64);
    }

    /// So many bytes of a key went out.
    pub(super) fn sent(&self, count: usize) {
        self.bytes_out.set(self.bytes_out.get() + count as u64);
    }

    fn record(self, audit: &Audit, result: ResultCode) {
        let latency = RealClock.monotonic().saturating_sub(self.began);
        audit.record(&Line {
            time_us: self.time_us,
            who: self.who.as_deref(),
            access_key: self.access_key.as_deref(),
            peer: self.peer,
            what: self.what,
            asked: self.target.volume.as_deref().map(|volume| Place {
                volume: Some(volume),
                name: &self.target.bucket,
            }),
            resolved: self.landing.as_ref().map(|landing| Place {
                volume: Some(&landing.volume),
                name: &landing.bucket,
            }),
            link_generation: self.landing.as_ref().map_or(0, |l| l.link_generation),
            key: self.target.key.as_deref().map(str::as_bytes),
            result: result.as_str(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            latency_us: u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
            acted_by: self.acted_by.as_deref(),
            detail: self.detail.as_deref(),
            ..Line::default()
        });
    }
}

/// An operation is over.
pub(super) fn record<B: Backend>(backend: &B, noted: Option<Noted>, result: ResultCode) {
    if let (Some(audit), Some(noted)) = (backend.audit(), noted) {
        noted.record(audit, result);
    }
}

/// How an operation ended.
pub(super) const fn code<T>(result: &Result<T, Failure>) -> ResultCode {
    match result {
        Ok(_) => ResultCode::Ok,
        Err(failure) => failure.code,
    }
}

/// What a request names first.
fn target(request: &Request) -> Target {
    match request {
        Request::VolumeCreate(call) => volume(&call.name),
        Request::VolumeInfoGet(call) => volume(&call.name),
        Request::VolumeDelete(call) => volume(&call.name),
        Request::VolumeUpdate(call) => volume(&call.name),
        Request::VolumeSetQuota(call) => volume(&call.name),
        Request::VolumeClearQuota(call) => volume(&call.name),
        Request::BucketCreate(call) => bucket(&call.bucket),
        Request::BucketInfoGet(call) => bucket(&call.bucket),
        Request::BucketList(call) => volume(&call.volume),
        Request::BucketDelete(call) => bucket(&call.bucket),
        Request::BucketLink(call) => bucket(&call.link),
        Request::BucketUpdate(call) => bucket(&call.bucket),
        Request::BucketSetQuota(call) => bucket(&call.bucket),
        Request::BucketClearQuota(call) => bucket(&call.bucket),
        Request::LinkSetSource(call) => bucket(&call.link),
        Request::LinkHistory(call) => bucket(&call.link),
        Request::LinkRollback(call) => bucket(&call.link),
        Request::LinkRevoke(call) => bucket(&call.link),
        Request::KeyPut(call) => key(&call.bucket, &call.key),
        Request::KeyGet(call) => key(&call.bucket, &call.key),
        Request::KeyInfoGet(call) => key(&call.bucket, &call.key),
        Request::KeyList(call) => bucket(&call.bucket),
        Request::KeyDelete(call) => key(&call.bucket, &call.key),
        Request::KeyRename(call) => key(&call.bucket, &call.from),
        Request::KeyCopy(call) => key(&call.to, &call.to_key),
        Request::AclGet(call) => access_list(&call.target),
        Request::AclEdit(call) => access_list(&call.target),
        Request::TenantCreate(call) => volume(&call.name),
        Request::TenantInfoGet(call) => volume(&call.name),
        Request::TenantDelete(call) => volume(&call.name),
        Request::TenantUserAssign(call) => volume(&call.tenant),
        Request::TenantUserList(call) => volume(&call.tenant),
        Request::UploadAbort(call) => key(&call.bucket, &call.key),
        // Of users, of access ids, of the daemon, of links wherever they are.
        _ => Target::default(),
    }
}

fn volume(name: &str) -> Target {
    Target {
        volume: Some(name.to_owned()),
        ..Target::default()
    }
}

fn bucket(name: &BucketName) -> Target {
    Target {
        volume: Some(name.volume.clone()),
        bucket: name.bucket.clone(),
        key: None,
    }
}

fn key(name: &BucketName, key: &str) -> Target {
    Target {
        key: Some(key.to_owned()),
        ..bucket(name)
    }
}

fn access_list(target: &chainring_protocol::message::AclTarget) -> Target {
    Target {
        volume: Some(target.volume.clone()),
        bucket: match target.kind {
            AclKind::Volume => String::new(),
            _ => target.bucket.clone(),
        },
        key: Some(target.key.clone()).filter(|key| !key.is_empty()),
    }
}
