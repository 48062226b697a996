//! Starting: checks, the store's making or opening, a thread per core, the first words.

use super::core::{CoreSetup, Opened, core_main};
use super::secrets::{self, SecretsError};
use super::spread::Spread;
use super::tuning::tuning;
use crate::base::ShardId;
use crate::config::{Config, DurabilityArg};
use crate::io::lines::{self, LineLog, LineWriter, Rotation};
use crate::io::runtime::{self, RuntimeError};
use crate::io::signals::Signals;
use crate::io::startup::{self, StartupError};
use crate::io::{
    Clock, DataLock, IoError, RealClock, UringDisk, entropy, mailbox, net, spawn_vital,
};
use crate::log::Durability;
use crate::namespace::{
    Credential, Entropy, FirstUser, Namespace, NamespaceConfig, NamespaceError, NamespaceReader,
    Secret, SecretsKey,
};
use crate::shard::Topology;
use crate::shard::audit::Line;
use crate::shard::core::NAMESPACE_CORE;
use crate::shard::open::create_shard;
use crate::store::superblock::{Found, Superblock, SuperblockError, check_names};
use crate::store::{StoreError, StoreReader};
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::thread::JoinHandle;

/// Name of the user that a new store begins with.
const FIRST_USER: &str = "admin";

/// Why the daemon did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// This machine or folder will not do.
    #[error(transparent)]
    Startup(#[from] StartupError),
    /// The superblock.
    #[error(transparent)]
    Superblock(#[from] SuperblockError),
    /// A file.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A shard.
    #[error("shard {shard}: {error}")]
    Shard {
        /// Which.
        shard: u16,
        /// Why.
        error: StoreError,
    },
    /// The namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which.
        address: String,
        /// Why.
        error: std::io::Error,
    },
    /// The key of the secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The audit log cannot be written.
    #[error("cannot write the audit log {path}: {error}")]
    Audit {
        /// Its file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Settings that do not fit the machine or the store.
    #[error("{0}")]
    Settings(String),
    /// Something of the system.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        error: std::io::Error,
    },
    /// A thread is gone.
    #[error("a core ended unexpectedly; the log above says why")]
    CoreGone,
}

/// Runs the daemon until a signal ends it.
pub fn run(config: &Config) -> Result<(), BootError> {
    startup::check_kernel()?;
    startup::check_uring()?;
    startup::raise_open_files();
    startup::create_folder(&config.data_dir)?;
    check_names(&startup::names(&config.data_dir)?)?;
    let lock = Arc::new(DataLock::take(&config.data_dir)?);
    if !startup::check_direct_io(&config.data_dir)? {
        tracing::warn!("the data folder is in memory (tmpfs): nothing survives a restart");
    }
    let signals = Signals::take().map_err(|error| BootError::System {
        what: "signals",
        error,
    })?;
    let cpus = pick_cpus(config)?;
    let store = runtime::run(prepare(config, &lock, cpus.len()))??;
    let (audit, writer) = open_audit(config)?.unzip();
    let daemon = Daemon::start(config, &lock, &store, &cpus, signals, audit.as_ref())?;
    announce(config, &store.superblock, &daemon, store.first.as_ref());
    let ended = daemon.wait();
    // What the cores had to say is queued by now.
    if let Some(writer) = writer {
        writer.finish();
    }
    ended
}

/// Starts the writer of the audit log, if there is to be one.
fn open_audit(config: &Config) -> Result<Option<(LineLog, LineWriter)>, BootError> {
    let Some(audit) = &config.audit else {
        return Ok(None);
    };
    let rotation = Rotation {
        max_bytes: audit.max_bytes,
        keep: audit.keep,
    };
    lines::open(audit.path.clone(), rotation, Line::lost)
        .map(Some)
        .map_err(|error| BootError::Audit {
            path: audit.path.display().to_string(),
            error,
        })
}

/// What a ring that cannot hold the lock means.
pub(super) fn lock_error(error: std::io::Error) -> BootError {
    BootError::System {
        what: "cannot keep the data folder locked",
        error,
    }
}

fn pick_cpus(config: &Config) -> Result<Vec<usize>, BootError> {
    let mut cpus = runtime::cpus();
    if let Some(wanted) = config.cores {
        if wanted > cpus.len() {
            let message = format!("cores = {wanted}, but only {} can be used", cpus.len());
            return Err(BootError::Settings(message));
        }
        cpus.truncate(wanted);
    }
    Ok(cpus)
}

/// How the namespace of this store is kept.
pub(super) fn namespace_config(
    config: &Config,
    superblock: &Superblock,
    secrets: SecretsKey,
) -> NamespaceConfig {
    // Whatever the shards promise, strict: a bucket whose number is given again after a power cut
    // would show what shards kept of the one that was lost. So rare a change can wait for a flush.
    NamespaceConfig {
        durability: Durability::Strict,
        ..NamespaceConfig::new(
            "namespace",
            superblock.store,
            Some(config.data_dir.join("namespace").join("index.map")),
            random(),
            secrets,
        )
    }
}

/// The system's randomness.
pub(super) fn random() -> Entropy {
    Rc::new(|bytes: &mut [u8]| entropy(bytes))
}

/// Finds the store in the data folder, or makes one; then the first user's keys come back.
async fn prepare(config: &Config, lock: &DataLock, cores: usize) -> Result<Prepared, BootError> {
    lock.hold_by_ring().map_err(lock_error)?;
    let disk = UringDisk::open(&config.data_dir)?;
    if let Found::Store(superblock) = Superblock::find(&disk).await? {
        if let Some(wanted) = config.shards.filter(|n| *n != superblock.shards) {
            return Err(BootError::Settings(format!(
                "shards = {wanted}, but this store was made with {}; the number is fixed",
                superblock.shards
            )));
        }
        return Ok(Prepared {
            secrets: secrets::of_store(config, &disk, &superblock).await?,
            superblock,
            first: None,
        });
    }
    let mut store = [0; 16];
    entropy(&mut store);
    let shards = config
        .shards
        .unwrap_or_else(|| u16::try_from(cores).unwrap_or(1));
    let superblock = Superblock {
        store,
        shards,
        created: RealClock.now().0,
    };
    let secrets = secrets::of_new_store(config)?;
    superblock.begin(&disk).await?;
    for shard in 0..shards {
        let segment_bytes = tuning(config).segment_bytes;
        create_shard(
            disk.clone(),
            RealClock,
            &superblock,
            ShardId(shard),
            segment_bytes,
        )
        .await
        .map_err(|error| BootError::Shard { shard, error })?;
    }
    let (first, given) = first_user()?;
    let (namespace, credential) = Namespace::create(
        disk.clone(),
        RealClock,
        namespace_config(config, &superblock, secrets.clone()),
        first,
    )
    .await?;
    spawn_vital("namespace", namespace.run());
    namespace.close().await?;
    Superblock::finish(&disk).await?;
    Ok(Prepared {
        superblock,
        secrets,
        first: Some(FirstKeys { credential, given }),
    })
}

/// A store that is there, and what only the start knows.
struct Prepared {
    superblock: Superblock,
    secrets: SecretsKey,
    /// Of a new store.
    first: Option<FirstKeys>,
}

/// The first user's keys, and whether the operator gave them.
struct FirstKeys {
    credential: Credential,
    given: bool,
}

fn first_user() -> Result<(FirstUser, bool), BootError> {
    let access_key = std::env::var("CHAINRING_ACCESS_KEY")
        .ok()
        .filter(|k| !k.is_empty());
    let secret = std::env::var("CHAINRING_SECRET_KEY")
        .ok()
        .filter(|k| !k.is_empty());
    if access_key.is_some() != secret.is_some() {
        return Err(BootError::Settings(
            "set both CHAINRING_ACCESS_KEY and CHAINRING_SECRET_KEY, or neither".to_owned(),
        ));
    }
    let given = access_key.is_some();
    let secret = secret.map(Secret::new).transpose()?;
    Ok((
        FirstUser {
            name: FIRST_USER.to_owned(),
            access_key,
            secret,
        },
        given,
    ))
}

/// The threads of a running daemon.
struct Daemon {
    threads: Vec<JoinHandle<Result<(), BootError>>>,
    s3: std::net::SocketAddr,
    metrics: Option<std::net::SocketAddr>,
}

impl Daemon {
    fn start(
        config: &Config,
        lock: &Arc<DataLock>,
        store: &Prepared,
        cpus: &[usize],
        signals: Signals,
        audit: Option<&LineLog>,
    ) -> Result<Self, BootError> {
        let superblock = &store.superblock;
        let listen_error = |error| BootError::Listen {
            address: config.s3_listen.to_string(),
            error,
        };
        let listeners = net::listen(config.s3_listen, cpus.len()).map_err(listen_error)?;
        let s3 = listeners
            .first()
            .map_or(config.s3_listen, net::TcpListener::local_addr);
        let mut metrics = listen_for_metrics(config)?;
        let metrics_address = metrics.as_ref().map(net::TcpListener::local_addr);
        let owners: Vec<usize> = (0..usize::from(superblock.shards))
            .map(|shard| shard % cpus.len())
            .collect();
        let (opened, openings) = mpsc::channel();
        let (ready, readies) = mpsc::channel();
        let drained = Arc::new(AtomicUsize::new(0));
        let mut signals = Some(signals);
        let mut threads = Vec::new();
        let mut inboxes = Vec::new();
        let mut gates = Vec::new();
        let (spread, arrivals) = Spread::new(cpus.len());
        let ports = listeners.into_iter().zip(arrivals);
        for ((index, cpu), (listener, arrivals)) in cpus.iter().enumerate().zip(ports) {
            let (inbox, mail) = mailbox();
            let (gate, topology) = mpsc::channel();
            inboxes.push(inbox);
            gates.push(gate);
            let setup = CoreSetup {
                index,
                cores: cpus.len(),
                config: config.clone(),
                lock: lock.clone(),
                superblock: *superblock,
                secrets: store.secrets.clone(),
                tuning: tuning(config),
                shards: shards_of(&owners, index),
                listener,
                spread: spread.clone(),
                arrivals,
                mail,
                opened: opened.clone(),
                topology,
                ready: ready.clone(),
                drained: drained.clone(),
                signals: signals.take().filter(|_| index == NAMESPACE_CORE),
                audit: audit.cloned(),
                metrics: metrics.take_if(|_| index == NAMESPACE_CORE),
            };
            threads.push(spawn_core(*cpu, setup)?);
        }
        drop((opened, ready));
        let topology = gather(&openings, superblock, owners, inboxes);
        match topology {
            Some(topology) => {
                let topology = Arc::new(topology);
                for gate in &gates {
                    // A core that is gone shows below, when it is not ready.
                    let _ = gate.send(topology.clone());
                }
            }
            None => drop(gates),
        }
        let daemon = Self {
            threads,
            s3,
            metrics: metrics_address,
        };
        if readies.iter().take(cpus.len()).count() < cpus.len() {
            daemon.wait()?;
            return Err(BootError::CoreGone);
        }
        Ok(daemon)
    }

    /// Waits for the end of every core; the first failure is the result.
    fn wait(self) -> Result<(), BootError> {
        let mut result = Ok(());
        for thread in self.threads {
            let ended = thread.join().unwrap_or(Err(BootError::CoreGone));
            // "A core is gone" is said by those that only noticed the failure of another.
            if result.is_ok() || matches!(result, Err(BootError::CoreGone)) && ended.is_err() {
                result = ended;
            }
        }
        result
    }
}

fn listen_for_metrics(config: &Config) -> Result<Option<net::TcpListener>, BootError> {
    let Some(address) = config.metrics_listen else {
        return Ok(None);
    };
    let failed = |error| BootError::Listen {
        address: address.to_string(),
        error,
    };
    Ok(net::listen(address, 1).map_err(failed)?.pop())
}

fn shards_of(owners: &[usize], core: usize) -> Vec<ShardId> {
    let mine = owners
        .iter()
        .enumerate()
        .filter(|(_, owner)| **owner == core);
    mine.filter_map(|(shard, _)| u16::try_from(shard).ok())
        .map(ShardId)
        .collect()
}

fn spawn_core(
    cpu: usize,
    setup: CoreSetup,
) -> Result<JoinHandle<Result<(), BootError>>, BootError> {
    std::thread::Builder::new()
        .name(format!("core-{}", setup.index))
        .spawn(move || runtime::run_on_core(cpu, core_main(setup))?)
        .map_err(|error| BootError::System {
            what: "cannot start a thread",
            error,
        })
}

/// Collects the readers of every shard and of the namespace; `None` when a core failed.
fn gather(
    openings: &mpsc::Receiver<Opened>,
    superblock: &Superblock,
    owners: Vec<usize>,
    inboxes: Vec<crate::io::Sender<super::core::DaemonJob>>,
) -> Option<Topology<UringDisk, RealClock>> {
    let mut readers: Vec<Option<StoreReader<UringDisk>>> =
        (0..superblock.shards).map(|_| None).collect();
    let mut names: Option<NamespaceReader> = None;
    for opened in openings.iter().take(inboxes.len()) {
        names = names.or(opened.names);
        for (shard, reader) in opened.readers {
            if let Some(slot) = readers.get_mut(usize::from(shard.0)) {
                *slot = Some(reader);
            }
        }
    }
    let readers = readers.into_iter().collect::<Option<Vec<_>>>()?;
    Some(Topology {
        owners,
        readers,
        inboxes,
        names: names?,
    })
}

/// Says where everything is; the secret of a new store's first user this once.
fn announce(config: &Config, superblock: &Superblock, daemon: &Daemon, first: Option<&FirstKeys>) {
    let shown = |path: &Path| path.display().to_string();
    let durability = match config.durability {
        DurabilityArg::Strict => "strict: 200 OK means on stable media",
        DurabilityArg::Relaxed => "relaxed: a power cut may take the last half second",
    };
    let mut text = format!(
        "chainringd {} is ready\n  S3     http://{}  (region {})\n  admin  {}\n  store  {}  ({} shards; {durability})\n",
        env!("CARGO_PKG_VERSION"),
        daemon.s3,
        config.region,
        shown(&config.admin_socket),
        shown(&config.data_dir),
        superblock.shards,
    );
    if let Some(metrics) = daemon.metrics {
        text.push_str(&format!("  metrics http://{metrics}/metrics\n"));
    }
    if let Some(audit) = &config.audit {
        text.push_str(&format!("  audit  {}\n", shown(&audit.path)));
    }
    if let Some(FirstKeys { credential, given }) = first {
        let secret = if *given {
            "(as given)"
        } else {
            credential.secret.expose()
        };
        text.push_str(&format!(
            "\nThis is a new store. Its first user is \"{}\", an administrator. The secret is shown this once:\n  \
             export AWS_ACCESS_KEY_ID={}\n  export AWS_SECRET_ACCESS_KEY={secret}\n  \
             export AWS_DEFAULT_REGION={}\n",
            credential.user, credential.access_key, config.region,
        ));
    }
    let mut out = std::io::stdout().lock();
    // Nobody may be reading: that is no reason to stop.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
