//! The listeners with the real engine behind them: a namespace and two shards in a folder.

mod codes;
mod copies;
mod keys;
mod links;
mod names;
mod roles;
mod scene;
mod users;

use crate::admin::tests::harness::{Daemon, serve};
use crate::admin::{About, Engine};
use crate::base::ShardId;
use crate::base::limits::SEGMENT_BYTES;
use crate::io::{RealClock, UringDisk, entropy, mailbox, spawn_vital};
use crate::log::Durability as LogDurability;
use crate::namespace::{FirstUser, Limits, Namespace, NamespaceConfig, Secret, SecretsKey};
use crate::shard::core::serve_jobs;
use crate::shard::open::{Tuning, create_shard, open_shard};
use crate::shard::{Core, Topology};
use crate::store::ReadCache;
use crate::store::superblock::Superblock;
use chainring_protocol::client::Client;
use chainring_protocol::message::{
    BucketCreate, BucketInfo, BucketLink, BucketName, Durability, KeyGet, KeyPut,
};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const SHARDS: u16 = 2;
/// Low enough to be met.
const LIMITS: Limits = Limits {
    volumes_of_owner: 8,
    entries: 100,
};

type TestCore = Rc<Core<UringDisk, RealClock>>;

/// Runs `test` while a daemon serves a new store.
fn with_engine(test: impl FnOnce(Daemon) + Send + 'static) {
    serve(start, stop, test);
}

async fn start(folder: PathBuf) -> (Engine<UringDisk, RealClock>, TestCore) {
    let core = new_core(&folder).await;
    let about = About {
        store: [3; 16],
        pid: 1,
        started: Duration::ZERO,
        durability: Durability::Strict,
        s3_endpoint: "http://127.0.0.1:9878".to_owned(),
        data_dir: folder.display().to_string(),
        expire_uploads: Some(Duration::from_secs(3600)),
    };
    (Engine::new(core.clone(), about), core)
}

async fn stop(core: TestCore) {
    core.namespace().unwrap().close().await.unwrap();
    for store in core.own_stores() {
        store.log().close().await.unwrap();
    }
}

async fn new_core(folder: &Path) -> TestCore {
    let disk = UringDisk::open(folder).unwrap();
    let superblock = Superblock {
        store: [3; 16],
        shards: SHARDS,
        created: 0,
    };
    let mut stores = Vec::new();
    for shard in (0..SHARDS).map(ShardId) {
        create_shard(disk.clone(), RealClock, &superblock, shard, SEGMENT_BYTES)
            .await
            .unwrap();
        let strict = Tuning::new(LogDurability::Strict);
        let store = open_shard(disk.clone(), RealClock, &superblock, shard, strict).await;
        let store = Rc::new(store.unwrap());
        spawn_vital("log", store.log().run());
        stores.push(Some(store));
    }
    let random = Rc::new(|bytes: &mut [u8]| entropy(bytes));
    let key = SecretsKey::new([5; 32]);
    let mut config = NamespaceConfig::new("namespace", [3; 16], None, random, key);
    config.limits = LIMITS;
    let first = FirstUser {
        name: "admin".to_owned(),
        access_key: Some("ADMINKEY".to_owned()),
        secret: Some(Secret::new("admin-secret".to_owned()).unwrap()),
    };
    let (namespace, _) = Namespace::create(disk, RealClock, config, first)
        .await
        .unwrap();
    spawn_vital("namespace", namespace.run());
    let (inbox, mail) = mailbox();
    let readers = stores.iter().flatten().map(|store| store.reader());
    let topology = Arc::new(Topology {
        owners: vec![0; usize::from(SHARDS)],
        readers: readers.collect(),
        inboxes: vec![inbox],
        names: namespace.reader(),
    });
    let core = Core::new(
        0,
        topology,
        stores,
        Some(Rc::new(namespace)),
        RealClock,
        ReadCache::new(1 << 20),
    );
    spawn_vital("mailbox", serve_jobs(core.clone(), mail));
    core
}

fn name(volume: &str, bucket: &str) -> BucketName {
    BucketName::new(volume, bucket)
}

fn create(client: &mut Client<UnixStream>, bucket: &BucketName) -> BucketInfo {
    client.call(&BucketCreate::new(bucket.clone())).unwrap()
}

fn link(source: &BucketName, link: &BucketName, strict: bool) -> BucketLink {
    BucketLink {
        strict,
        ..BucketLink::new(source.clone(), link.clone())
    }
}

/// Writes a key in one upload.
fn put(client: &mut Client<UnixStream>, bucket: &BucketName, key: &str, bytes: &[u8]) {
    let mut source = bytes;
    let put = KeyPut {
        bucket: bucket.clone(),
        key: key.to_owned(),
        size: Some(bytes.len() as u64),
        content_type: None,
    };
    let mut upload = client.upload(&put).unwrap();
    while upload.send_from(&mut source).unwrap() > 0 {}
    assert_eq!(upload.finish().unwrap().size, bytes.len() as u64);
}

/// Reads a key in one download.
fn get(client: &mut Client<UnixStream>, bucket: &BucketName, key: &str) -> Vec<u8> {
    let get = KeyGet {
        bucket: bucket.clone(),
        key: key.to_owned(),
    };
    let mut bytes = Vec::new();
    let mut download = client.download(&get).unwrap();
    download.copy_to(&mut bytes, |_| {}).unwrap();
    bytes
}
