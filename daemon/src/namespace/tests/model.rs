//! The namespace against a naive model: names in maps, links followed and rights added up when
//! asked.

use super::*;
use crate::base::{BucketId, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;

const VOLUMES: [&str; 3] = ["s3v", "va1", "vb1"];
const VOLUME_OWNERS: [&str; 3] = ["admin", "alice", "carol"];
const NAMES: [&str; 6] = ["aaa", "bbb", "ccc", "ddd", "eee", "fff"];
const BUCKET_OWNERS: [&str; 2] = ["alice", "bob"];
const USERS: [&str; 4] = ["alice", "bob", "carol", ""];
const PREFIXES: [Option<&str>; 3] = [None, Some("p/"), Some("q")];
const LISTS: [&str; 7] = [
    "",
    "user:carol:r",
    "user:carol:rwy,anonymous::r",
    "world::r,user:alice:y",
    "world::a",
    "group:crew:rl,world::r[DEFAULT]",
    "user:bob:rc,user:alice:r,user:alice:a[DEFAULT]",
];
/// When links expire that do.
const END: Timestamp = Timestamp(5);
const RIGHTS: [Right; 4] = [Right::Read, Right::Create, Right::Write, Right::WriteAcl];

/// A command on few names, so that they meet.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Volume(usize),
    DropVolume(usize),
    Bucket(usize, usize),
    Link {
        to: (usize, usize),
        at: (usize, usize),
        strict: bool,
        options: Options,
    },
    Drop(usize, usize),
    SetSource {
        at: (usize, usize),
        to: (usize, usize),
        expect: Option<(usize, usize)>,
        turn: Option<u64>,
        delegate: bool,
    },
    RollBack((usize, usize), Option<u64>),
    Revoke(usize, usize),
    Protect(usize, usize, bool),
    Acl((usize, usize), usize),
    VolumeAcl(usize, usize),
    /// Alice, who delegates links, comes or goes.
    Alice(bool),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    read_only: bool,
    prefix: usize,
    expires: bool,
    bind: bool,
    delegate: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    owner: String,
    acl: Acl,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Bucket {
        id: u64,
        protected: bool,
    },
    Link {
        /// All of them, the present one last.
        sources: Vec<Source>,
        /// The bucket that Alice's consent is about.
        consent: Option<u64>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    turn: u64,
    to: Place,
    read_only: bool,
    prefix: Option<String>,
    expires: bool,
    bind: Option<u64>,
}

type Place = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
struct VolumeModel {
    owner: String,
    acl: Acl,
    names: BTreeMap<String, Node>,
}

/// What must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Model {
    volumes: BTreeMap<String, VolumeModel>,
    next: u64,
    alice: bool,
}

impl Default for Model {
    fn default() -> Self {
        let s3v = VolumeModel {
            owner: "admin".to_owned(),
            acl: Acl::parse("world::rcl,anonymous::r").unwrap(),
            names: BTreeMap::new(),
        };
        Self {
            volumes: BTreeMap::from([("s3v".to_owned(), s3v)]),
            next: 1,
            alice: false,
        }
    }
}

fn place((v, n): (usize, usize)) -> Place {
    (VOLUMES[v].to_owned(), NAMES[n].to_owned())
}

fn alice() -> Grantor {
    Grantor {
        name: "alice".to_owned(),
        admin: false,
        tenant: None,
        tenant_admin: false,
    }
}

impl Step {
    pub(super) fn random(rng: &mut sim::Rng) -> Self {
        let mut any = || (rng.below(VOLUMES.len()), rng.below(NAMES.len()));
        let (to, at, expected) = (any(), any(), any());
        let mut one_in = |n: usize| rng.below(n) == 0;
        let options = Options {
            read_only: one_in(6),
            expires: one_in(6),
            bind: one_in(6),
            delegate: one_in(3),
            prefix: 0,
        };
        let (strict, expect, turned) = (one_in(8), one_in(3), one_in(3));
        let number = rng.below(6) as u64;
        match rng.below(24) {
            0 => Self::Volume(at.0),
            1 => Self::DropVolume(at.0),
            2..6 => Self::Bucket(at.0, at.1),
            6..11 => Self::Link {
                to,
                at,
                strict,
                options: Options {
                    prefix: rng.below(PREFIXES.len()),
                    ..options
                },
            },
            11..14 => Self::Drop(at.0, at.1),
            14..17 => Self::SetSource {
                at,
                to,
                expect: expect.then_some(expected),
                turn: turned.then_some(number),
                delegate: options.delegate,
            },
            17 => Self::RollBack(at, (number > 2).then(|| number - 2)),
            18 => Self::Revoke(at.0, at.1),
            19 => Self::Protect(at.0, at.1, strict),
            20..22 => Self::Acl(at, rng.below(LISTS.len())),
            22 => Self::VolumeAcl(at.0, rng.below(LISTS.len())),
            _ => Self::Alice(number > 1),
        }
    }

    pub(super) async fn run(&self, ns: &Ns) -> Result<Reply, NamespaceError> {
        let command = match self {
            Self::Drop(v, n) => {
                let (volume, name) = place((*v, *n));
                let found = ns.reader().entry(&volume, &name).expect("sound");
                match found.as_ref().and_then(Entry::bucket) {
                    Some(bucket) => Command::DeleteBucket {
                        volume,
                        name,
                        expect: bucket.id,
                    },
                    None => Command::DeleteLink { volume, name },
                }
            }
            Self::SetSource {
                at,
                to,
                expect,
                turn,
                delegate,
            } => {
                let (volume, name) = place(*at);
                Command::SetLinkSource {
                    volume,
                    name,
                    source: place(*to),
                    expect: expect.map(place),
                    expect_generation: *turn,
                    delegate: delegate.then(alice),
                    by: "carol".to_owned(),
                }
            }
            Self::RollBack(at, to) => {
                let ((volume, name), to, by) = (place(*at), *to, "carol".to_owned());
                Command::RollbackLink {
                    volume,
                    name,
                    to,
                    by,
                }
            }
            Self::Revoke(v, n) => {
                let (volume, name) = place((*v, *n));
                Command::RevokeDelegation { volume, name }
            }
            Self::Protect(v, n, protected) => {
                let ((volume, name), protected) = (place((*v, *n)), *protected);
                Command::SetProtected {
                    volume,
                    name,
                    protected,
                }
            }
            Self::Acl(at, list) => {
                let (volume, name) = place(*at);
                set_list(AclTarget::Entry(volume, name), *list)
            }
            Self::VolumeAcl(v, list) => set_list(AclTarget::Volume(VOLUMES[*v].into()), *list),
            other => other.creation(),
        };
        ns.apply(command).await
    }

    /// The command of a step that makes something, or removes a volume or a user.
    fn creation(&self) -> Command {
        match *self {
            Self::Volume(v) => Command::CreateVolume {
                name: VOLUMES[v].into(),
                owner: VOLUME_OWNERS[v].into(),
                quota_bytes: None,
                quota_namespace: None,
            },
            Self::DropVolume(v) => Command::DeleteVolume {
                name: VOLUMES[v].into(),
            },
            Self::Alice(true) => Command::CreateUser {
                name: "alice".into(),
                display_name: None,
                access_key: None,
                secret: None,
                admin: false,
                groups: vec!["crew".into()],
            },
            Self::Alice(false) => Command::DeleteUser {
                name: "alice".into(),
            },
            Self::Link {
                to,
                at,
                strict,
                options,
            } => Command::CreateLink {
                source: place(to),
                volume: VOLUMES[at.0].into(),
                name: NAMES[at.1].into(),
                owner: "bob".into(),
                strict,
                options: LinkOptions {
                    read_only: options.read_only,
                    prefix: PREFIXES[options.prefix].map(Into::into),
                    expires: options.expires.then_some(END),
                    bind_id: options.bind,
                    delegate: options.delegate.then(alice),
                    by: None,
                },
            },
            Self::Bucket(v, n) => match create_bucket(VOLUMES[v], NAMES[n]) {
                Command::CreateBucket {
                    volume,
                    name,
                    acl,
                    object_lock,
                    protected,
                    quota_bytes,
                    quota_namespace,
                    ..
                } => Command::CreateBucket {
                    volume,
                    name,
                    owner: BUCKET_OWNERS[n % 2].into(),
                    acl,
                    object_lock,
                    protected,
                    quota_bytes,
                    quota_namespace,
                },
                other => other,
            },
            ref other => panic!("no creation: {other:?}"),
        }
    }
}

fn set_list(target: AclTarget, list: usize) -> Command {
    let list = Acl::parse(LISTS[list]).unwrap();
    let edit = AclEdit::Set(list.rules().to_vec());
    Command::SetAcl { target, edit }
}

/// How a name ends.
struct Walked {
    /// None when there is no such name.
    status: Option<LinkStatus>,
    /// The bucket.
    id: u64,
    /// The links on the way.
    links: Vec<Place>,
    end: Place,
    prefix: String,
    read_only: bool,
    expires: bool,
}

impl Model {
    /// Does what a step should do; the error is of no kind.
    pub(super) fn apply(&mut self, step: &Step) -> Result<(), ()> {
        let before = self.clone();
        let result = self.attempt(step);
        if result.is_err() {
            *self = before;
        }
        result
    }

    fn attempt(&mut self, step: &Step) -> Result<(), ()> {
        match *step {
            Step::Volume(v) => {
                if self.volumes.contains_key(VOLUMES[v]) {
                    return Err(());
                }
                let volume = VolumeModel {
                    owner: VOLUME_OWNERS[v].to_owned(),
                    acl: Acl::EMPTY,
                    names: BTreeMap::new(),
                };
                self.volumes.insert(VOLUMES[v].into(), volume);
            }
            Step::DropVolume(v) => {
                let volume = self.volumes.get(VOLUMES[v]);
                let empty = volume.is_some_and(|volume| volume.names.is_empty());
                (empty && v > 0)
                    .then(|| self.volumes.remove(VOLUMES[v]))
                    .ok_or(())?;
            }
            Step::Bucket(v, n) => {
                let kind = Kind::Bucket {
                    id: self.next,
                    protected: false,
                };
                self.add(place((v, n)), BUCKET_OWNERS[n % 2], kind)?;
                self.next += 1;
            }
            Step::Link {
                to,
                at,
                strict,
                options,
            } => self.link(place(to), &place(at), strict, options)?,
            Step::Drop(v, n) => self.delete(&place((v, n)))?,
            Step::SetSource {
                at,
                to,
                expect,
                turn,
                delegate,
            } => {
                let present = self.present(&place(at)).ok_or(())?.clone();
                let fits = expect.is_none_or(|expect| place(expect) == present.to)
                    && turn.is_none_or(|turn| turn == present.turn);
                fits.then_some(()).ok_or(())?;
                let next = Source {
                    to: place(to),
                    bind: None,
                    turn: present.turn + 1,
                    ..present.clone()
                };
                self.add_source(&place(at), next)?;
                self.settle(&place(at), present.bind.is_some(), delegate)?;
            }
            Step::RollBack(at, to) => {
                let present = self.present(&place(at)).ok_or(())?.turn;
                let to = to.unwrap_or(present - 1);
                let Kind::Link { sources, .. } = &self.get(&place(at)).ok_or(())?.kind else {
                    return Err(());
                };
                let past = sources.iter().filter(|s| s.turn < present);
                let past = past.clone().find(|s| s.turn == to).ok_or(())?;
                let next = Source {
                    turn: present + 1,
                    ..past.clone()
                };
                self.add_source(&place(at), next)?;
            }
            Step::Revoke(v, n) => match &mut self.get_mut(&place((v, n))).ok_or(())?.kind {
                Kind::Link { consent, .. } => *consent = None,
                Kind::Bucket { .. } => return Err(()),
            },
            Step::Protect(v, n, is) => match &mut self.get_mut(&place((v, n))).ok_or(())?.kind {
                Kind::Bucket { protected, .. } => *protected = is,
                Kind::Link { .. } => return Err(()),
            },
            Step::Acl(at, list) => {
                self.get_mut(&place(at)).ok_or(())?.acl = Acl::parse(LISTS[list]).unwrap();
            }
            Step::VolumeAcl(v, list) => {
                let volume = self.volumes.get_mut(VOLUMES[v]).ok_or(())?;
                volume.acl = Acl::parse(LISTS[list]).unwrap();
            }
            Step::Alice(comes) => {
                (self.alice != comes).then_some(()).ok_or(())?;
                self.alice = comes;
            }
        }
        Ok(())
    }

    fn link(&mut self, to: Place, at: &Place, strict: bool, options: Options) -> Result<(), ()> {
        let source = Source {
            turn: 1,
            to,
            read_only: options.read_only,
            prefix: PREFIXES[options.prefix].map(Into::into),
            expires: options.expires,
            bind: None,
        };
        let kind = Kind::Link {
            sources: vec![source],
            consent: None,
        };
        self.add(at.clone(), "bob", kind)?;
        let found = self.follow(at);
        if strict && (found.status != Some(LinkStatus::Ok) || found.expires) {
            return Err(());
        }
        self.settle(at, options.bind, options.delegate)
    }

    /// Binds and delegates a link to the bucket it leads to.
    fn settle(&mut self, at: &Place, bind: bool, delegate: bool) -> Result<(), ()> {
        if !bind && !delegate {
            return Ok(());
        }
        let found = self.follow(at);
        let ok = found.status == Some(LinkStatus::Ok);
        if !ok || (delegate && !self.may_delegate(&found.end)) {
            return Err(());
        }
        if let Kind::Link { sources, consent } = &mut self.get_mut(at).ok_or(())?.kind {
            sources.last_mut().ok_or(())?.bind = bind.then_some(found.id);
            *consent = delegate.then_some(found.id);
        }
        Ok(())
    }

    fn add_source(&mut self, at: &Place, source: Source) -> Result<(), ()> {
        match &mut self.get_mut(at).ok_or(())?.kind {
            Kind::Link { sources, consent } => {
                sources.push(source);
                *consent = None;
                Ok(())
            }
            Kind::Bucket { .. } => Err(()),
        }
    }

    fn delete(&mut self, at: &Place) -> Result<(), ()> {
        let named = self
            .places()
            .any(|link| self.present(&link).is_some_and(|s| s.to == *at));
        match self.get(at).ok_or(())?.kind {
            Kind::Bucket { protected, .. } if protected && named => return Err(()),
            _ => {}
        }
        self.volumes.get_mut(&at.0).ok_or(())?.names.remove(&at.1);
        Ok(())
    }

    fn add(&mut self, place: Place, owner: &str, kind: Kind) -> Result<(), ()> {
        let volume = self.volumes.get_mut(&place.0).ok_or(())?;
        if volume.names.contains_key(&place.1) {
            return Err(());
        }
        let node = Node {
            owner: owner.to_owned(),
            acl: volume.acl.inherited(),
            kind,
        };
        volume.names.insert(place.1, node);
        Ok(())
    }

    fn get(&self, place: &Place) -> Option<&Node> {
        self.volumes.get(&place.0)?.names.get(&place.1)
    }

    fn get_mut(&mut self, place: &Place) -> Option<&mut Node> {
        self.volumes.get_mut(&place.0)?.names.get_mut(&place.1)
    }

    fn present(&self, place: &Place) -> Option<&Source> {
        match &self.get(place)?.kind {
            Kind::Link { sources, .. } => sources.last(),
            Kind::Bucket { .. } => None,
        }
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        let names = |(v, volume): (&String, &VolumeModel)| {
            let names = volume.names.keys().map(|n| (v.clone(), n.clone()));
            names.collect::<Vec<_>>()
        };
        self.volumes.iter().flat_map(names)
    }

    fn follow(&self, place: &Place) -> Walked {
        let mut walked = Walked {
            status: None,
            id: 0,
            links: Vec::new(),
            end: place.clone(),
            prefix: String::new(),
            read_only: false,
            expires: false,
        };
        let mut binds = Vec::new();
        loop {
            match self.get(&walked.end).map(|node| &node.kind) {
                None if walked.links.is_empty() => return walked,
                None => walked.status = Some(LinkStatus::Dangling),
                Some(Kind::Bucket { id, .. }) => {
                    let bound = binds.iter().all(|bind| bind == id);
                    walked.id = *id;
                    walked.status = Some(match bound {
                        true => LinkStatus::Ok,
                        false => LinkStatus::Dangling,
                    });
                }
                // With so few names no chain is too deep.
                Some(Kind::Link { .. }) if walked.links.contains(&walked.end) => {
                    walked.status = Some(LinkStatus::Loop);
                }
                Some(Kind::Link { sources, .. }) => {
                    let source = sources.last().expect("a source");
                    binds.extend(source.bind);
                    walked
                        .prefix
                        .insert_str(0, source.prefix.as_deref().unwrap_or(""));
                    walked.read_only |= source.read_only;
                    walked.expires |= source.expires;
                    walked.links.push(walked.end);
                    walked.end = source.to.clone();
                    if walked.links.len() <= 16 {
                        continue;
                    }
                    walked.status = Some(LinkStatus::TooDeep);
                }
            }
            return walked;
        }
    }

    /// What somebody may do with a bucket or link itself.
    fn own(&self, place: &Place, user: &str) -> Rights {
        let Some(node) = self.get(place).filter(|node| node.owner != user) else {
            return Rights::ALL;
        };
        of_list(&node.acl, user)
    }

    /// What somebody may do with a bucket that is asked for directly.
    fn direct(&self, place: &Place, user: &str) -> Rights {
        let (name, groups) = (Name::new(user), groups_of(user));
        let who = Who {
            name: name.as_ref().filter(|name| !name.is_empty()),
            groups: &groups,
            ..Who::ANONYMOUS
        };
        self.direct_of(place, user, &who)
    }

    fn direct_of(&self, place: &Place, user: &str, who: &Who<'_>) -> Rights {
        let volume = &self.volumes[&place.0];
        let node = self.get(place).expect("a bucket");
        if node.owner == user {
            Rights::ALL
        } else if volume.owner == user || volume.acl.rights_of(who).has(Right::Read) {
            node.acl.rights_of(who)
        } else {
            Rights::NONE
        }
    }

    fn may_delegate(&self, bucket: &Place) -> bool {
        let groups = if self.alice {
            groups_of("alice")
        } else {
            Vec::new()
        };
        let alice = Name::new("alice").unwrap();
        let who = Who {
            name: Some(&alice),
            groups: &groups,
            ..Who::ANONYMOUS
        };
        self.direct_of(bucket, "alice", &who).has(Right::WriteAcl)
    }

    fn consents(&self, link: &Place, found: &Walked) -> bool {
        match self.get(link).map(|node| &node.kind) {
            Some(Kind::Link { consent, .. }) => {
                self.alice && *consent == Some(found.id) && self.may_delegate(&found.end)
            }
            _ => false,
        }
    }

    fn allows(&self, found: &Walked, user: &str, right: Right) -> bool {
        if found.read_only && right != Right::Read {
            return false;
        }
        let has = |rights: Rights| {
            rights.has(right) || (right == Right::Create && rights.has(Right::Write))
        };
        for link in &found.links {
            let own = self.own(link, user);
            if self.consents(link, found) {
                return has(own);
            }
            if !own.has(Right::Read) {
                return false;
            }
        }
        has(self.direct(&found.end, user))
    }

    /// Whether a link led to a bucket at any time, over any sources of the links on the way.
    fn led_to(&self, place: &Place, id: u64) -> bool {
        let mut met = vec![place.clone()];
        let mut next = 0;
        while let Some(here) = met.get(next).cloned() {
            next += 1;
            match self.get(&here).map(|node| &node.kind) {
                None => {}
                Some(Kind::Bucket { id: its, .. }) if *its == id => return true,
                Some(Kind::Bucket { .. }) => {}
                Some(Kind::Link { sources, .. }) => {
                    let fits = |s: &&Source| s.bind.is_none_or(|bind| bind == id);
                    for source in sources.iter().filter(fits) {
                        if !met.contains(&source.to) {
                            met.push(source.to.clone());
                        }
                    }
                }
            }
        }
        false
    }

    /// What a namespace holds, in the model's words.
    pub(super) fn of(reader: &NamespaceReader) -> Self {
        let mut volumes = BTreeMap::new();
        for volume in reader.list_volumes("", None, 100).expect("sound") {
            let entries = reader
                .list_buckets(&volume.name, "", None, 100)
                .expect("sound");
            let nodes = entries.into_iter().map(|entry| Self::node(reader, entry));
            let found = VolumeModel {
                owner: volume.owner.to_string(),
                acl: volume.acl,
                names: nodes.collect(),
            };
            volumes.insert(volume.name.to_string(), found);
        }
        let state = reader.hold();
        let found = Self {
            volumes,
            next: tables::next_bucket(&*state).expect("sound"),
            alice: reader.user("alice").expect("sound").is_some(),
        };
        found.check(reader);
        found
    }

    fn node(reader: &NamespaceReader, entry: Entry) -> (String, Node) {
        let kind = match &entry.kind {
            EntryKind::Bucket(bucket) => Kind::Bucket {
                id: bucket.id.0,
                protected: bucket.protected,
            },
            EntryKind::Link(link) => {
                let sources = reader
                    .link_history(&entry.volume, &entry.name)
                    .expect("sound");
                assert_eq!(sources[0], link.present());
                let source = |past: &LinkGeneration| Source {
                    turn: past.generation,
                    to: (
                        past.source_volume.to_string(),
                        past.source_bucket.to_string(),
                    ),
                    read_only: past.read_only,
                    prefix: past.prefix.as_deref().map(Into::into),
                    expires: past.expires.is_some(),
                    bind: past.bind.map(|id| id.0),
                };
                Kind::Link {
                    sources: sources.iter().rev().map(source).collect(),
                    consent: link.delegate.map(|consent| consent.bucket.0),
                }
            }
        };
        let node = Node {
            owner: entry.owner.to_string(),
            acl: entry.acl,
            kind,
        };
        (entry.name.to_string(), node)
    }

    /// Every name resolves as the model says, and the reverse index is complete.
    pub(super) fn check(&self, reader: &NamespaceReader) {
        for volume in VOLUMES {
            for name in NAMES {
                let place = (volume.to_owned(), name.to_owned());
                let walked = self.follow(&place);
                self.check_resolved(reader, &place, &walked);
                let links = reader.links_to(volume, name, None, 100).expect("sound");
                let expected = self.places();
                let expected = expected
                    .filter(|link| self.present(link).is_some_and(|source| source.to == place));
                assert_eq!(links.len(), expected.count());
            }
        }
    }

    /// A name leads to the buckets it has led to, and to no others.
    fn check_pinned(&self, reader: &NamespaceReader) {
        for volume in VOLUMES {
            for name in NAMES {
                let place = (volume.to_owned(), name.to_owned());
                for id in 1..self.next {
                    let found = reader.resolve_pinned(volume, name, BucketId(id), NOW);
                    let expected = self.led_to(&place, id);
                    assert_eq!(found.is_ok(), expected, "{place:?} {id}: {found:?}");
                }
            }
        }
    }

    fn check_resolved(&self, reader: &NamespaceReader, place: &Place, walked: &Walked) {
        let later = reader.resolve(&place.0, &place.1, END);
        assert_eq!(
            matches!(later, Err(ResolveError::Expired { .. })),
            walked.expires,
            "{place:?}: {later:?}"
        );
        match (reader.resolve(&place.0, &place.1, NOW), walked.status) {
            (Ok(found), Some(LinkStatus::Ok)) => {
                assert_eq!(
                    (found.bucket, usize::from(found.hops)),
                    (BucketId(walked.id), walked.links.len())
                );
                assert_eq!(found.source_volume, *walked.end.0);
                assert_eq!(found.source_bucket, *walked.end.1);
                assert_eq!(found.prefix.as_deref().unwrap_or(""), walked.prefix);
                assert_eq!(found.read_only, walked.read_only);
                let turn = self.present(place).map_or(0, |source| source.turn);
                assert_eq!(found.link_generation, turn);
                let any = walked.links.iter().any(|link| self.consents(link, walked));
                assert_eq!(found.delegated, any);
                for user in USERS {
                    let name = Name::new(user).filter(|name| !name.is_empty());
                    let groups = groups_of(user);
                    let who = Who {
                        name: name.as_ref(),
                        groups: &groups,
                        ..Who::ANONYMOUS
                    };
                    for right in RIGHTS {
                        assert_eq!(
                            found.allows(&who, right),
                            self.allows(walked, user, right),
                            "{place:?} {user} {right:?}"
                        );
                    }
                }
            }
            (Err(ResolveError::VolumeNotFound), None) => {
                assert!(!self.volumes.contains_key(&place.0));
            }
            (Err(ResolveError::BucketNotFound), None) => {
                assert!(self.volumes.contains_key(&place.0));
            }
            (Err(ResolveError::Dangling { .. }), Some(LinkStatus::Dangling))
            | (Err(ResolveError::Loop { .. }), Some(LinkStatus::Loop))
            | (Err(ResolveError::TooDeep { .. }), Some(LinkStatus::TooDeep)) => {}
            other => panic!("{place:?}: {other:?}"),
        }
    }

    fn broken(&self) -> Vec<Place> {
        let links = self.places().filter(|place| self.present(place).is_some());
        links
            .filter(|place| self.follow(place).status != Some(LinkStatus::Ok))
            .collect()
    }
}

/// Alice is in a group.
fn groups_of(user: &str) -> Vec<Name> {
    let crew = Name::new("crew").filter(|_| user == "alice");
    crew.into_iter().collect()
}

fn of_list(acl: &Acl, user: &str) -> Rights {
    let name = Name::new(user).filter(|name| !name.is_empty());
    let groups = groups_of(user);
    acl.rights_of(&Who {
        name: name.as_ref(),
        groups: &groups,
        ..Who::ANONYMOUS
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_the_naive_model(seed: u64, length in 1usize..70) {
        let mut rng = sim::Rng::new(seed);
        let steps: Vec<_> = (0..length).map(|_| Step::random(&mut rng)).collect();
        with(async |ns| {
            let mut model = Model::default();
            for step in steps {
                let before = model.broken();
                let expected = model.apply(&step);
                let reply = step.run(&ns).await;
                assert_eq!(reply.is_ok(), expected.is_ok(), "{step:?}: {reply:?}");
                if let Ok(Reply::Deleted { mut dangling, .. }) = reply {
                    let mut newly = model.broken();
                    newly.retain(|place| !before.contains(place));
                    dangling.sort();
                    let dangling: Vec<_> = dangling.iter()
                        .map(|(v, n)| (v.to_string(), n.to_string())).collect();
                    assert_eq!(dangling, newly);
                }
                model.check(&ns.reader());
            }
            assert_eq!(Model::of(&ns.reader()), model);
            model.check_pinned(&ns.reader());
        });
    }

    /// Commands given at once are done in their order, in few batches.
    #[test]
    fn commands_given_at_once_are_done_in_order(seed: u64, length in 1usize..40) {
        let mut rng = sim::Rng::new(seed);
        let steps: Vec<_> = (0..length).map(|_| Step::random(&mut rng)).collect();
        with(async |ns| {
            let mut model = Model::default();
            let creations: Vec<_> = steps.into_iter()
                .filter(|step| !matches!(step, Step::Drop(..))).collect();
            let running: Vec<_> = creations.iter().map(|step| step.run(&ns)).collect();
            let replies = futures_util::future::join_all(running).await;
            for (step, reply) in creations.iter().zip(replies) {
                assert_eq!(reply.is_ok(), model.apply(step).is_ok(), "{step:?}: {reply:?}");
            }
            assert_eq!(Model::of(&ns.reader()), model);
        });
    }
}
