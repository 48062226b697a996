//! A whole server without a kernel: one core with two shards on the simulated disk, names, and the
//! S3 service in front.

use crate::sign::{ACCESS_KEY, REGION, SECRET};
use chainringd::base::{AlignedBuf, BucketId, ShardId, Timestamp};
use chainringd::http::Server;
use chainringd::io::mailbox::mailbox;
use chainringd::io::sim::{self, Rng, SimClock, SimDisk};
use chainringd::log::{Durability, LogConfig};
use chainringd::namespace::{
    CannedAcl, Command, Entropy, FirstUser, LinkOptions, Namespace, NamespaceConfig, Reply,
    S3_VOLUME, Secret, SecretsKey,
};
use chainringd::s3::service::{Service, Settings};
use chainringd::shard::core::shard_of;
use chainringd::shard::{Core, Topology};
use chainringd::store::{
    ETag, NewBody, NewObject, ObjectMeta, ReadCache, Store, StoreConfig, WriteCondition,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// The time at which names are resolved: that of the simulated clock.
pub const NOW: Timestamp = Timestamp(1_767_225_600_000);
/// A bucket.
pub const BUCKET: &str = "bucket";
/// A link to it.
pub const LINK: &str = "link";
/// A link to what lies below [`FOLDER`] in it.
pub const PREFIX_LINK: &str = "prefix-link";
/// The prefix of [`PREFIX_LINK`].
pub const FOLDER: &str = "some/key/with/";
/// The last of a chain of links to it.
pub const CHAIN: &str = "chain-16";
/// Links in the chain.
const CHAIN_LINKS: usize = 16;
/// Other buckets, so that the index is not a single node.
const BUCKETS: usize = 300;
const STORE: [u8; 16] = [7; 16];
const USER: &str = "admin";
const SHARDS: u16 = 2;
const SEGMENT_BYTES: u32 = 1 << 20;

/// What a core keeps of what it has read: more than there is here.
const CACHE_BYTES: u64 = 64 << 20;

/// The writer of names.
pub type Names = Namespace<SimDisk, SimClock>;
type Stores = Vec<Rc<Store<SimDisk, SimClock>>>;

/// A server with names and objects.
pub struct World {
    /// The HTTP side.
    pub server: Server<SimClock>,
    /// The S3 side.
    pub service: Service<SimDisk, SimClock>,
}

impl World {
    /// A server with `objects` of so many bytes each in [`BUCKET`]. Needs a simulation around it.
    pub async fn new(objects: impl IntoIterator<Item = String>, bytes: usize) -> Self {
        let disk = SimDisk::new(1);
        let names = names(&disk).await;
        let bucket = names.reader().resolve(S3_VOLUME, BUCKET, NOW);
        let bucket = bucket.expect("there is a bucket").bucket;
        let stores = stores(&disk).await;
        fill(&stores, bucket, objects, bytes).await;
        let (inbox, _mail) = mailbox();
        let topology = Topology {
            owners: vec![0; stores.len()],
            readers: stores.iter().map(|store| store.reader()).collect(),
            inboxes: vec![inbox],
            names: names.reader(),
        };
        let stores = stores.into_iter().map(Some).collect();
        let core = Core::new(
            0,
            Arc::new(topology),
            stores,
            Some(Rc::new(names)),
            SimClock,
            ReadCache::new(CACHE_BYTES),
        );
        let settings = Settings {
            region: REGION.to_owned(),
            domains: Vec::new(),
        };
        Self {
            server: Server::new(SimClock),
            service: Service::new(core, settings),
        }
    }
}

/// A namespace with [`BUCKET`], links to it and many others. Needs a simulation around it.
pub async fn names(disk: &SimDisk) -> Names {
    let secrets = SecretsKey::new([5; 32]);
    let config = NamespaceConfig::new("namespace", STORE, None, entropy(), secrets);
    let first = FirstUser {
        name: USER.to_owned(),
        access_key: Some(ACCESS_KEY.to_owned()),
        secret: Secret::new(SECRET.to_owned()).ok(),
    };
    let made = Namespace::create(disk.clone(), SimClock, config, first).await;
    let (names, _) = made.expect("a namespace");
    sim::spawn(names.run());
    for n in 0..BUCKETS {
        apply(&names, bucket(format!("other-{n:04}"))).await;
    }
    apply(&names, bucket(BUCKET.to_owned())).await;
    apply(&names, link(BUCKET, LINK, None)).await;
    apply(&names, link(BUCKET, PREFIX_LINK, Some(FOLDER))).await;
    let mut source = BUCKET.to_owned();
    for n in 1..=CHAIN_LINKS {
        let name = format!("chain-{n:02}");
        apply(&names, link(&source, &name, None)).await;
        source = name;
    }
    names
}

async fn apply(names: &Names, command: Command) -> Reply {
    names.apply(command).await.expect("a change of names")
}

/// The same bytes in every run.
fn entropy() -> Entropy {
    let rng = RefCell::new(Rng::new(1));
    Rc::new(move |out: &mut [u8]| {
        let mut rng = rng.borrow_mut();
        out.fill_with(|| u8::try_from(rng.below(256)).unwrap_or_default());
    })
}

fn bucket(name: String) -> Command {
    Command::CreateBucket {
        volume: S3_VOLUME.to_owned(),
        name,
        owner: USER.to_owned(),
        acl: CannedAcl::Private,
        object_lock: false,
        protected: false,
        quota_bytes: None,
        quota_namespace: None,
    }
}

fn link(source: &str, name: &str, prefix: Option<&str>) -> Command {
    Command::CreateLink {
        source: (S3_VOLUME.to_owned(), source.to_owned()),
        volume: S3_VOLUME.to_owned(),
        name: name.to_owned(),
        owner: USER.to_owned(),
        strict: false,
        options: LinkOptions {
            prefix: prefix.map(str::to_owned),
            ..LinkOptions::default()
        },
    }
}

async fn stores(disk: &SimDisk) -> Stores {
    let mut stores = Vec::new();
    for shard in 0..SHARDS {
        let log = LogConfig {
            dir: format!("shard-{shard:03}"),
            store: STORE,
            shard,
            segment_bytes: SEGMENT_BYTES,
            durability: Durability::Strict,
        };
        let config = StoreConfig {
            log,
            checkpoint_bytes: u64::MAX,
        };
        let store = Store::create(disk.clone(), SimClock, config).await;
        let store = Rc::new(store.expect("a shard"));
        sim::spawn(store.log().run());
        stores.push(store);
    }
    stores
}

async fn fill(
    stores: &Stores,
    bucket: BucketId,
    keys: impl IntoIterator<Item = String>,
    bytes: usize,
) {
    for (n, key) in (0u8..=255).cycle().zip(keys) {
        let ShardId(shard) = shard_of(stores.len(), bucket, key.as_bytes());
        let object = NewObject {
            bucket,
            key: key.into_bytes(),
            etag: ETag {
                md5: [n; 16],
                parts: 0,
            },
            size: bytes as u64,
            meta: ObjectMeta {
                owner: "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
                    .to_owned(),
                ..ObjectMeta::default()
            },
            body: NewBody::Inline(AlignedBuf::copy_of(&vec![n; bytes]), 0),
            condition: WriteCondition::default(),
            modified: None,
        };
        let store = stores.get(usize::from(shard)).expect("shard_of knows");
        store.put(object).await.expect("an object");
    }
}
