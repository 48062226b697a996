//! Tests of the namespace as a whole, on the simulated disk, clock and executor.

mod links;
mod model;
mod model_users;
mod quotas;
mod recovery;
mod rights;
mod secrets;
mod sources;
mod tenants;
mod users;
mod volumes;

use super::*;
use crate::io::sim::{self, SimClock, SimDisk};
use std::cell::Cell;
use std::rc::Rc;

/// The time at which names are resolved.
pub(super) const NOW: crate::base::Timestamp = crate::base::Timestamp(1);

pub(super) type Ns = Namespace<SimDisk, SimClock>;

/// Different bytes at every call, the same in every run.
pub(super) fn entropy(seed: u64) -> Entropy {
    let state = Cell::new(sim::Rng::new(seed));
    Rc::new(move |out: &mut [u8]| {
        let mut rng = state.replace(sim::Rng::new(0));
        out.fill_with(|| u8::try_from(rng.below(256)).unwrap());
        state.set(rng);
    })
}

pub(super) fn config(seed: u64) -> NamespaceConfig {
    NamespaceConfig {
        segment_bytes: 512 * 1024,
        snapshot_bytes: 128 * 1024,
        ..NamespaceConfig::new(
            "namespace",
            [7; 16],
            None,
            entropy(seed),
            SecretsKey::new([5; 32]),
        )
    }
}

pub(super) fn first_user() -> FirstUser {
    FirstUser {
        name: "admin".to_owned(),
        access_key: Some("ADMINKEY".to_owned()),
        secret: Some(Secret::new("adminsecret".to_owned()).unwrap()),
    }
}

/// Runs a test against a fresh namespace.
pub(super) fn with<F: Future<Output = ()>>(test: impl FnOnce(Ns) -> F) {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let made = Namespace::create(disk, SimClock, config(1), first_user()).await;
        let (namespace, _) = made.expect("created");
        sim::spawn(namespace.run());
        test(namespace).await;
    });
}

pub(super) async fn volume(ns: &Ns, name: &str) {
    let command = Command::CreateVolume {
        name: name.to_owned(),
        owner: "alice".to_owned(),
        quota_bytes: None,
        quota_namespace: None,
    };
    ns.apply(command).await.expect(name);
}

pub(super) fn create_bucket(volume: &str, name: &str) -> Command {
    Command::CreateBucket {
        volume: volume.to_owned(),
        name: name.to_owned(),
        owner: "alice".to_owned(),
        acl: CannedAcl::Private,
        object_lock: false,
        protected: false,
        quota_bytes: None,
        quota_namespace: None,
    }
}

pub(super) fn create_link(source: (&str, &str), volume: &str, name: &str) -> Command {
    Command::CreateLink {
        source: (source.0.to_owned(), source.1.to_owned()),
        volume: volume.to_owned(),
        name: name.to_owned(),
        owner: "bob".to_owned(),
        strict: false,
        options: LinkOptions::default(),
    }
}

pub(super) async fn link_with(
    ns: &Ns,
    source: (&str, &str),
    volume: &str,
    name: &str,
    options: LinkOptions,
) -> Result<Entry, NamespaceError> {
    let command = Command::CreateLink {
        source: (source.0.to_owned(), source.1.to_owned()),
        volume: volume.to_owned(),
        name: name.to_owned(),
        owner: "bob".to_owned(),
        strict: false,
        options,
    };
    entry(ns, command).await
}

/// A strict link in `s3v`.
pub(super) fn strictly_with(source: (&str, &str), name: &str, options: LinkOptions) -> Command {
    Command::CreateLink {
        source: (source.0.to_owned(), source.1.to_owned()),
        volume: "s3v".to_owned(),
        name: name.to_owned(),
        owner: "bob".to_owned(),
        strict: true,
        options,
    }
}

pub(super) fn strictly(command: Command) -> Command {
    match command {
        Command::CreateLink {
            source,
            volume,
            name,
            owner,
            ..
        } => Command::CreateLink {
            source,
            volume,
            name,
            owner,
            strict: true,
            options: LinkOptions::default(),
        },
        other => other,
    }
}

pub(super) async fn entry(ns: &Ns, command: Command) -> Result<Entry, NamespaceError> {
    match ns.apply(command).await? {
        Reply::Entry(entry) => Ok(*entry),
        other => panic!("not an entry: {other:?}"),
    }
}

pub(super) async fn bucket(ns: &Ns, volume: &str, name: &str) -> crate::base::BucketId {
    let made = entry(ns, create_bucket(volume, name)).await.expect(name);
    made.bucket().expect("a bucket").id
}

pub(super) async fn link(ns: &Ns, source: (&str, &str), volume: &str, name: &str) -> LinkStatus {
    let made = entry(ns, create_link(source, volume, name))
        .await
        .expect(name);
    made.link().expect("a link").resolution.status
}

/// Deletes a bucket or link and returns the links left without a bucket.
pub(super) async fn delete(ns: &Ns, volume: &str, name: &str) -> Vec<String> {
    let found = ns.reader().entry(volume, name).unwrap().expect(name);
    let (volume, name) = (volume.to_owned(), name.to_owned());
    let command = match found.bucket() {
        Some(bucket) => Command::DeleteBucket {
            volume,
            name,
            expect: bucket.id,
        },
        None => Command::DeleteLink { volume, name },
    };
    match ns.apply(command).await.expect("deleted") {
        Reply::Deleted {
            dangling,
            dangling_count,
        } => {
            assert_eq!(dangling.len() as u64, dangling_count);
            dangling.iter().map(|(v, n)| format!("/{v}/{n}")).collect()
        }
        other => panic!("not a deletion: {other:?}"),
    }
}

pub(super) fn status(ns: &Ns, volume: &str, name: &str) -> LinkStatus {
    let found = ns.reader().entry(volume, name).unwrap().expect(name);
    found.link().expect("a link").resolution.status
}
