//! The servers that are compared: how each is started, and what it does before it answers a PUT.
//!
//! What a rival flushes was read in its sources of the pinned version; see each.

mod floors;
mod garage;
mod minio;
mod ours;
mod s3s;
mod seaweed;
mod versity;

use super::ground::Launch;
use super::kind::{Kind, Way};
use crate::sign::Credentials;
pub use ours::Chainring;
use std::error::Error;
use std::process::Command;

/// A server, as far as it differs from the others.
pub trait Peer {
    /// Its name in tables, flags and folders.
    fn id(&self) -> String;
    /// The file name of its program.
    fn program(&self) -> &'static str;
    /// What it does before it answers a PUT.
    fn durability(&self) -> &'static str;
    /// Whether the bytes of an object are on the device then.
    fn flushes(&self) -> bool;
    /// Whether it is a floor, not a rival.
    fn is_floor(&self) -> bool {
        false
    }
    /// Whether it can do this at all.
    fn can(&self, kind: &Kind) -> bool {
        kind.way == Way::Direct && kind.objects == 0
    }
    /// Its CPUs, of those for servers and those for the client.
    fn cpus(&self, servers: &[usize], _client: &[usize]) -> Vec<usize> {
        servers.to_vec()
    }
    /// Whether the path of a request is the length of the answer, not a bucket and a key.
    fn is_canned(&self) -> bool {
        false
    }
    /// Its first user.
    fn credentials(&self) -> Credentials {
        // The form that the strictest of them asks for.
        Credentials {
            access_key: "GK0123456789abcdef01234567".to_owned(),
            secret: "0123456789abcdef".repeat(4),
            region: "us-east-1".to_owned(),
        }
    }
    /// How its version is asked for.
    fn version_flag(&self) -> &'static str {
        "--version"
    }
    /// The command that starts it.
    fn command(&self, launch: &Launch) -> Result<Command, Box<dyn Error>>;
    /// What is to be done once, when it answers.
    fn prepare(&self, _launch: &Launch) -> Result<(), Box<dyn Error>> {
        Ok(())
    }
    /// Makes a link from one bucket to another, where there are such things.
    fn link(&self, _launch: &Launch, _from: &str, _to: &str) -> Result<(), Box<dyn Error>> {
        Err("it has no links".into())
    }
}

/// Every server there is, in the order of the tables.
#[must_use]
pub fn all() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(Chainring::strict()),
        Box::new(Chainring::relaxed()),
        Box::new(minio::Minio { syncs: false }),
        Box::new(minio::Minio { syncs: true }),
        Box::new(seaweed::SeaweedFs { syncs: false }),
        Box::new(seaweed::SeaweedFs { syncs: true }),
        Box::new(garage::Garage { syncs: false }),
        Box::new(garage::Garage { syncs: true }),
        Box::new(versity::Versity),
        Box::new(s3s::S3sFs),
        Box::new(floors::MemoryStore),
        Box::new(floors::BareLog),
    ]
}

/// Servers that only the budgets ask for.
fn special() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(Chainring::two_cores()),
        Box::new(Chainring::scalar_md5()),
        Box::new(floors::Bare),
    ]
}

/// The server of a name.
pub fn named(id: &str) -> Result<Box<dyn Peer>, String> {
    let known: Vec<String> = all().iter().map(|peer| peer.id()).collect();
    let mut peers = all().into_iter().chain(special());
    let found = peers.find(|peer| peer.id() == id);
    found.ok_or_else(|| format!("no server is called {id}; known are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_different() {
        let names: BTreeSet<String> = all().iter().map(|peer| peer.id()).collect();
        assert_eq!(names.len(), all().len());
        assert!(named("minio").is_ok());
        assert!(named("nobody").is_err_and(|error| error.contains("s3s-fs")));
    }
}
