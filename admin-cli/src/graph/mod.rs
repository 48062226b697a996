//! Links as a graph: who shows whom. Every name leads to at most one other, so that the graph is
//! made of trees that grow towards a bucket, and of loops.

mod dot;
mod layout;
mod svg;
#[cfg(test)]
mod tests;

use crate::output::printable;
use crate::time::iso_8601;
use chainring_protocol::message::{BucketInfo, BucketName, LinkInfo, LinkStatus};
use std::collections::{BTreeMap, BTreeSet};

pub use dot::dot;
pub use svg::svg;

/// A name's place in [`Graph::nodes`].
type Id = usize;

/// The names and where they lead.
pub struct Graph {
    /// By name.
    nodes: Vec<Node>,
}

/// A name.
pub struct Node {
    /// The name.
    pub name: BucketName,
    /// What has that name.
    pub kind: Kind,
    /// Where it leads.
    next: Option<Id>,
}

/// What has a name.
pub enum Kind {
    /// A bucket.
    Bucket,
    /// A link.
    Link(Box<Facts>),
    /// Nothing.
    Missing,
    /// Something that the caller may not see.
    Unknown,
}

/// What there is to say about a link.
pub struct Facts {
    /// What following it finds.
    pub status: LinkStatus,
    /// What it says besides its source, in short.
    pub says: Vec<String>,
    /// The part of the source that it shows.
    pub prefix: Option<String>,
    /// The user who owns it.
    pub owner: String,
    /// How often it was pointed somewhere.
    pub generation: u64,
}

impl Facts {
    fn new(info: &BucketInfo, link: &LinkInfo) -> Self {
        let mut says = Vec::new();
        says.extend(link.read_only.then(|| "read-only".to_owned()));
        if let Some(expires) = link.expires {
            let text = iso_8601(expires);
            let day = text.split_once('T').map_or(text.as_str(), |(day, _)| day);
            says.push(format!("until {day}"));
        }
        says.extend(link.bind.map(|id| format!("bound to #{id}")));
        if let Some(consent) = &link.delegate {
            let kind = if consent.valid {
                "delegated"
            } else {
                "delegated once"
            };
            says.push(format!("{kind} by {}", printable(&consent.grantor)));
        }
        Self {
            status: link.status,
            says,
            prefix: link.prefix.clone(),
            owner: info.owner.clone(),
            generation: link.generation,
        }
    }
}

impl Node {
    /// What it is, in a word.
    pub const fn word(&self) -> &'static str {
        match &self.kind {
            Kind::Bucket => "bucket",
            Kind::Link(facts) => facts.status.as_str(),
            Kind::Missing => "missing",
            Kind::Unknown => "unknown",
        }
    }

    /// The link's facts, if it is one.
    pub fn facts(&self) -> Option<&Facts> {
        match &self.kind {
            Kind::Link(facts) => Some(facts),
            _ => None,
        }
    }
}

/// Links of which a graph is to be made.
pub struct Links {
    links: BTreeMap<(String, String), BucketInfo>,
    buckets: BTreeSet<(String, String)>,
}

fn key(name: &BucketName) -> (String, String) {
    (name.volume.clone(), name.bucket.clone())
}

impl Links {
    /// Of all links, those of `volume` and those that lead through it; without one, all.
    pub fn new(all: Vec<BucketInfo>, volume: Option<&str>) -> Self {
        let all: BTreeMap<_, _> = all
            .into_iter()
            .filter(|info| info.link.is_some())
            .map(|info| (key(&info.bucket), info))
            .collect();
        let touches = |info: &BucketInfo, volume: &str| {
            let link = info.link.iter();
            let names = link.flat_map(|link| link.chain.iter().chain([&link.source]));
            info.bucket.volume == volume || names.into_iter().any(|name| name.volume == volume)
        };
        let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
        for (name, info) in &all {
            if volume.is_none_or(|volume| touches(info, volume)) {
                wanted.insert(name.clone());
                // With everything on the way.
                let chain = info.link.iter().flat_map(|link| &link.chain);
                wanted.extend(chain.map(key));
            }
        }
        let links: BTreeMap<_, _> = all
            .into_iter()
            .filter(|(name, _)| wanted.contains(name))
            .collect();
        let resolved = links.values().filter_map(|info| info.link.as_ref());
        let buckets = resolved
            .filter(|link| link.status == LinkStatus::Ok)
            .filter_map(|link| link.resolved.as_ref())
            .map(key)
            .collect();
        Self { links, buckets }
    }

    /// Adds a bucket, whether a link leads to it or not.
    pub fn add_bucket(&mut self, name: &BucketName) {
        self.buckets.insert(key(name));
    }

    /// Sources of which the links do not say what they are.
    pub fn unsure(&self) -> Vec<BucketName> {
        let names: BTreeSet<_> = self
            .links
            .values()
            .filter_map(|info| info.link.as_ref())
            .map(|link| key(&link.source))
            .filter(|name| !self.links.contains_key(name) && !self.buckets.contains(name))
            .collect();
        names
            .into_iter()
            .map(|(volume, bucket)| BucketName { volume, bucket })
            .collect()
    }

    /// The graph. `missing` are the names that nothing has.
    pub fn graph(&self, missing: &[BucketName]) -> Graph {
        let missing: BTreeSet<_> = missing.iter().map(key).collect();
        let links = self.links.values().filter_map(|info| info.link.as_ref());
        let mut names: BTreeSet<(String, String)> = self.links.keys().cloned().collect();
        names.extend(self.buckets.iter().cloned());
        names.extend(links.map(|link| key(&link.source)));
        let ids: BTreeMap<_, Id> = names.iter().cloned().zip(0..).collect();
        let node = |name: (String, String)| {
            let info = self.links.get(&name);
            let link = info.and_then(|info| info.link.as_ref());
            let kind = match info.zip(link) {
                Some((info, link)) => Kind::Link(Box::new(Facts::new(info, link))),
                None if self.buckets.contains(&name) => Kind::Bucket,
                None if missing.contains(&name) => Kind::Missing,
                None => Kind::Unknown,
            };
            Node {
                next: link.and_then(|link| ids.get(&key(&link.source)).copied()),
                name: BucketName::new(name.0, name.1),
                kind,
            }
        };
        Graph {
            nodes: names.into_iter().map(node).collect(),
        }
    }
}

impl Graph {
    #[expect(
        clippy::indexing_slicing,
        reason = "a graph's ids are places in its own nodes"
    )]
    fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    fn ids(&self) -> std::ops::Range<Id> {
        0..self.nodes.len()
    }

    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// For example `3 links, 1 bucket, 1 not ok`.
    pub fn summary(&self) -> String {
        let count = |wanted: fn(&Node) -> bool| self.nodes.iter().filter(|n| wanted(n)).count();
        let links = count(|node| node.facts().is_some());
        let buckets = count(|node| matches!(node.kind, Kind::Bucket));
        let bad = count(|node| node.facts().is_some_and(|f| f.status != LinkStatus::Ok));
        if links == 0 && buckets == 0 {
            return "no links".to_owned();
        }
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        format!(
            "{links} link{}, {buckets} bucket{}, {}",
            plural(links),
            plural(buckets),
            match bad {
                0 => "every link ok".to_owned(),
                bad => format!("{bad} not ok"),
            }
        )
    }
}
