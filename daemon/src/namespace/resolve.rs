//! Follows a link to its bucket. This is the only place that does; it runs when something is
//! written, and what it finds is kept with the link.

use crate::base::codec::Malformed;
use crate::base::limits::LINK_CHAIN_MAX;
use crate::base::{BucketId, Timestamp};
use crate::namespace::acl::{Right, Who};
use crate::namespace::error::{Chain, ResolveError};
use crate::namespace::gates::{End, Gate, Way};
use crate::namespace::link::LinkRecord;
use crate::namespace::name::Name;
use crate::namespace::record::{EntryRecord, RecordKind, VolumeRecord};
use crate::namespace::rights::{self, OfBucket, Reached};
use crate::namespace::tables::{Read, Tables};
use crate::namespace::types::{Bucket, Consent, LinkStatus, Resolution, Target};

/// Where a link leads, and what is on the way.
pub(crate) struct Followed {
    pub(crate) resolution: Resolution,
    /// Begins with the link and ends with the name the resolution names.
    pub(crate) chain: Chain,
    /// Whether it dangles because a bucket is there that it, or a link on the way, is not bound to.
    pub(crate) bound: bool,
    /// Whether any link on the way is delegated.
    pub(crate) delegated: bool,
    /// Who may pass, when it leads to a bucket.
    pub(crate) way: Option<Way>,
}

/// Follows `link`, which is at `place` or will be there.
pub(crate) fn follow(
    tables: &impl Tables,
    place: (Name, Name),
    link: &LinkRecord,
) -> Read<Followed> {
    let mut walk = Walk::from(place, link);
    let mut here = link.source;
    let mut bound = false;
    let (status, record) = loop {
        let seen = walk.chain.contains(&here);
        walk.chain.push(here);
        if seen {
            break (LinkStatus::Loop, None);
        }
        let Some(record) = tables.entry_record(&here.0, &here.1)? else {
            break (LinkStatus::Dangling, None);
        };
        match &record.kind {
            RecordKind::Bucket(bucket) => {
                bound = walk.binds.iter().any(|id| *id != bucket.id);
                let status = if bound {
                    LinkStatus::Dangling
                } else {
                    LinkStatus::Ok
                };
                break (status, Some(record));
            }
            RecordKind::Link(_) if walk.hops() >= LINK_CHAIN_MAX => {
                break (LinkStatus::TooDeep, None);
            }
            RecordKind::Link(next) => {
                let source = next.source;
                walk.pass(here, &record, next);
                here = source;
            }
        }
    };
    let found = record.filter(|_| status == LinkStatus::Ok);
    walk.end(tables, (status, bound), here, found)
}

/// What was met so far.
struct Walk {
    chain: Chain,
    /// Prefixes of the links, the first link's first.
    prefixes: Vec<Box<str>>,
    read_only: bool,
    expires: Option<Timestamp>,
    binds: Vec<BucketId>,
    /// Consent to the link itself.
    own: Option<Consent>,
    /// The other links, with consent to them.
    gates: Vec<(Gate, Option<Consent>)>,
}

impl Walk {
    fn from(place: (Name, Name), link: &LinkRecord) -> Self {
        let mut walk = Self {
            chain: vec![place],
            prefixes: Vec::new(),
            read_only: false,
            expires: None,
            binds: Vec::new(),
            own: link.delegate,
            gates: Vec::new(),
        };
        walk.mind(link);
        walk
    }

    /// Takes over what holds for everything behind a link.
    fn mind(&mut self, link: &LinkRecord) {
        self.prefixes.extend(link.prefix.clone());
        self.read_only |= link.read_only;
        self.expires = [self.expires, link.expires].into_iter().flatten().min();
        self.binds.extend(link.bind);
    }

    fn pass(&mut self, place: (Name, Name), record: &EntryRecord, link: &LinkRecord) {
        self.mind(link);
        let gate = Gate {
            place,
            owner: record.owner,
            acl: record.acl.clone(),
        };
        self.gates.push((gate, link.delegate));
    }

    /// Links followed so far: every name of the chain but the last is one.
    fn hops(&self) -> usize {
        self.chain.len() - 1
    }

    /// `bucket` is the record at `here` when the way ended well.
    fn end(
        self,
        tables: &impl Tables,
        (status, bound): (LinkStatus, bool),
        here: (Name, Name),
        bucket: Option<EntryRecord>,
    ) -> Read<Followed> {
        let hops = u8::try_from(self.hops()).unwrap_or(u8::MAX);
        let mut followed = Followed {
            resolution: Resolution {
                status,
                hops,
                volume: here.0,
                bucket: here.1,
                target: None,
                prefix: None,
                read_only: self.read_only,
                expires: self.expires,
                delegated: false,
            },
            chain: self.chain,
            bound,
            delegated: false,
            way: None,
        };
        let Some(record) = bucket else {
            return Ok(followed);
        };
        let end = Source::new(tables, here, &record)?;
        followed.resolution.target = Some(end.target);
        if !self.prefixes.is_empty() {
            let inner_first = self.prefixes.iter().rev().map(|p| &**p);
            followed.resolution.prefix = Some(inner_first.collect::<String>().into());
        }
        followed.resolution.delegated = end.consents(tables, self.own)?;
        let mut gates = Vec::with_capacity(self.gates.len());
        let mut last = None;
        for (gate, consent) in self.gates {
            if end.consents(tables, consent)? {
                last = Some(End::Delegated(gate));
                break;
            }
            gates.push(gate);
        }
        followed.delegated = followed.resolution.delegated || last.is_some();
        let last = last.unwrap_or_else(|| end.as_end());
        followed.way = Some(Way::new(&gates, &last, here));
        Ok(followed)
    }
}

impl Followed {
    /// Why it leads nowhere; `None` when it leads to a bucket.
    pub(crate) fn reason(self) -> Option<ResolveError> {
        let Self {
            resolution,
            chain,
            bound,
            ..
        } = self;
        match resolution.status {
            LinkStatus::Ok | LinkStatus::Expired => None,
            LinkStatus::Loop => Some(ResolveError::Loop { chain }),
            LinkStatus::TooDeep => Some(ResolveError::TooDeep { chain }),
            LinkStatus::Dangling => Some(ResolveError::Dangling {
                volume: resolution.volume.to_string(),
                bucket: resolution.bucket.to_string(),
                bound,
            }),
        }
    }
}

/// Which link on the way has expired: there is one.
pub(crate) fn expired(
    tables: &impl Tables,
    link: &LinkRecord,
    chain: &[(Name, Name)],
    now: Timestamp,
) -> Read<ResolveError> {
    let mut end = link.expires;
    for (number, (volume, name)) in chain.iter().enumerate() {
        if number > 0 {
            let record = tables.entry_record(volume, name)?;
            end = record
                .as_ref()
                .and_then(EntryRecord::link)
                .and_then(|link| link.expires);
        }
        if let Some(at) = end.filter(|end| *end <= now) {
            let (volume, name) = (volume.to_string(), name.to_string());
            return Ok(ResolveError::Expired { volume, name, at });
        }
    }
    Err(Malformed("no link on the way has expired").into())
}

/// Finds out whether a chain ends, however long it is. One name is remembered, at distances that
/// double, until it is met again (Brent's way).
pub(crate) struct Brent {
    /// Where the chain begins, and its source there: it may not be kept yet.
    place: (Name, Name),
    source: (Name, Name),
    remembered: (Name, Name),
    here: (Name, Name),
    distance: usize,
    power: usize,
}

impl Brent {
    pub(crate) const fn new(place: (Name, Name), source: (Name, Name)) -> Self {
        Self {
            place,
            source,
            remembered: place,
            here: source,
            distance: 1,
            power: 1,
        }
    }

    /// One hop: whether the chain loops, once that is known.
    pub(crate) fn step(&mut self, tables: &impl Tables) -> Read<Option<bool>> {
        if self.here == self.remembered {
            return Ok(Some(true));
        }
        if self.distance == self.power {
            self.remembered = self.here;
            self.distance = 0;
            self.power = self.power.saturating_mul(2);
        }
        self.here = if self.here == self.place {
            self.source
        } else {
            let record = tables.entry_record(&self.here.0, &self.here.1)?;
            match record.as_ref().and_then(EntryRecord::link) {
                Some(link) => link.source,
                None => return Ok(Some(false)),
            }
        };
        self.distance += 1;
        Ok(None)
    }
}

/// A bucket and the volume around it, as far as rights go.
pub(crate) struct Source<'a> {
    place: (Name, Name),
    record: &'a EntryRecord,
    volume: VolumeRecord,
    pub(crate) target: Target,
}

impl<'a> Source<'a> {
    /// The bucket whose record this is.
    pub(crate) fn new(
        tables: &impl Tables,
        place: (Name, Name),
        record: &'a EntryRecord,
    ) -> Read<Self> {
        let RecordKind::Bucket(bucket) = record.kind else {
            return Err(Malformed("a bucket that is none").into());
        };
        let mut volume = tables
            .volume_record(&place.0)?
            .ok_or(Malformed("a bucket in no volume"))?;
        volume.acl = Some(rights::acl_of_volume(&place.0, volume.acl.take()));
        Ok(Self {
            place,
            record,
            volume,
            target: Target {
                bucket,
                owner: record.owner,
                created: record.created,
            },
        })
    }

    const fn bucket(&self) -> &Bucket {
        &self.target.bucket
    }

    pub(crate) fn as_end(&self) -> End {
        End::Bucket {
            acl: self.record.acl.clone(),
            volume_owner: self.volume.owner,
            volume_acl: self.volume.acl.clone().unwrap_or_default(),
        }
    }

    /// Whether somebody may decide who may do what with the bucket.
    pub(crate) fn may_delegate(&self, who: &Who<'_>) -> bool {
        let who = &who.at(self.place.0.as_bytes());
        let reached = OfBucket {
            volume: &self.place.0,
            owns_volume: who.is(&self.volume.owner),
            volume_list: self.volume.acl.as_ref().and_then(|acl| acl.checked(who)),
            owns: who.is(&self.record.owner),
            list: self.record.acl.checked(who),
            canned: self.bucket().acl,
        }
        .reach(who);
        matches!(reached, Reached::Bucket(rights) if rights.has(Right::WriteAcl))
    }

    /// Whether consent is there and still valid.
    pub(crate) fn consents(&self, tables: &impl Tables, consent: Option<Consent>) -> Read<bool> {
        let Some(consent) = consent.filter(|c| c.bucket == self.bucket().id) else {
            return Ok(false);
        };
        if consent.admin {
            return Ok(true);
        }
        let Some(user) = tables.user_record(&consent.grantor)? else {
            return Ok(false);
        };
        Ok(self.may_delegate(&Who {
            name: Some(&consent.grantor),
            groups: &user.groups,
            admin: user.admin,
            ..Who::ANONYMOUS
        }))
    }
}
