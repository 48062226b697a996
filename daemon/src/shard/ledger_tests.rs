//! Quotas over several shards, on the simulated disk: never exceeded, whatever happens at the same
//! time or when the power is cut; and never refused what fits, wherever the room is.

#![expect(clippy::cast_possible_truncation, reason = "test data")]

use super::ledger::{Ledger, Limits, Shards};
use crate::base::limits::EXTENT_HEAD;
use crate::base::{AlignedBuf, BucketId, UploadId};
use crate::io::sim::{self, Keep, Rng, SimClock, SimDisk};
use crate::log::{Durability, LogConfig};
use crate::namespace::Name;
use crate::store::quota::{Ask, Governor, Grant, Limited, Which};
use crate::store::{
    ETag, NewBody, NewObject, NewPart, NewUpload, ObjectMeta, Store, StoreConfig, StoreError,
    Usage, WriteCondition,
};
use futures_util::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

type SimStore = Store<SimDisk, SimClock>;

const SHARDS: u16 = 3;
const BUCKET: BucketId = BucketId(1);
const OTHER: BucketId = BucketId(2);

/// The daemon without its cores: messages take a while, and may overtake each other.
struct World {
    stores: Vec<Rc<SimStore>>,
    limits: RefCell<BTreeMap<BucketId, Limits>>,
    ledger: Ledger,
    rng: RefCell<Rng>,
    asked: Cell<u64>,
}

struct Messenger(Weak<World>);

impl Governor for Messenger {
    fn governed(&self, bucket: BucketId) -> Result<bool, StoreError> {
        let world = self.0.upgrade().ok_or(StoreError::Stopping)?;
        Ok(world.limits(bucket)?.is_some())
    }

    fn ask(&self, ask: Ask) -> LocalBoxFuture<'static, Result<(), StoreError>> {
        let world = self.0.upgrade();
        Box::pin(async move {
            let world = world.ok_or(StoreError::Stopping)?;
            world.asked.set(world.asked.get() + 1);
            world.travel().await;
            let asking = world.clone();
            // Goes on when the writer is gone, as in the daemon.
            let task = sim::spawn(async move { asking.ledger.ask(&*asking, ask).await });
            let answer = task.join().await;
            world.travel().await;
            answer
        })
    }
}

impl World {
    async fn create(disk: &SimDisk, seed: u64) -> Rc<Self> {
        let mut stores = Vec::new();
        for shard in 0..SHARDS {
            let made = Store::create(disk.clone(), SimClock, config(shard)).await;
            stores.push(made.unwrap());
        }
        Self::of(stores, seed)
    }

    async fn open(disk: &SimDisk, seed: u64) -> Rc<Self> {
        let mut stores = Vec::new();
        for shard in 0..SHARDS {
            let opened = Store::open(disk.clone(), SimClock, config(shard)).await;
            stores.push(opened.unwrap());
        }
        Self::of(stores, seed)
    }

    fn of(stores: Vec<SimStore>, seed: u64) -> Rc<Self> {
        let world = Rc::new(Self {
            stores: stores.into_iter().map(Rc::new).collect(),
            limits: RefCell::default(),
            ledger: Ledger::default(),
            rng: RefCell::new(Rng::new(seed)),
            asked: Cell::new(0),
        });
        for store in &world.stores {
            sim::spawn(store.log().run());
            store.govern(Rc::new(Messenger(Rc::downgrade(&world))));
        }
        world
    }

    fn set(&self, bucket: BucketId, bytes: Option<u64>, objects: Option<u64>, volume: Option<u64>) {
        let limits = Limits {
            volume: volume_name(),
            volume_bytes: volume,
            bytes,
            objects,
        };
        self.limits.borrow_mut().insert(bucket, limits);
    }

    async fn travel(&self) {
        let turns = self.rng.borrow_mut().below(6);
        for _ in 0..turns {
            sim::yield_now().await;
        }
    }

    /// As readers see it, at one moment.
    fn usage(&self, bucket: BucketId) -> Usage {
        let held = self.stores.iter().map(|store| store.usage(bucket));
        held.fold(Usage::ZERO, Usage::plus)
    }

    /// Keys go to shards as the caller likes: unevenly.
    fn store(&self, n: usize) -> &Rc<SimStore> {
        &self.stores[n % self.stores.len()]
    }

    async fn put(&self, bucket: BucketId, n: usize, size: u64) -> Result<(), StoreError> {
        self.store(n).put(object(bucket, n, size)).await.map(drop)
    }

    async fn delete(&self, bucket: BucketId, n: usize) -> Result<bool, StoreError> {
        let key = key(n);
        let any = WriteCondition::default();
        self.store(n).delete(bucket, key.as_bytes(), &any).await
    }

    /// Fills the bucket to the last byte with one object: fits, wherever the room is.
    async fn fill(&self, bucket: BucketId, n: usize, quota: u64, what: &str) {
        let left = quota - self.usage(bucket).bytes;
        let filled = self.put(bucket, n, left).await;
        assert!(filled.is_ok(), "{what}: {left} bytes are left: {filled:?}");
        assert_eq!(self.usage(bucket).bytes, quota, "{what}");
        for n in 0..self.stores.len() {
            let more = self.put(bucket, 900_000 + n, 1).await;
            assert!(matches!(more, Err(StoreError::QuotaExceeded)), "{what}");
        }
    }
}

impl Shards for World {
    fn count(&self) -> u16 {
        SHARDS
    }

    fn limits(&self, bucket: BucketId) -> Result<Option<Limits>, StoreError> {
        let found = self.limits.borrow().get(&bucket).copied();
        let any = |l: &Limits| l.bytes.or(l.objects).or(l.volume_bytes).is_some();
        Ok(found.filter(any))
    }

    fn buckets_of(&self, _: &Name) -> Result<Vec<BucketId>, StoreError> {
        Ok(self.limits.borrow().keys().copied().collect())
    }

    async fn adopt(
        &self,
        shard: u16,
        buckets: Arc<[(BucketId, Limited)]>,
    ) -> Result<Vec<(BucketId, Usage)>, StoreError> {
        self.travel().await;
        let held = self.store(usize::from(shard)).adopt(&buckets).await;
        self.travel().await;
        Ok(held)
    }

    async fn grant(&self, grant: Grant) -> Result<(), StoreError> {
        self.travel().await;
        self.store(usize::from(grant.ask.shard)).grant(&grant);
        self.travel().await;
        Ok(())
    }

    async fn reclaim(
        &self,
        shard: u16,
        which: Which,
        settle: bool,
    ) -> Result<Vec<(BucketId, Usage)>, StoreError> {
        self.travel().await;
        let taken = self.store(usize::from(shard)).reclaim(which, settle).await;
        self.travel().await;
        Ok(taken)
    }

    async fn end_leases(&self, shard: u16, domain: u64) -> Result<(), StoreError> {
        self.travel().await;
        self.store(usize::from(shard)).end_leases(domain).await
    }
}

fn volume_name() -> Name {
    Name::new("vol").unwrap()
}

fn config(shard: u16) -> StoreConfig {
    StoreConfig {
        log: LogConfig {
            dir: format!("shard-{shard:03}"),
            store: *b"0123456789abcdef",
            shard,
            segment_bytes: 256 * 1024,
            durability: Durability::Strict,
        },
        checkpoint_bytes: 1 << 40,
    }
}

fn key(n: usize) -> String {
    format!("key-{n}")
}

fn object(bucket: BucketId, n: usize, size: u64) -> NewObject {
    NewObject {
        bucket,
        key: key(n).into_bytes(),
        etag: ETag {
            md5: [1; 16],
            parts: 0,
        },
        size,
        meta: ObjectMeta::default(),
        body: body(size),
        condition: WriteCondition::default(),
        modified: None,
    }
}

fn body(size: u64) -> NewBody {
    let size = usize::try_from(size).unwrap();
    let mut buf = AlignedBuf::zeroed(EXTENT_HEAD + size);
    buf.set_len(EXTENT_HEAD + size);
    NewBody::Inline(buf, EXTENT_HEAD)
}

/// Writes, overwrites and deletes until told otherwise, and checks the quota after every step.
async fn client(world: Rc<World>, n: usize, quota: u64, steps: usize, deletes: bool) {
    let mut rng = Rng::new(n as u64 * 7919);
    for step in 0..steps {
        let number = if deletes {
            rng.below(30)
        } else {
            n * 1000 + step
        };
        let size = 1 + rng.below(900) as u64;
        let done = if deletes && rng.below(4) == 0 {
            world.delete(BUCKET, number).await.map(drop)
        } else {
            world.put(BUCKET, number, size).await
        };
        let held = world.usage(BUCKET).bytes;
        assert!(held <= quota, "{held} of {quota}");
        match done {
            Ok(()) | Err(StoreError::QuotaExceeded) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

fn clients(world: &Rc<World>, quota: u64, steps: usize, deletes: bool) -> Vec<sim::Task<()>> {
    let one = |n| sim::spawn(client(world.clone(), n, quota, steps, deletes));
    (0..10).map(one).collect()
}

/// Goal: clients with objects of all sizes race to the limit over all shards; there are never more
/// bytes than the quota, and at the end an object of just the bytes that are left fits.
#[test]
fn a_race_to_the_limit_ends_exactly_there() {
    for seed in 0..40u64 {
        sim::run(seed, async move {
            let disk = SimDisk::new(seed);
            let world = World::create(&disk, seed).await;
            let quota = 5_000 + seed * 977;
            world.set(BUCKET, Some(quota), None, None);
            for client in clients(&world, quota, 12 + seed as usize, seed % 2 == 1) {
                client.join().await;
            }
            world
                .fill(BUCKET, 700_001, quota, &format!("seed {seed}"))
                .await;
            // What a delete gives back can be had at any other shard.
            assert!(world.delete(BUCKET, 700_001).await.unwrap());
            world
                .fill(BUCKET, 700_002, quota, &format!("seed {seed}, again"))
                .await;
        });
    }
}

/// Goal: far from the limit a shard asks rarely.
#[test]
fn far_from_the_limit_hardly_anything_is_asked() {
    sim::run(1, async {
        let world = World::create(&SimDisk::new(1), 1).await;
        world.set(BUCKET, Some(1 << 40), Some(1 << 30), None);
        for n in 0..2_000 {
            world.put(BUCKET, n, 100).await.unwrap();
        }
        assert!(
            world.asked.get() <= 3 * u64::from(SHARDS),
            "{}",
            world.asked.get()
        );
    });
}

/// Goal: one after the other, every write is taken if it fits and refused if it does not, whatever
/// went to which shard before. Two buckets of a volume, all kinds of quotas, parts of uploads too.
#[test]
fn what_fits_is_taken_and_nothing_else() {
    for seed in 0..40u64 {
        sim::run(seed, async move {
            let world = World::create(&SimDisk::new(seed), seed).await;
            let mut rng = Rng::new(seed);
            let volume = (seed % 3 > 0).then_some(20_000);
            world.set(BUCKET, (seed % 2 == 0).then_some(12_000), Some(25), volume);
            world.set(OTHER, None, None, volume);
            let upload = UploadId(5);
            let begun = NewUpload {
                bucket: OTHER,
                key: b"upload".to_vec(),
                upload,
                meta: ObjectMeta::default(),
            };
            world.store(0).create_upload(begun).await.unwrap();
            let mut model: BTreeMap<(BucketId, usize), u64> = BTreeMap::new();
            for step in 0..250 {
                let part = rng.below(6) == 0;
                let bucket = if part || rng.coin() { OTHER } else { BUCKET };
                let n = if part {
                    1000 + rng.below(5)
                } else {
                    rng.below(50)
                };
                if rng.below(4) == 0 && !part {
                    let was = model.remove(&(bucket, n)).is_some();
                    assert_eq!(world.delete(bucket, n).await.unwrap(), was);
                    continue;
                }
                let size = rng.below(2_000) as u64;
                let before = model.clone();
                model.insert((bucket, n), size);
                let done = if part {
                    let new = NewPart {
                        bucket,
                        key: b"upload".to_vec(),
                        upload,
                        number: n as u32,
                        md5: [1; 16],
                        size,
                        checksum: None,
                        body: body(size),
                    };
                    world.store(0).put_part(new).await.map(drop)
                } else {
                    world.put(bucket, n, size).await
                };
                let fits = obeys(&world, &before, &model);
                assert_eq!(done.is_ok(), fits, "seed {seed}, step {step}: {done:?}");
                if !fits {
                    model = before;
                }
                assert_eq!(world.usage(BUCKET), sum(&model, BUCKET));
                assert_eq!(world.usage(OTHER), sum(&model, OTHER));
            }
        });
    }
}

fn sum(model: &BTreeMap<(BucketId, usize), u64>, bucket: BucketId) -> Usage {
    let of = model.iter().filter(|((b, _), _)| *b == bucket);
    of.fold(Usage::ZERO, |sum, ((_, n), size)| {
        sum.plus(Usage {
            bytes: *size,
            objects: u64::from(*n < 1000),
        })
    })
}

/// Whether what `then` has more than `now` fits: what does not grow always does.
fn obeys(
    world: &World,
    now: &BTreeMap<(BucketId, usize), u64>,
    then: &BTreeMap<(BucketId, usize), u64>,
) -> bool {
    let limits = world.limits.borrow();
    let fits = |quota: Option<u64>, now: u64, then: u64| {
        then <= now || quota.is_none_or(|quota| then <= quota)
    };
    let buckets = limits.iter().all(|(id, limits)| {
        let (now, then) = (sum(now, *id), sum(then, *id));
        fits(limits.bytes, now.bytes, then.bytes) && fits(limits.objects, now.objects, then.objects)
    });
    let all = |model| {
        limits
            .keys()
            .fold(0, |bytes, id| bytes + sum(model, *id).bytes)
    };
    buckets && fits(limits[&BUCKET].volume_bytes, all(now), all(then))
}

/// Goal: wherever the power is cut, what comes back is within the quota, and the ledger, which knows
/// nothing any more, finds out what is left to the byte.
#[test]
fn a_power_cut_brings_back_no_more_than_the_quota() {
    for seed in 0..40u64 {
        sim::run(seed, async move {
            let disk = SimDisk::new(seed);
            let world = World::create(&disk, seed).await;
            let quota = 6_000;
            world.set(BUCKET, Some(quota), None, None);
            let clients = clients(&world, quota, 1000, true);
            for _ in 0..100 + seed * 71 {
                sim::yield_now().await;
            }
            let keeps = [Keep::All, Keep::None, Keep::Random(seed)];
            let images = keeps.map(|keep| disk.crash(keep));
            clients.into_iter().for_each(sim::Task::abort);
            for image in images {
                let again = World::open(&image, seed).await;
                again.set(BUCKET, Some(quota), None, None);
                let held = again.usage(BUCKET).bytes;
                assert!(held <= quota, "seed {seed}: {held}");
                again
                    .fill(BUCKET, 700_001, quota, &format!("seed {seed}"))
                    .await;
            }
        });
    }
}

/// Goal: writers that give up while they wait for room leave nothing behind.
#[test]
fn a_writer_that_gives_up_leaves_no_room_behind() {
    for seed in 0..40u64 {
        sim::run(seed, async move {
            let world = World::create(&SimDisk::new(seed), seed).await;
            let quota = 4_000;
            world.set(BUCKET, Some(quota), None, None);
            for round in 0..10 {
                let clients = clients(&world, quota, 50, true);
                for _ in 0..5 + (seed * 13 + round * 17) % 90 {
                    sim::yield_now().await;
                }
                clients.into_iter().for_each(sim::Task::abort);
            }
            // Records of writers that are gone are published with the next one.
            for n in 0..usize::from(SHARDS) {
                world.store(n).reclaim(Which::Bucket(BUCKET), true).await;
            }
            world.ledger.changed(&*world, volume_name()).await.unwrap();
            world
                .fill(BUCKET, 700_001, quota, &format!("seed {seed}"))
                .await;
        });
    }
}

/// Goal: a quota that is set, lowered or cleared while everybody writes is obeyed from the moment
/// its change is answered.
#[test]
fn a_changed_quota_is_obeyed_at_once() {
    for seed in 0..30u64 {
        sim::run(seed, async move {
            let world = World::create(&SimDisk::new(seed), seed).await;
            world.set(BUCKET, None, None, None);
            let clients = clients(&world, u64::MAX, 1000, true);
            let mut rng = Rng::new(seed);
            for round in 0..12 {
                for _ in 0..rng.below(200) {
                    sim::yield_now().await;
                }
                let quota = [None, Some(0), Some(3_000), Some(8_000)][rng.below(4)];
                if round % 2 == 0 {
                    world.set(BUCKET, quota, None, None);
                } else {
                    world.set(BUCKET, None, None, quota);
                }
                world.ledger.changed(&*world, volume_name()).await.unwrap();
                let mut most = quota.unwrap_or(u64::MAX).max(world.usage(BUCKET).bytes);
                for _ in 0..rng.below(200) {
                    sim::yield_now().await;
                    let held = world.usage(BUCKET).bytes;
                    assert!(held <= most, "seed {seed}: {held} > {most}");
                    // Above the quota it only shrinks.
                    most = quota.unwrap_or(u64::MAX).max(held);
                }
            }
            clients.into_iter().for_each(sim::Task::abort);
        });
    }
}
