//! The real store on the simulated disk: superblock, namespace, shards and the core that ties them
//! together, made and opened as the daemon does it.

mod observe;
mod perform;
mod shards;

pub use observe::{Dump, Loose};
pub use shards::Shards;

use chainringd::base::{ShardId, Timestamp};
use chainringd::io::mailbox;
use chainringd::io::sim::{self, SimClock, SimDisk};
use chainringd::log::{Durability, LogConfig};
use chainringd::namespace::{Entropy, FirstUser, Namespace, NamespaceConfig, Secret, SecretsKey};
use chainringd::shard::core::{NAMESPACE_CORE, serve_jobs};
use chainringd::shard::open::shard_dir;
use chainringd::shard::{Core, Topology};
use chainringd::store::superblock::{Found, Superblock};
use chainringd::store::{ReadCache, Store, StoreConfig};
use std::cell::Cell;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

type SimStore = Store<SimDisk, SimClock>;
type SimCore = Core<SimDisk, SimClock>;
type SimNames = Namespace<SimDisk, SimClock>;

/// The store's id. Any will do; the same in every run.
const STORE: [u8; 16] = *b"0123456789abcdef";
/// The user that owns everything: rights are proven elsewhere.
const OWNER: &str = "admin";

/// How a store is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Shards.
    pub shards: u16,
    /// Bytes of a segment of a shard's log, small, so that logs have many.
    pub segment_bytes: u32,
    /// Whether answers wait for the write only, not for the flush.
    pub relaxed: bool,
    /// Bytes of the namespace's log after which a snapshot is written.
    pub snapshot_bytes: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            shards: 1,
            segment_bytes: 16 * 1024,
            relaxed: false,
            snapshot_bytes: 1 << 40,
        }
    }
}

impl Shape {
    const fn durability(&self) -> Durability {
        if self.relaxed {
            let interval = Duration::from_millis(500);
            Durability::Relaxed { interval }
        } else {
            Durability::Strict
        }
    }

    fn store(&self, shard: ShardId) -> StoreConfig {
        StoreConfig {
            log: LogConfig {
                dir: shard_dir(shard),
                store: STORE,
                shard: shard.0,
                segment_bytes: self.segment_bytes,
                durability: self.durability(),
            },
            checkpoint_bytes: 1 << 40,
        }
    }

    fn namespace(&self) -> NamespaceConfig {
        let secrets = SecretsKey::new([5; 32]);
        NamespaceConfig {
            segment_bytes: 16 * 1024,
            snapshot_bytes: self.snapshot_bytes,
            ..NamespaceConfig::new("namespace", STORE, None, entropy(), secrets)
        }
    }
}

/// Different bytes at every call, the same in every run.
fn entropy() -> Entropy {
    let state = Cell::new(sim::Rng::new(7));
    Rc::new(move |out: &mut [u8]| {
        let mut rng = state.replace(sim::Rng::new(0));
        out.fill_with(|| rng.bits().to_le_bytes()[0]);
        state.set(rng);
    })
}

/// An error in words.
fn words<T, E: Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// An open store, seen from one of its cores. Lives in one [`sim::run`].
#[derive(Clone)]
pub struct Engine {
    /// What it is on.
    pub disk: SimDisk,
    /// Its shards.
    pub shards: Rc<Shards>,
    core: Rc<SimCore>,
    namespace: Rc<SimNames>,
}

impl Engine {
    /// Opens the store on this disk on one core, or makes one if there is none.
    pub async fn open(disk: &SimDisk, shape: &Shape) -> Result<Self, String> {
        let mut all = Self::open_on(disk, shape, 1).await?;
        all.pop().ok_or_else(|| "no core".to_owned())
    }

    /// Opens the store on this disk on so many cores, which share one thread here and nothing else
    /// than what they share in the daemon: the first has the namespace, shards are dealt to all.
    pub async fn open_on(disk: &SimDisk, shape: &Shape, cores: usize) -> Result<Vec<Self>, String> {
        let found = words(Superblock::find(disk).await)?;
        if found == Found::Nothing {
            Self::create(disk, shape).await?;
        }
        let shards = Rc::new(Shards::open(disk, shape).await?);
        let namespace = Namespace::open(disk.clone(), SimClock, shape.namespace()).await;
        let namespace = Rc::new(words(namespace)?);
        shards.run();
        sim::spawn(namespace.run());
        let (inboxes, mails): (Vec<_>, Vec<_>) = (0..cores).map(|_| mailbox()).unzip();
        let owner = |shard: usize| shard % cores;
        let topology = Arc::new(Topology {
            owners: (0..shards.stores.len()).map(owner).collect(),
            readers: shards.stores.iter().map(|store| store.reader()).collect(),
            inboxes,
            names: namespace.reader(),
        });
        let mut all = Vec::new();
        for (index, mail) in mails.into_iter().enumerate() {
            let stores = shards.stores.iter().enumerate();
            let stores =
                stores.map(|(shard, store)| (owner(shard) == index).then(|| store.clone()));
            let core = Core::new(
                index,
                topology.clone(),
                stores.collect(),
                (index == NAMESPACE_CORE).then(|| namespace.clone()),
                SimClock,
                ReadCache::new(1 << 16),
            );
            sim::spawn(serve_jobs(core.clone(), mail));
            all.push(Self {
                disk: disk.clone(),
                shards: shards.clone(),
                core,
                namespace: namespace.clone(),
            });
        }
        Ok(all)
    }

    async fn create(disk: &SimDisk, shape: &Shape) -> Result<(), String> {
        let superblock = Superblock {
            store: STORE,
            shards: shape.shards,
            created: Timestamp(1).0,
        };
        words(superblock.begin(disk).await)?;
        for shard in (0..shape.shards).map(ShardId) {
            let made = Store::create(disk.clone(), SimClock, shape.store(shard)).await;
            words(made.map(drop))?;
        }
        let first = FirstUser {
            name: OWNER.to_owned(),
            access_key: Some("ADMINKEY".to_owned()),
            secret: Some(words(Secret::new("adminsecret".to_owned()))?),
        };
        let made = Namespace::create(disk.clone(), SimClock, shape.namespace(), first).await;
        let (namespace, _) = words(made)?;
        sim::spawn(namespace.run());
        words(namespace.close().await)?;
        words(Superblock::finish(disk).await)
    }

    /// Ends it in an orderly way, with a checkpoint if that is wanted.
    pub async fn close(self, checkpoint: bool) -> Result<(), String> {
        words(self.namespace.close().await)?;
        if checkpoint {
            self.shards.checkpoint().await?;
        }
        self.shards.close().await
    }
}
