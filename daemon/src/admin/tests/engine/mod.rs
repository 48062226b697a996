//! The listeners with the real engine behind them: a namespace and two shards in a folder.

mod keys;
mod names;
mod users;

use crate::admin::{About, Engine, Server};
use crate::base::ShardId;
use crate::io::runtime::run;
use crate::io::{
    RealClock, UnixListener, UringDisk, entropy, mailbox, net, reply, spawn, spawn_vital, timeout,
};
use crate::log::Durability as LogDurability;
use crate::namespace::{FirstUser, Namespace, NamespaceConfig, Secret};
use crate::shard::core::serve_jobs;
use crate::shard::open::{create_shard, open_shard};
use crate::shard::{Core, Topology};
use crate::store::superblock::Superblock;
use chainring_protocol::client::Client;
use chainring_protocol::message::{
    BucketCreate, BucketInfo, BucketLink, BucketName, Durability, KeyGet, KeyPut,
};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const SHARDS: u16 = 2;

struct Daemon {
    socket: PathBuf,
    tcp: SocketAddr,
}

/// Runs `test` on a thread of its own while a daemon serves a new store.
fn with_engine(test: impl FnOnce(Daemon) + Send + 'static) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let unix = UnixListener::bind(&socket).unwrap();
    let tcp = net::listen("127.0.0.1:0".parse().unwrap(), 1)
        .unwrap()
        .remove(0);
    let daemon = Daemon {
        socket,
        tcp: tcp.local_addr(),
    };
    let path = folder.path().to_owned();
    let thread = run(async move {
        let core = new_core(&path).await;
        let about = About {
            store: [3; 16],
            pid: 1,
            started: Duration::ZERO,
            durability: Durability::Strict,
            s3_endpoint: "http://127.0.0.1:9878".to_owned(),
            data_dir: path.display().to_string(),
        };
        let server = Server::new(Engine::new(core.clone(), about));
        let (one, other) = (server.clone(), server.clone());
        spawn(async move { one.serve_unix(unix).await.unwrap() });
        spawn(async move { other.serve_tcp(tcp).await.unwrap() });
        let (done, answer) = reply();
        let thread = std::thread::spawn(move || {
            // The runtime's wakers abort when they are used while a panic unwinds.
            let outcome = catch_unwind(AssertUnwindSafe(|| test(daemon)));
            done.send(());
            outcome.unwrap_or_else(|panic| resume_unwind(panic));
        });
        let _: Option<()> = answer.await;
        server.close();
        timeout(Duration::from_secs(10), server.drained())
            .await
            .unwrap();
        core.namespace().unwrap().close().await.unwrap();
        for store in core.own_stores() {
            store.log().close().await.unwrap();
        }
        thread
    })
    .unwrap();
    thread.join().unwrap();
}

async fn new_core(folder: &Path) -> Rc<Core<UringDisk, RealClock>> {
    let disk = UringDisk::open(folder).unwrap();
    let superblock = Superblock {
        store: [3; 16],
        shards: SHARDS,
        created: 0,
    };
    let mut stores = Vec::new();
    for shard in (0..SHARDS).map(ShardId) {
        create_shard(disk.clone(), RealClock, &superblock, shard)
            .await
            .unwrap();
        let strict = LogDurability::Strict;
        let store = open_shard(disk.clone(), RealClock, &superblock, shard, strict).await;
        let store = Rc::new(store.unwrap());
        spawn_vital("log", store.log().run());
        stores.push(Some(store));
    }
    let random = Rc::new(|bytes: &mut [u8]| entropy(bytes));
    let config = NamespaceConfig::new("namespace", [3; 16], None, random);
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
    let core = Core::new(0, topology, stores, Some(Rc::new(namespace)), RealClock);
    spawn_vital("mailbox", serve_jobs(core.clone(), mail));
    core
}

impl Daemon {
    fn client(&self) -> Client<UnixStream> {
        let stream = UnixStream::connect(&self.socket).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Client::connect(stream, "test 1.0").unwrap()
    }
}

fn name(volume: &str, bucket: &str) -> BucketName {
    BucketName::new(volume, bucket)
}

fn create(client: &mut Client<UnixStream>, bucket: &BucketName) -> BucketInfo {
    let create = BucketCreate {
        bucket: bucket.clone(),
        owner: None,
    };
    client.call(&create).unwrap()
}

fn link(source: &BucketName, link: &BucketName, strict: bool) -> BucketLink {
    BucketLink {
        source: source.clone(),
        link: link.clone(),
        owner: None,
        strict,
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
