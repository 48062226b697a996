//! Makes a batch of commands durable and visible, as a whole.

use crate::index::map::{MapWriter, Stamp};
use crate::io::{Clock, Disk};
use crate::log::{Log, LogError};
use crate::namespace::apply::{Effects, apply};
use crate::namespace::change::{BATCH, Batch};
use crate::namespace::command::{Command, Reply};
use crate::namespace::error::NamespaceError;
use crate::namespace::plan::{Answer, Plan, Planner};
use crate::namespace::quota::Limits;
use crate::namespace::reader::NamespaceReader;
use crate::namespace::recover;
use crate::namespace::reseal;
use crate::namespace::secret::Entropy;
use crate::namespace::tables;
use crate::namespace::vault::Vault;
use crate::namespace::writer::NamespaceConfig;
use futures_util::future::{Either, select};
use std::pin::{Pin, pin};
use std::sync::Arc;

/// Most commands of one batch.
const BATCH_COMMANDS_MAX: usize = 256;
/// A batch takes no further command once it has this many bytes.
const BATCH_BYTES: usize = 512 * 1024;

type Loop = Pin<Box<dyn Future<Output = ()>>>;
type Replies = Vec<Result<Reply, NamespaceError>>;

/// What only the running loop may touch: the log's and the map's writer.
pub(crate) struct Committer<D: Disk, C: Clock> {
    log: Log<D, C>,
    /// The log's own loop, until somebody runs it.
    log_loop: Option<Loop>,
    clock: C,
    entropy: Entropy,
    limits: Limits,
    vault: Arc<Vault>,
    map: MapWriter,
    digest: u64,
    /// Payload bytes appended since somebody asked.
    bytes: u64,
    /// Log and map may differ, or the log is poisoned: nothing more is acknowledged.
    failed: Option<NamespaceError>,
}

impl<D: Disk, C: Clock> Committer<D, C> {
    pub(crate) async fn create(
        disk: &D,
        clock: C,
        config: &NamespaceConfig,
    ) -> Result<Self, NamespaceError> {
        disk.create_dir(&config.dir).await?;
        recover::clear(disk, &clock, config).await?;
        let log = Log::create(disk.clone(), clock.clone(), config.log()).await?;
        let map = MapWriter::create(&config.map())?;
        Ok(Self::new(log, clock, map, Stamp::default(), config))
    }

    pub(crate) fn new(
        log: Log<D, C>,
        clock: C,
        map: MapWriter,
        stamp: Stamp,
        config: &NamespaceConfig,
    ) -> Self {
        let log_loop: Loop = Box::pin(log.run());
        Self {
            log,
            log_loop: Some(log_loop),
            clock,
            entropy: config.entropy.clone(),
            limits: config.limits,
            vault: Arc::new(Vault::new(&config.secrets)),
            map,
            digest: stamp.digest,
            bytes: 0,
            failed: None,
        }
    }

    pub(crate) fn reader(&self) -> NamespaceReader {
        NamespaceReader::new(self.map.reader(), self.vault.clone())
    }

    /// Seals every secret that lies open, which stores of the first version have, and insists that
    /// the key is the right one.
    pub(crate) async fn seal_all(&mut self) -> Result<(), NamespaceError> {
        let mut open = reseal::open_keys(&self.map, &self.vault)?.into_iter();
        let total = open.len();
        while open.len() > 0 {
            let replies = self.commit_alone(|| {
                open.next()
                    .map(|access_key| Command::SealSecret { access_key })
            });
            for reply in replies.await {
                reply?;
            }
        }
        if total > 0 {
            tracing::info!(total, "secrets of an older version are encrypted now");
        }
        Ok(())
    }

    pub(crate) fn log(&self) -> Log<D, C> {
        self.log.clone()
    }

    /// The log's own loop; [`Committer::commit`] needs it to be run.
    pub(crate) async fn run_log(log_loop: Option<Loop>) {
        if let Some(log_loop) = log_loop {
            log_loop.await;
        }
    }

    pub(crate) fn take_log_loop(&mut self) -> impl Future<Output = ()> + use<D, C> {
        Self::run_log(self.log_loop.take())
    }

    pub(crate) const fn take_bytes(&mut self) -> u64 {
        std::mem::replace(&mut self.bytes, 0)
    }

    /// [`Committer::commit`], before anybody runs the log's loop.
    pub(crate) async fn commit_alone(&mut self, next: impl FnMut() -> Option<Command>) -> Replies {
        let Some(mut log_loop) = self.log_loop.take() else {
            return Vec::new();
        };
        let replies = match select(pin!(self.commit(next)), &mut log_loop).await {
            Either::Left((replies, _)) => replies,
            // It ended because it failed, and the commit finds out why.
            Either::Right(((), commit)) => commit.await,
        };
        self.log_loop = Some(log_loop);
        replies
    }

    /// Takes commands as long as there are some, does them as one batch, and returns what is to be
    /// answered to each. Nothing is to be answered before: even a refusal may rest on a change of
    /// the same batch.
    pub(crate) async fn commit(&mut self, mut next: impl FnMut() -> Option<Command>) -> Replies {
        let mut batch = Batch::after(self.digest);
        let mut replies = Vec::new();
        let mut broken = self.failed.clone();
        while replies.len() < BATCH_COMMANDS_MAX && batch.len() < BATCH_BYTES {
            let Some(command) = next() else { break };
            if let Some(error) = &broken {
                replies.push(Err(error.clone()));
                continue;
            }
            match self.plan(command) {
                Err(error) => replies.push(Err(error)),
                Ok(plan) => match self.stage(plan, &mut batch).await {
                    Ok(reply) => replies.push(Ok(reply)),
                    Err(error) => {
                        replies.push(Err(error.clone()));
                        broken = Some(error);
                    }
                },
            }
        }
        if batch.is_empty() {
            return replies;
        }
        let result = match broken {
            Some(error) => Err(error),
            None => self.finish(batch).await,
        };
        if let Err(error) = result {
            self.map.discard();
            replies
                .iter_mut()
                .for_each(|reply| *reply = Err(error.clone()));
        }
        replies
    }

    fn plan(&self, command: Command) -> Result<Plan, NamespaceError> {
        let planner = Planner {
            map: &self.map,
            now: self.clock.now(),
            entropy: &self.entropy,
            limits: &self.limits,
            vault: &self.vault,
        };
        planner.plan(command)
    }

    /// Brings a plan's changes into the unpublished state. An error leaves it of no use.
    async fn stage(&mut self, plan: Plan, batch: &mut Batch) -> Result<Reply, NamespaceError> {
        let mut effects = Effects::default();
        for change in &plan.changes {
            batch.push(change);
            apply(&mut self.map, change, &mut effects).await?;
        }
        Ok(match plan.answer {
            Answer::Done => Reply::Done,
            Answer::Volume(name) => {
                let volume = tables::volume(&self.map, &name)?;
                Reply::Volume(volume.ok_or(NamespaceError::VolumeNotFound(name))?)
            }
            Answer::Entry(volume, name) => {
                let entry = tables::entry(&self.map, &volume, &name)?;
                let missing = || NamespaceError::BucketNotFound(name.to_string());
                Reply::Entry(Box::new(entry.ok_or_else(missing)?))
            }
            Answer::Acl(acl) => Reply::Acl(acl),
            Answer::Deleted => Reply::Deleted {
                dangling: effects.broken,
                dangling_count: effects.broken_count,
            },
            Answer::Credential(access_key) => {
                let credential = tables::credential(&self.map, &self.vault, &access_key)?;
                Reply::Credential(credential.ok_or(NamespaceError::AccessKeyNotFound)?)
            }
        })
    }

    /// Appends, commits, publishes. Once the record is in the log, a failure is final: what is
    /// durable and what is visible may differ until the next start.
    async fn finish(&mut self, batch: Batch) -> Result<(), NamespaceError> {
        let removes = batch.removes();
        let (payload, digest) = batch.finish();
        let at = self.append(&payload, removes).await?;
        self.bytes += payload.len() as u64;
        let committed = self.log.commit().await.map_err(NamespaceError::from);
        let stamp = Stamp {
            covers: at.to_u64(),
            digest,
        };
        let published = committed.and_then(|()| Ok(self.map.publish(stamp)?));
        match published {
            Ok(_) => {
                self.digest = digest;
                Ok(())
            }
            Err(error) => {
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// On a full device, what removes something may use the log's reserve.
    async fn append(
        &mut self,
        payload: &[u8],
        removes: bool,
    ) -> Result<crate::base::Location, NamespaceError> {
        let appended = match self.log.append(BATCH, &[payload]).await {
            Err(LogError::NoSpace) if removes => self.log.append_reserved(BATCH, &[payload]).await,
            other => other,
        };
        match appended {
            Ok(at) => Ok(at),
            Err(error) => {
                use LogError::{Invalid, NoSpace, TooLarge};
                let untouched = matches!(error, NoSpace | TooLarge { .. } | Invalid(_));
                let error = NamespaceError::from(error);
                if !untouched {
                    self.failed = Some(error.clone());
                }
                Err(error)
            }
        }
    }

    /// Closes log and map.
    pub(crate) async fn close(self) -> Result<(), NamespaceError> {
        self.log.close().await?;
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.map.close()?),
        }
    }
}
