//! What is to be known of a request afterwards: for the counters, for the counters of links, and for
//! the audit log. Filled while the request is handled, whatever becomes of it.
//!
//! Names and texts are kept only for somebody who wants them: for a link, or for the audit log.

use crate::base::Timestamp;
use crate::io::{Clock, Disk};
use crate::namespace::{Name, Resolved};
use crate::s3::access::Caller;
use crate::s3::error::ErrorCode;
use crate::s3::path::ResourcePath;
use crate::s3::reply::RequestId;
use crate::s3::route::Operation;
use crate::shard::audit::{Line, Peer, Place};
use crate::shard::meters::{CODES_MAX, Finished, Held, OPERATIONS_MAX};
use crate::shard::{Audit, Core, LinkId, LinkStats};
use core::net::SocketAddr;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Counts requests that ask for no operation there is.
pub const NO_OPERATION: usize = OPERATIONS_MAX - 1;

const _: () = assert!(Operation::ALL.len() <= NO_OPERATION && ErrorCode::ALL.len() <= CODES_MAX);

/// A bucket or link that a request named.
struct Seen {
    volume: Name,
    name: Name,
    /// Moment of the link's creation; `None` for a bucket.
    link: Option<Timestamp>,
    generation: u64,
    /// The bucket that it leads to, if it does.
    target: Option<(Name, Name)>,
}

/// Who a request says it is from.
#[derive(Default)]
struct Claimed {
    user: Option<Name>,
    /// In which it names buckets.
    volume: Option<Name>,
    access_key: String,
}

/// One request, as far as it got.
pub struct Observation {
    id: RequestId,
    peer: SocketAddr,
    time_us: u64,
    began: Duration,
    audited: bool,
    operation: Cell<Option<Operation>>,
    claimed: RefCell<Claimed>,
    seen: RefCell<Option<Seen>>,
    copy_source: RefCell<Option<(Vec<u8>, Option<Seen>)>>,
    /// The key that a form names: its path names none.
    form_key: RefCell<Option<String>>,
    /// Counts as a request under way.
    _under_way: Held,
}

/// How a request ended.
pub struct End<'a> {
    /// What it was about.
    pub path: Option<&'a ResourcePath<'a>>,
    /// The same as it was sent, if that names nothing.
    pub raw_path: &'a [u8],
    /// HTTP status.
    pub status: u16,
    /// Why it failed.
    pub code: Option<ErrorCode>,
    /// Bytes of its body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// The connection was lost before the answer was complete.
    pub cut_off: bool,
}

impl Observation {
    /// A request begins.
    #[must_use]
    pub fn begin<D: Disk, C: Clock>(core: &Core<D, C>, id: RequestId, peer: SocketAddr) -> Self {
        Self {
            id,
            peer,
            time_us: core.clock().now_micros(),
            began: core.clock().monotonic(),
            audited: core.audit().is_some(),
            operation: Cell::new(None),
            claimed: RefCell::default(),
            seen: RefCell::new(None),
            copy_source: RefCell::new(None),
            form_key: RefCell::new(None),
            _under_way: core.meters().in_progress.hold(),
        }
    }

    /// When it began.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        Timestamp(self.time_us / 1000)
    }

    /// It asks for this operation.
    pub fn operation(&self, operation: Operation) {
        self.operation.set(Some(operation));
    }

    /// It names this access key, rightly or not.
    pub fn access_key(&self, access_key: &str) {
        if self.audited {
            access_key.clone_into(&mut self.claimed.borrow_mut().access_key);
        }
    }

    /// It is from this caller.
    pub fn caller(&self, caller: &Caller) {
        if self.audited {
            let mut claimed = self.claimed.borrow_mut();
            claimed.user = caller.user().ok().map(|user| user.name);
            claimed.volume = Name::new(caller.volume());
        }
    }

    /// It names (volume, bucket), which leads to `bucket`, or to none.
    pub fn names<D: Disk, C: Clock>(
        &self,
        core: &Core<D, C>,
        place: (&str, &str),
        bucket: Option<&Resolved>,
    ) {
        if let Some(seen) = self.see(core, place, bucket) {
            self.seen.replace(Some(seen));
        }
    }

    /// It is a form that names this key.
    pub fn form_key(&self, key: &[u8]) {
        if self.audited {
            let key = String::from_utf8_lossy(key).into_owned();
            self.form_key.replace(Some(key));
        }
    }

    /// It copies from here.
    pub fn copies(&self, asked: &[u8]) {
        if self.audited {
            self.copy_source.replace(Some((asked.to_vec(), None)));
        }
    }

    /// It copies from (volume, bucket), which leads to `bucket`, or to none.
    pub fn copies_from<D: Disk, C: Clock>(
        &self,
        core: &Core<D, C>,
        place: (&str, &str),
        bucket: Option<&Resolved>,
    ) {
        if let Some(seen) = self.see(core, place, bucket) {
            let mut source = self.copy_source.borrow_mut();
            source.get_or_insert_default().1 = Some(seen);
        }
    }

    /// What is to be remembered of a name; nothing of a bucket, when nobody wants to know.
    fn see<D: Disk, C: Clock>(
        &self,
        core: &Core<D, C>,
        (volume, name): (&str, &str),
        bucket: Option<&Resolved>,
    ) -> Option<Seen> {
        let link = match bucket {
            Some(bucket) => bucket.is_link.then_some(bucket.entry_created),
            // A link that dangles counts what asks for it, too.
            None => {
                let entry = core.names().entry(volume, name).ok().flatten();
                entry
                    .filter(|entry| entry.link().is_some())
                    .map(|entry| entry.created)
            }
        };
        if !self.audited && link.is_none() {
            return None;
        }
        let (volume, name) = match bucket {
            Some(bucket) => (bucket.entry_volume, bucket.entry_name),
            None => (Name::new(volume)?, Name::new(name)?),
        };
        Some(Seen {
            volume,
            name,
            link,
            generation: bucket.map_or(0, |bucket| bucket.link_generation),
            target: bucket.map(|bucket| (bucket.source_volume, bucket.source_bucket)),
        })
    }

    /// One of many keys is done with: each has a line of its own in the audit log.
    pub fn one_of_many<D: Disk, C: Clock>(
        &self,
        core: &Core<D, C>,
        key: &str,
        code: Option<ErrorCode>,
    ) {
        let Some(audit) = core.audit() else {
            return;
        };
        let (claimed, seen) = (self.claimed.borrow(), self.seen.borrow());
        audit.record(&Line {
            key: Some(key.as_bytes()),
            result: code.map_or("OK", ErrorCode::as_str),
            status: code.map_or(204, ErrorCode::status),
            latency_us: micros(core.clock().monotonic().saturating_sub(self.began)),
            ..self.line(&claimed, seen.as_ref(), None)
        });
    }

    /// The request is over.
    pub fn finish<D: Disk, C: Clock>(&self, core: &Core<D, C>, end: &End<'_>) {
        let latency = core.clock().monotonic().saturating_sub(self.began);
        let operation = self.operation.get();
        core.meters().count(&Finished {
            operation: operation.map_or(NO_OPERATION, |operation| operation as usize),
            code: end.code.map(|code| code as usize),
            status: end.status,
            bytes_in: end.bytes_in,
            bytes_out: end.bytes_out,
            latency,
            cut_off: end.cut_off,
        });
        self.count_links(core, end);
        if let Some(audit) = core.audit() {
            self.audit(audit, end, micros(latency));
        }
    }

    fn count_links<D: Disk, C: Clock>(&self, core: &Core<D, C>, end: &End<'_>) {
        let through = LinkStats {
            requests: 1,
            bytes_in: end.bytes_in,
            bytes_out: end.bytes_out,
            errors: u64::from(end.status >= 400),
            last_used: Some(self.time()),
        };
        if let Some(seen) = &*self.seen.borrow() {
            seen.count(core, &through);
        }
        if let Some((_, Some(seen))) = &*self.copy_source.borrow() {
            // The bytes of a copy travel over no connection.
            let copied = LinkStats {
                bytes_in: 0,
                bytes_out: 0,
                ..through
            };
            seen.count(core, &copied);
        }
    }

    fn audit(&self, audit: &Audit, end: &End<'_>, latency_us: u64) {
        let (claimed, seen) = (self.claimed.borrow(), self.seen.borrow());
        let source = self.copy_source.borrow();
        let source = source.as_ref();
        let form_key = self.form_key.borrow();
        let key = end.path.and_then(ResourcePath::key);
        let key = key.map(|key| key.shown()).or(form_key.as_deref());
        let raw_path = end.path.is_none().then_some(end.raw_path);
        audit.record(&Line {
            key: key.map(str::as_bytes),
            result: match end.code {
                Some(code) => code.as_str(),
                None if end.cut_off => "ConnectionLost",
                None => "OK",
            },
            status: end.status,
            bytes_in: end.bytes_in,
            bytes_out: end.bytes_out,
            latency_us,
            copy_source: source.map(|(asked, _)| asked.as_slice()),
            copy_resolved: source.and_then(|(_, seen)| seen.as_ref()?.target()),
            raw_path: raw_path.filter(|raw| !raw.is_empty()),
            ..self.line(&claimed, seen.as_ref(), end.path)
        });
    }

    /// What every line about the request says.
    fn line<'a>(
        &self,
        claimed: &'a Claimed,
        seen: Option<&'a Seen>,
        path: Option<&'a ResourcePath<'a>>,
    ) -> Line<'a> {
        let named = path.and_then(ResourcePath::bucket).map(|name| Place {
            volume: claimed.volume.as_deref(),
            name,
        });
        Line {
            time_us: self.time_us,
            who: claimed.user.as_deref(),
            access_key: Some(&*claimed.access_key).filter(|key| !key.is_empty()),
            peer: Peer::Address(self.peer),
            what: self.operation.get().map_or("", Operation::name),
            asked: seen.map(Seen::place).or(named),
            resolved: seen.and_then(Seen::target),
            link_generation: seen.map_or(0, |seen| seen.generation),
            request_id: Some(self.id.number()),
            ..Line::default()
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Seen {
    fn place(&self) -> Place<'_> {
        Place {
            volume: Some(&self.volume),
            name: &self.name,
        }
    }

    fn target(&self) -> Option<Place<'_>> {
        let (volume, name) = self.target.as_ref()?;
        Some(Place {
            volume: Some(volume),
            name,
        })
    }

    /// Adds to the counters of the link, if it is one.
    fn count<D: Disk, C: Clock>(&self, core: &Core<D, C>, through: &LinkStats) {
        if let Some(created) = self.link {
            let id = LinkId::new(&self.volume, &self.name, created);
            core.meters()
                .links
                .count(id, &self.volume, &self.name, through);
        }
    }
}
