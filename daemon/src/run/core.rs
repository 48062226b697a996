//! What runs on a core, from opening its shards to closing them.

use super::admin::{self, Admin};
use super::boot::{BootError, lock_error, namespace_config};
use super::secrets;
use super::spread::{Arrival, Held, Spread};
use crate::base::ShardId;
use crate::base::buffer::trim_pool;
use crate::base::limits::{AUDIT_BATCH_AGE, CONNECTIONS_MAX, CONNECTIONS_PER_PEER_MAX};
use crate::config::Config;
use crate::http::Server;
use crate::io::lines::LineLog;
use crate::io::memory::release;
use crate::io::process::memory_bytes;
use crate::io::signals::{Signal, Signals};
use crate::io::{
    DataLock, Mailbox, RealClock, TcpListener, TcpStream, UringDisk, sleep, spawn, spawn_vital,
    timeout,
};
use crate::monitor::Monitor;
use crate::namespace::{Namespace, NamespaceReader, SecretsKey};
use crate::s3::service::{Service, Settings};
use crate::shard::core::{NAMESPACE_CORE, serve_jobs};
use crate::shard::expire::expire_uploads;
use crate::shard::open::{Tuning, open_shard};
use crate::shard::{Audit, Core, Job, Topology};
use crate::store::scrub::ScrubConfig;
use crate::store::superblock::Superblock;
use crate::store::{ReadCache, Store, StoreReader};
use futures_util::future::{Either, select};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// How long requests under way may take after the signal to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is looked whether the index deserves a checkpoint.
const CHECKPOINT_PERIOD: Duration = Duration::from_secs(5);
/// Likewise, for tests that ask for many checkpoints.
const CHECKPOINT_PERIOD_SHORT: Duration = Duration::from_millis(10);
/// Which part of the machine's memory is for objects that were read, when nothing else is said.
const CACHE_SHARE: u64 = 8;
/// How often a core that is done looks whether the others are.
const LAST_ONE_PERIOD: Duration = Duration::from_millis(5);

/// A job between cores of the daemon.
pub type DaemonJob = Job<UringDisk, RealClock>;
type DaemonStore = Store<UringDisk, RealClock>;
pub(super) type DaemonCore = Core<UringDisk, RealClock>;

/// What a core has opened.
pub struct Opened {
    pub readers: Vec<(ShardId, StoreReader<UringDisk>)>,
    pub names: Option<NamespaceReader>,
}

/// Everything a core is given.
pub struct CoreSetup {
    pub index: usize,
    pub cores: usize,
    pub config: Config,
    pub lock: Arc<DataLock>,
    pub superblock: Superblock,
    pub secrets: SecretsKey,
    pub tuning: Tuning,
    pub shards: Vec<ShardId>,
    pub listener: TcpListener,
    pub spread: Spread,
    pub arrivals: Mailbox<Arrival>,
    pub mail: Mailbox<DaemonJob>,
    pub opened: mpsc::Sender<Opened>,
    pub topology: mpsc::Receiver<Arc<Topology<UringDisk, RealClock>>>,
    pub ready: mpsc::Sender<()>,
    pub drained: Arc<AtomicUsize>,
    pub signals: Option<Signals>,
    pub audit: Option<LineLog>,
    pub metrics: Option<TcpListener>,
}

/// Runs a core to its end.
pub async fn core_main(setup: CoreSetup) -> Result<(), BootError> {
    setup.lock.hold_by_ring().map_err(lock_error)?;
    let disk = UringDisk::open(&setup.config.data_dir)?;
    let stores = open_stores(&disk, &setup).await?;
    let namespace = open_namespace(&disk, &setup).await?;
    let opened = Opened {
        readers: stores
            .iter()
            .zip(0..)
            .filter_map(|(store, shard)| Some((ShardId(shard), store.as_ref()?.reader())))
            .collect(),
        names: namespace.as_ref().map(|n| n.reader()),
    };
    setup.opened.send(opened).map_err(|_| BootError::CoreGone)?;
    drop(setup.opened);
    // Blocks the thread; nothing else runs on it yet.
    let topology = setup.topology.recv().map_err(|_| BootError::CoreGone)?;
    for store in stores.iter().flatten() {
        spawn_vital("log", store.log().run());
        spawn_vital(
            "checkpoints",
            checkpoints(store.clone(), checkpoint_period(&setup.config)),
        );
        if !setup.config.no_compaction {
            spawn_vital("compaction", store.clone().keep_compact());
        }
    }
    if let Some(namespace) = &namespace {
        spawn_vital("namespace", namespace.run());
    }
    let core = Core::new(
        setup.index,
        topology,
        stores,
        namespace,
        RealClock,
        read_cache(&setup.config, setup.cores),
    );
    if setup.config.scalar_md5 {
        core.digest_one_by_one();
    }
    if let Some(log) = &setup.audit {
        core.start_audit(Audit::new(log));
        spawn_vital("audit", flush_audit(core.clone()));
    }
    spawn_vital("mailbox", serve_jobs(core.clone(), setup.mail));
    let scrubbing = scrub_config(&setup.config, setup.superblock.shards);
    for store in core.own_stores() {
        let expiring = expire_uploads(core.clone(), store.clone(), setup.config.expire_uploads.0);
        spawn_vital("uploads", expiring);
        spawn_vital("scrubber", store.clone().scrub(scrubbing));
    }
    let about = admin::about(
        &setup.config,
        setup.superblock.store,
        setup.tuning.durability,
        setup.listener.local_addr(),
    );
    let admin = Admin::start(&core, &setup.config, about)?;
    let monitor = setup.metrics.map(|port| Monitor::start(&core, port));
    let server = Server::new(RealClock);
    let ticking = server.clone();
    spawn_vital("timers of connections", async move { ticking.run().await });
    let door = Rc::new(Door {
        core: core.clone(),
        server: server.clone(),
        service: Rc::new(Service::new(core.clone(), settings(&setup.config))),
        limit: CONNECTIONS_MAX / setup.cores,
    });
    let accepting = accept(door.clone(), setup.listener, setup.spread);
    spawn_vital("accept", accepting);
    spawn_vital("arrivals", admit_all(door, setup.arrivals));
    if let Some(signals) = setup.signals {
        spawn_vital("signals", watch(core.clone(), signals));
    }
    setup.ready.send(()).map_err(|_| BootError::CoreGone)?;
    core.stopped().await;
    server.close();
    admin.close();
    if let Some(monitor) = &monitor {
        monitor.close();
    }
    let drained = async {
        server.drained().await;
        admin.drained().await;
        if let Some(monitor) = &monitor {
            monitor.drained().await;
        }
    };
    if timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!(
            connections = server.connections(),
            "connections cut off at the end"
        );
    }
    wait_for_all(&setup.drained, setup.cores).await;
    if let Some(audit) = core.audit() {
        audit.close();
    }
    close(&core).await
}

async fn open_stores(
    disk: &UringDisk,
    setup: &CoreSetup,
) -> Result<Vec<Option<Rc<DaemonStore>>>, BootError> {
    let mut stores = Vec::new();
    for shard in (0..setup.superblock.shards).map(ShardId) {
        stores.push(if setup.shards.contains(&shard) {
            let store = open_shard(
                disk.clone(),
                RealClock,
                &setup.superblock,
                shard,
                setup.tuning,
            )
            .await
            .map_err(|error| BootError::Shard {
                shard: shard.0,
                error,
            })?;
            Some(Rc::new(store))
        } else {
            None
        });
    }
    Ok(stores)
}

type DaemonNamespace = Rc<Namespace<UringDisk, RealClock>>;

async fn open_namespace(
    disk: &UringDisk,
    setup: &CoreSetup,
) -> Result<Option<DaemonNamespace>, BootError> {
    if setup.index != NAMESPACE_CORE {
        return Ok(None);
    }
    let config = namespace_config(&setup.config, &setup.superblock, setup.secrets.clone());
    let opened = Namespace::open(disk.clone(), RealClock, config).await;
    let namespace = opened.map_err(|error| secrets::explain(error, &setup.config))?;
    Ok(Some(Rc::new(namespace)))
}

/// A core's share of the memory for objects that were read.
fn read_cache(config: &Config, cores: usize) -> ReadCache {
    let all = config
        .cache_size
        .unwrap_or_else(|| memory_bytes() / CACHE_SHARE);
    ReadCache::new(all / cores.max(1) as u64)
}

fn settings(config: &Config) -> Settings {
    Settings {
        region: config.region.clone(),
        domains: config.domains.clone(),
    }
}

/// Where connections begin to be served by this core.
struct Door {
    core: Rc<DaemonCore>,
    server: Server<RealClock>,
    service: Rc<Service<UringDisk, RealClock>>,
    /// Most connections.
    limit: usize,
}

impl Door {
    fn admit(&self, stream: TcpStream, held: Held) {
        let (meters, peer) = (self.core.meters(), stream.peer_addr().ip());
        // Beyond the limit a connection is closed at once: the client sees it and may retry.
        if self.server.connections() >= self.limit {
            meters.refused.add(1);
            tracing::warn!(self.limit, "too many connections, one was refused");
            return;
        }
        if self.server.connections_from(peer) >= CONNECTIONS_PER_PEER_MAX.min(self.limit) {
            meters.refused.add(1);
            tracing::warn!(%peer, "too many connections of one peer");
            return;
        }
        meters.accepted.add(1);
        let open = meters.connections.hold();
        let (server, service) = (self.server.clone(), self.service.clone());
        spawn(async move {
            server.serve(stream, &*service).await;
            drop((open, held));
        });
    }
}

/// Takes connections until the core stops; what is too many here goes to other cores.
async fn accept(door: Rc<Door>, listener: TcpListener, spread: Spread) {
    let core = &door.core;
    loop {
        let accepted = {
            let stopped = pin!(core.stopped());
            let incoming = pin!(listener.accept_for_any());
            match select(incoming, stopped).await {
                Either::Left((accepted, _)) => accepted,
                Either::Right(_) => return,
            }
        };
        match accepted {
            Ok(accepted) => {
                let held = spread.place(core.index());
                if held.core() == core.index() {
                    door.admit(accepted.attach(), held);
                } else {
                    spread.hand_over(accepted, held);
                }
            }
            Err(error) => {
                tracing::error!(%error, "cannot accept connections any more");
                core.begin_stop_everywhere();
                return;
            }
        }
    }
}

/// Takes the connections that other cores accepted.
async fn admit_all(door: Rc<Door>, mut arrivals: Mailbox<Arrival>) {
    let mut batch = Vec::new();
    while arrivals.recv_batch(&mut batch).await {
        for Arrival { accepted, held } in batch.drain(..) {
            door.admit(accepted.attach(), held);
        }
    }
}

/// Stops every core at SIGTERM or SIGINT. SIGHUP opens the audit log anew.
async fn watch(core: Rc<DaemonCore>, signals: Signals) {
    loop {
        match signals.next().await {
            Ok(Signal::Reload) => match core.audit() {
                Some(audit) => {
                    tracing::info!("SIGHUP: the audit log is opened anew");
                    audit.reopen();
                }
                None => tracing::info!("SIGHUP: there is nothing to reload"),
            },
            Ok(Signal::Interrupt | Signal::Terminate) => break,
            Err(error) => {
                tracing::error!(%error, "signals cannot be read");
                break;
            }
        }
    }
    tracing::info!("stopping");
    core.begin_stop_everywhere();
}

/// Lets no line of the audit log wait for long.
async fn flush_audit(core: Rc<DaemonCore>) {
    while let Some(audit) = core.audit() {
        sleep(AUDIT_BATCH_AGE).await;
        // When the writer does not keep up, the next round tries again.
        let _ = audit.flush();
    }
}

/// A shard's share of the search for rot.
fn scrub_config(config: &Config, shards: u16) -> ScrubConfig {
    ScrubConfig {
        rate: config.scrub_rate.div_ceil(u64::from(shards.max(1))),
        every: config.scrub_every.0,
    }
}

fn checkpoint_period(config: &Config) -> Duration {
    match config.checkpoint_bytes {
        Some(_) => CHECKPOINT_PERIOD_SHORT,
        None => CHECKPOINT_PERIOD,
    }
}

async fn checkpoints(store: Rc<DaemonStore>, period: Duration) {
    loop {
        sleep(period).await;
        trim_pool(release);
        if let Err(error) = store.checkpoint(false).await {
            tracing::warn!(%error, "no checkpoint of the index could be written");
        }
    }
}

/// A core that has no connections left still does the jobs of those that have.
async fn wait_for_all(drained: &AtomicUsize, cores: usize) {
    drained.fetch_add(1, Ordering::AcqRel);
    while drained.load(Ordering::Acquire) < cores {
        sleep(LAST_ONE_PERIOD).await;
    }
}

async fn close(core: &DaemonCore) -> Result<(), BootError> {
    if let Some(namespace) = core.namespace() {
        namespace.close().await?;
    }
    for store in core.own_stores() {
        if let Err(error) = store.checkpoint(true).await {
            tracing::warn!(%error, "no checkpoint of the index could be written");
        }
        store
            .log()
            .close()
            .await
            .map_err(|error| BootError::Shard {
                shard: store.shard(),
                error: error.into(),
            })?;
    }
    Ok(())
}
