//! The writing side: one task that takes commands in batches, makes each batch one record of the
//! log, publishes it, and then answers.

use crate::base::limits::NAMESPACE_SEGMENT_BYTES;
use crate::base::local::{Notify, Sender, oneshot};
use crate::index::map::MapConfig;
use crate::io::{Clock, Disk};
use crate::log::{Durability, LogConfig};
use crate::namespace::command::{Command, FirstUser, Reply};
use crate::namespace::commit::Committer;
use crate::namespace::error::NamespaceError;
use crate::namespace::name::S3_VOLUME;
use crate::namespace::quota::Limits;
use crate::namespace::reader::NamespaceReader;
use crate::namespace::secret::Entropy;
use crate::namespace::types::Credential;
use crate::namespace::vault::SecretsKey;
use crate::namespace::{recover, reseal, snapshot};
use futures_util::future::{join, select};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;

/// Number of the namespace where logs ask for a shard.
const SHARD: u16 = 0xffff;
/// A snapshot is written when the log has so many bytes behind the last one.
const SNAPSHOT_BYTES: u64 = 2 * NAMESPACE_SEGMENT_BYTES as u64;

/// How a namespace is kept.
#[derive(Clone)]
pub struct NamespaceConfig {
    /// Folder of the log and the snapshots, relative to the disk's root.
    pub dir: String,
    /// The store's id.
    pub store: [u8; 16],
    /// File of the mapped index. `None` keeps the index in memory only: every start then rebuilds
    /// it. Its folder must exist.
    pub map_file: Option<PathBuf>,
    /// When a command counts as durable.
    pub durability: Durability,
    /// Bytes of a segment of the log.
    pub segment_bytes: u32,
    /// Bytes of the log after which a snapshot is written, at least; never before the log has
    /// become larger than the last snapshot.
    pub snapshot_bytes: u64,
    /// Where canonical ids and random keys come from.
    pub entropy: Entropy,
    /// What secrets are encrypted with.
    pub secrets: SecretsKey,
    /// How many there may be of what nothing else bounds.
    pub limits: Limits,
}

impl NamespaceConfig {
    /// The usual sizes, strict durability.
    #[must_use]
    pub fn new(
        dir: &str,
        store: [u8; 16],
        map_file: Option<PathBuf>,
        entropy: Entropy,
        secrets: SecretsKey,
    ) -> Self {
        Self {
            dir: dir.to_owned(),
            store,
            map_file,
            durability: Durability::Strict,
            segment_bytes: NAMESPACE_SEGMENT_BYTES,
            snapshot_bytes: SNAPSHOT_BYTES,
            entropy,
            secrets,
            limits: Limits::default(),
        }
    }

    pub(crate) fn map(&self) -> MapConfig {
        MapConfig {
            path: self.map_file.clone(),
            store: self.store,
        }
    }

    pub(crate) fn log(&self) -> LogConfig {
        LogConfig {
            dir: self.dir.clone(),
            store: self.store,
            shard: SHARD,
            segment_bytes: self.segment_bytes,
            durability: self.durability,
        }
    }
}

/// The one writer of the namespace. Clones share it; all live on one core. It needs
/// [`Namespace::run`] to be run beside it.
pub struct Namespace<D: Disk, C: Clock>(Rc<Inner<D, C>>);

struct Inner<D: Disk, C: Clock> {
    disk: D,
    config: NamespaceConfig,
    reader: NamespaceReader,
    queue: RefCell<VecDeque<Request>>,
    wake: Notify,
    closed: Cell<bool>,
    committer: RefCell<Option<Committer<D, C>>>,
    /// Bytes of the log behind the last snapshot.
    unsaved: Cell<u64>,
    grown: Notify,
}

enum Request {
    Command(Box<Command>, Sender<Result<Reply, NamespaceError>>),
    Close(Sender<Result<(), NamespaceError>>),
}

impl<D: Disk, C: Clock> Clone for Namespace<D, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D: Disk, C: Clock> Namespace<D, C> {
    /// Creates a namespace with the volume `s3v` and an administrator, whose credential is returned
    /// (nobody can ask for the secret again). A creation that a crash interrupted leaves something
    /// that opens or can be created again.
    pub async fn create(
        disk: D,
        clock: C,
        config: NamespaceConfig,
        first: FirstUser,
    ) -> Result<(Self, Credential), NamespaceError> {
        let mut committer = Committer::create(&disk, clock, &config).await?;
        let owner = first.name.clone();
        let user = Command::CreateUser {
            name: first.name,
            display_name: None,
            access_key: first.access_key,
            secret: first.secret,
            admin: true,
            groups: Vec::new(),
        };
        let volume = Command::CreateVolume {
            name: S3_VOLUME.to_owned(),
            owner,
            quota_bytes: None,
            quota_namespace: None,
        };
        let mut commands = [user, volume].into_iter();
        let mut credential = None;
        for reply in committer.commit_alone(|| commands.next()).await {
            if let Reply::Credential(made) = reply? {
                credential = Some(made);
            }
        }
        let credential = credential.ok_or(NamespaceError::Closed)?;
        Ok((Self::new(disk, config, committer, 0), credential))
    }

    /// Opens the namespace of an existing store.
    pub async fn open(disk: D, clock: C, config: NamespaceConfig) -> Result<Self, NamespaceError> {
        let opened = recover::open(&disk, &clock, &config).await?;
        let mut committer = Committer::new(opened.log, clock, opened.map, opened.stamp, &config);
        committer.seal_all().await?;
        Ok(Self::new(disk, config, committer, opened.replayed))
    }

    /// Whether the store holds secrets that need a key, which must be known before one is made up
    /// for it. The key of `config` is not looked at.
    pub async fn has_sealed_secrets(
        disk: &D,
        clock: &C,
        config: &NamespaceConfig,
    ) -> Result<bool, NamespaceError> {
        let opened = recover::open(disk, clock, config).await?;
        reseal::any_sealed(&opened.map)
    }

    fn new(disk: D, config: NamespaceConfig, committer: Committer<D, C>, unsaved: u64) -> Self {
        Self(Rc::new(Inner {
            disk,
            config,
            reader: committer.reader(),
            queue: RefCell::default(),
            wake: Notify::new(),
            closed: Cell::new(false),
            committer: RefCell::new(Some(committer)),
            unsaved: Cell::new(unsaved),
            grown: Notify::new(),
        }))
    }

    /// A reader for any core.
    #[must_use]
    pub fn reader(&self) -> NamespaceReader {
        self.0.reader.clone()
    }

    /// Does a command. When it resolves, the change is durable and every core reads it. Dropping
    /// the future does not stop the command.
    pub async fn apply(&self, command: Command) -> Result<Reply, NamespaceError> {
        self.0
            .ask(|sender| Request::Command(Box::new(command), sender))
            .await
    }

    /// Ends [`Namespace::run`] in an orderly way: commands already given are done, later ones
    /// refused, and the index is left so that the next start can use it as it is.
    pub async fn close(&self) -> Result<(), NamespaceError> {
        self.0.ask(Request::Close).await
    }

    /// The loop that does the work, to be spawned once. Dropping it stops the namespace.
    pub fn run(&self) -> impl Future<Output = ()> + use<D, C> {
        let stop = Stop(self.0.clone());
        async move {
            let inner = &*stop.0;
            let Some(mut committer) = inner.committer.take() else {
                return;
            };
            let log = committer.take_log_loop();
            let work = async {
                let log = committer.log();
                let snapshots = pin!(inner.write_snapshots(&log));
                select(pin!(inner.commit(committer)), snapshots).await;
            };
            join(log, work).await;
        }
    }
}

/// Lets nobody wait for a loop that is gone.
struct Stop<D: Disk, C: Clock>(Rc<Inner<D, C>>);

impl<D: Disk, C: Clock> Drop for Stop<D, C> {
    fn drop(&mut self) {
        self.0.closed.set(true);
        drop(self.0.queue.take());
    }
}

impl<D: Disk, C: Clock> Inner<D, C> {
    async fn ask<T>(
        &self,
        request: impl FnOnce(Sender<Result<T, NamespaceError>>) -> Request,
    ) -> Result<T, NamespaceError> {
        if self.closed.get() {
            return Err(NamespaceError::Closed);
        }
        let (sender, receiver) = oneshot();
        self.queue.borrow_mut().push_back(request(sender));
        self.wake.notify();
        let reply = receiver.receive().await;
        reply.unwrap_or(Err(NamespaceError::Closed))
    }

    /// The next command of the queue, if it is one.
    fn next(&self, senders: &mut Vec<Sender<Result<Reply, NamespaceError>>>) -> Option<Command> {
        let mut queue = self.queue.borrow_mut();
        match queue.pop_front()? {
            Request::Command(command, sender) => {
                senders.push(sender);
                Some(*command)
            }
            close @ Request::Close(_) => {
                queue.push_front(close);
                None
            }
        }
    }

    /// Does what is asked, until it is asked to end.
    async fn commit(&self, mut committer: Committer<D, C>) {
        loop {
            let ticket = self.wake.ticket();
            let mut senders = Vec::new();
            let replies = committer.commit(|| self.next(&mut senders)).await;
            if !senders.is_empty() {
                for (sender, reply) in senders.into_iter().zip(replies) {
                    sender.send(reply);
                }
                self.unsaved
                    .set(self.unsaved.get() + committer.take_bytes());
                self.grown.notify();
                continue;
            }
            let close = self.queue.borrow_mut().pop_front();
            let Some(Request::Close(sender)) = close else {
                self.wake.changed(ticket).await;
                continue;
            };
            self.closed.set(true);
            sender.send(committer.close().await);
            return;
        }
    }

    /// Writes a snapshot whenever the log has grown enough, and gives segments back.
    async fn write_snapshots(&self, log: &crate::log::Log<D, C>) {
        let mut wanted = self.config.snapshot_bytes;
        loop {
            let ticket = self.grown.ticket();
            if self.unsaved.get() < wanted {
                self.grown.changed(ticket).await;
                continue;
            }
            let before = self.unsaved.replace(0);
            let state = self.reader.hold();
            let (dir, store) = (&self.config.dir, self.config.store);
            match snapshot::write(&self.disk, dir, store, &state).await {
                Ok(saved) => {
                    wanted = self.config.snapshot_bytes.max(saved.bytes);
                    drop(state);
                    self.retire(log, saved.first_segment).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "a namespace snapshot could not be written");
                    wanted = before.saturating_mul(2);
                    self.unsaved.set(self.unsaved.get() + before);
                }
            }
        }
    }

    async fn retire(&self, log: &crate::log::Log<D, C>, first: u32) {
        for segment in log.segments().into_iter().filter(|s| *s < first) {
            if let Err(error) = log.retire(segment).await {
                tracing::warn!(%error, segment, "a segment of the namespace log stays");
            }
        }
    }
}
