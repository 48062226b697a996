//! The namespace against a naive model: names in maps, links followed when asked.

use super::*;
use crate::base::BucketId;
use proptest::prelude::*;
use std::collections::BTreeMap;

const VOLUMES: [&str; 3] = ["s3v", "va1", "vb1"];
const NAMES: [&str; 6] = ["aaa", "bbb", "ccc", "ddd", "eee", "fff"];

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
    },
    Drop(usize, usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Bucket(u64),
    Link(String, String),
}

type Place = (String, String);

/// What must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Model {
    volumes: BTreeMap<String, BTreeMap<String, Node>>,
    next: u64,
}

impl Default for Model {
    fn default() -> Self {
        let volumes = BTreeMap::from([("s3v".to_owned(), BTreeMap::new())]);
        Self { volumes, next: 1 }
    }
}

impl Step {
    pub(super) fn random(rng: &mut sim::Rng) -> Self {
        let mut place = || (rng.below(VOLUMES.len()), rng.below(NAMES.len()));
        let (to, at) = (place(), place());
        match rng.below(10) {
            0 => Self::Volume(at.0),
            1 => Self::DropVolume(at.0),
            2..5 => Self::Bucket(at.0, at.1),
            5..8 => Self::Link {
                to,
                at,
                strict: rng.below(8) == 0,
            },
            _ => Self::Drop(at.0, at.1),
        }
    }

    pub(super) async fn run(&self, ns: &Ns) -> Result<Reply, NamespaceError> {
        let owner = "alice".to_owned();
        let command = match *self {
            Self::Volume(v) => Command::CreateVolume {
                name: VOLUMES[v].into(),
                owner,
                quota_bytes: None,
                quota_namespace: None,
            },
            Self::DropVolume(v) => Command::DeleteVolume {
                name: VOLUMES[v].into(),
            },
            Self::Bucket(v, n) => create_bucket(VOLUMES[v], NAMES[n]),
            Self::Link { to, at, strict } => {
                let to = (VOLUMES[to.0], NAMES[to.1]);
                let command = create_link(to, VOLUMES[at.0], NAMES[at.1]);
                if strict { strictly(command) } else { command }
            }
            Self::Drop(v, n) => {
                let (volume, name) = (VOLUMES[v].to_owned(), NAMES[n].to_owned());
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
        };
        ns.apply(command).await
    }
}

impl Model {
    /// Does what a step should do; the error is of no kind.
    pub(super) fn apply(&mut self, step: &Step) -> Result<(), ()> {
        let place = |(v, n): (usize, usize)| (VOLUMES[v].to_owned(), NAMES[n].to_owned());
        match *step {
            Step::Volume(v) => {
                let free = !self.volumes.contains_key(VOLUMES[v]);
                free.then(|| self.volumes.insert(VOLUMES[v].into(), BTreeMap::new()))
                    .ok_or(())?;
            }
            Step::DropVolume(v) => {
                let empty = self.volumes.get(VOLUMES[v]).is_some_and(BTreeMap::is_empty);
                (empty && v > 0)
                    .then(|| self.volumes.remove(VOLUMES[v]))
                    .ok_or(())?;
            }
            Step::Bucket(v, n) => {
                let id = self.next;
                self.add(place((v, n)), Node::Bucket(id))?;
                self.next += 1;
            }
            Step::Link { to, at, strict } => {
                let (to, at) = (place(to), place(at));
                self.add(at.clone(), Node::Link(to.0, to.1))?;
                if strict && self.follow(&at).0 != Some(LinkStatus::Ok) {
                    self.volumes.get_mut(&at.0).ok_or(())?.remove(&at.1);
                    return Err(());
                }
            }
            Step::Drop(v, n) => {
                let names = self.volumes.get_mut(VOLUMES[v]).ok_or(())?;
                names.remove(NAMES[n]).ok_or(())?;
            }
        }
        Ok(())
    }

    fn add(&mut self, place: Place, node: Node) -> Result<(), ()> {
        let names = self.volumes.get_mut(&place.0).ok_or(())?;
        if names.contains_key(&place.1) {
            return Err(());
        }
        names.insert(place.1, node);
        Ok(())
    }

    fn get(&self, place: &Place) -> Option<&Node> {
        self.volumes.get(&place.0)?.get(&place.1)
    }

    /// How a name ends: the status (none when it does not exist), the bucket, the hops.
    fn follow(&self, place: &Place) -> (Option<LinkStatus>, u64, usize) {
        let mut seen = vec![place.clone()];
        if self.get(place).is_none() {
            return (None, 0, 0);
        }
        for hops in 0.. {
            match self.get(seen.last().expect("never empty")) {
                None => return (Some(LinkStatus::Dangling), 0, hops),
                Some(Node::Bucket(id)) => return (Some(LinkStatus::Ok), *id, hops),
                Some(Node::Link(..)) if hops == 16 => break,
                Some(Node::Link(v, n)) => {
                    let next = (v.clone(), n.clone());
                    if seen.contains(&next) {
                        return (Some(LinkStatus::Loop), 0, hops + 1);
                    }
                    seen.push(next);
                }
            }
        }
        (Some(LinkStatus::TooDeep), 0, 16)
    }

    /// What a namespace holds, in the model's words.
    pub(super) fn of(reader: &NamespaceReader) -> Self {
        let mut volumes = BTreeMap::new();
        for volume in reader.list_volumes("", None, 100).expect("sound") {
            let entries = reader
                .list_buckets(&volume.name, "", None, 100)
                .expect("sound");
            let nodes = entries.into_iter().map(|entry| {
                let node = match &entry.kind {
                    EntryKind::Bucket(bucket) => Node::Bucket(bucket.id.0),
                    EntryKind::Link(link) => Node::Link(
                        link.source_volume.to_string(),
                        link.source_bucket.to_string(),
                    ),
                };
                (entry.name.to_string(), node)
            });
            volumes.insert(volume.name.to_string(), nodes.collect());
        }
        let state = reader.hold();
        let next = tables::next_bucket(&*state).expect("sound");
        let found = Self { volumes, next };
        found.check(reader);
        found
    }

    /// Every name resolves as the model says, and the reverse index is complete.
    pub(super) fn check(&self, reader: &NamespaceReader) {
        for volume in VOLUMES {
            for name in NAMES {
                let place = (volume.to_owned(), name.to_owned());
                let (status, id, hops) = self.follow(&place);
                match (reader.resolve(volume, name, NOW), status) {
                    (Ok(found), Some(LinkStatus::Ok)) => {
                        assert_eq!(
                            (found.bucket, usize::from(found.hops)),
                            (BucketId(id), hops)
                        );
                        let source = (
                            found.source_volume.to_string(),
                            found.source_bucket.to_string(),
                        );
                        assert_eq!(self.get(&source), Some(&Node::Bucket(id)));
                    }
                    (Err(ResolveError::VolumeNotFound), None) => {
                        assert!(!self.volumes.contains_key(volume));
                    }
                    (Err(ResolveError::BucketNotFound), None) => {
                        assert!(self.volumes.contains_key(volume));
                    }
                    (Err(ResolveError::Dangling { .. }), Some(LinkStatus::Dangling))
                    | (Err(ResolveError::Loop { .. }), Some(LinkStatus::Loop))
                    | (Err(ResolveError::TooDeep { .. }), Some(LinkStatus::TooDeep)) => {}
                    other => panic!("{volume}/{name}: {other:?}"),
                }
                let links = reader.links_to(volume, name, None, 100).expect("sound");
                let expected = self.volumes.values().flat_map(BTreeMap::values);
                let expected =
                    expected.filter(|n| **n == Node::Link(place.0.clone(), place.1.clone()));
                assert_eq!(links.len(), expected.count());
            }
        }
    }

    fn broken(&self) -> Vec<Place> {
        let places = self.volumes.iter().flat_map(|(v, names)| {
            names
                .iter()
                .map(move |(n, node)| ((v.clone(), n.clone()), node))
        });
        places
            .filter(|(_, node)| matches!(node, Node::Link(..)))
            .map(|(place, _)| place)
            .filter(|place| self.follow(place).0 != Some(LinkStatus::Ok))
            .collect()
    }
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
