//! The writing side: one task that takes commands in batches, makes each batch one record of the
//! log, publishes it, and then answers.

use crate::base::local::{Notify, Sender, oneshot};
use crate::index::map::{MapConfig, MapWriter, Stamp};
use crate::io::{Clock, Disk};
use crate::namespace::apply::{Effects, apply};
use crate::namespace::change::{BATCH, Batch};
use crate::namespace::command::{Command, FirstUser, Reply};
use crate::namespace::error::NamespaceError;
use crate::namespace::journal::Journal;
use crate::namespace::name::S3_VOLUME;
use crate::namespace::plan::{Answer, Plan, Planner};
use crate::namespace::reader::NamespaceReader;
use crate::namespace::secret::Entropy;
use crate::namespace::tables;
use crate::namespace::types::Credential;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;

/// Most commands of one batch.
const BATCH_COMMANDS_MAX: usize = 256;
/// A batch takes no further command once it has this many bytes.
const BATCH_BYTES: usize = 512 * 1024;

/// How a namespace is kept.
#[derive(Clone)]
pub struct NamespaceConfig {
    /// Folder of the log and the snapshots, relative to the disk's root.
    pub dir: String,
    /// Store the log belongs to.
    pub store: [u8; 16],
    /// File of the mapped index. `None` keeps the index in memory only: the next start then
    /// rebuilds it.
    pub map_file: Option<PathBuf>,
    /// Where canonical ids and random keys come from.
    pub entropy: Entropy,
}

impl NamespaceConfig {
    fn map(&self) -> MapConfig {
        MapConfig {
            path: self.map_file.clone(),
            store: self.store,
        }
    }
}

/// The one writer of the namespace. Clones share it; all live on one core.
pub struct Namespace<D: Disk, C: Clock>(Rc<Inner<D, C>>);

struct Inner<D: Disk, C: Clock> {
    _disk: D,
    clock: C,
    entropy: Entropy,
    reader: NamespaceReader,
    queue: RefCell<VecDeque<Request>>,
    wake: Notify,
    committer: RefCell<Option<Committer>>,
}

struct Request {
    command: Command,
    reply: Sender<Result<Reply, NamespaceError>>,
}

/// What only the running loop may touch.
struct Committer {
    journal: Journal,
    map: MapWriter,
    digest: u64,
    failed: Option<NamespaceError>,
}

impl<D: Disk, C: Clock> Clone for Namespace<D, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D: Disk, C: Clock> Namespace<D, C> {
    /// Creates a namespace with the volume `s3v` and an administrator, whose credential is returned
    /// (nobody can ask for the secret again).
    pub async fn create(
        disk: D,
        clock: C,
        config: NamespaceConfig,
        first: FirstUser,
    ) -> Result<(Self, Credential), NamespaceError> {
        let mut committer = Committer {
            journal: Journal::default(),
            map: MapWriter::create(&config.map())?,
            digest: 0,
            failed: None,
        };
        let owner = first.name.clone();
        let commands = [
            Command::CreateUser {
                name: first.name,
                display_name: None,
                access_key: first.access_key,
                secret: first.secret,
                admin: true,
            },
            Command::CreateVolume {
                name: S3_VOLUME.to_owned(),
                owner,
            },
        ];
        let mut replies = committer.commit(&clock, &config.entropy, commands).await;
        replies.truncate(2);
        let volume = replies.pop().unwrap_or(Err(NamespaceError::Closed));
        let user = replies.pop().unwrap_or(Err(NamespaceError::Closed));
        volume?;
        let Reply::Credential(credential) = user? else {
            return Err(NamespaceError::Closed);
        };
        Ok((
            Self::new(disk, clock, config.entropy, committer),
            credential,
        ))
    }

    /// Opens the namespace of an existing store.
    pub async fn open(
        _disk: D,
        _clock: C,
        _config: NamespaceConfig,
    ) -> Result<Self, NamespaceError> {
        Err(NamespaceError::Log("not built yet".to_owned()))
    }

    /// Ends the loop in an orderly way: commands already given are done, later ones refused, and the
    /// index is left so that the next start can use it as it is.
    pub async fn close(&self) -> Result<(), NamespaceError> {
        Ok(())
    }

    fn new(disk: D, clock: C, entropy: Entropy, committer: Committer) -> Self {
        Self(Rc::new(Inner {
            _disk: disk,
            clock,
            entropy,
            reader: NamespaceReader::new(committer.map.reader()),
            queue: RefCell::default(),
            wake: Notify::new(),
            committer: RefCell::new(Some(committer)),
        }))
    }

    /// A reader for any core.
    #[must_use]
    pub fn reader(&self) -> NamespaceReader {
        self.0.reader.clone()
    }

    /// Does a command. When it resolves, the change is durable and every core reads it. Dropping
    /// the future does not stop the command. Needs [`Namespace::run`] to be running.
    pub async fn apply(&self, command: Command) -> Result<Reply, NamespaceError> {
        let (sender, receiver) = oneshot();
        self.0.queue.borrow_mut().push_back(Request {
            command,
            reply: sender,
        });
        self.0.wake.notify();
        receiver
            .receive()
            .await
            .unwrap_or(Err(NamespaceError::Closed))
    }

    /// The loop that does the work; the owner spawns it, once.
    pub fn run(&self) -> impl Future<Output = ()> + 'static {
        let inner = self.0.clone();
        async move {
            let Some(mut committer) = inner.committer.take() else {
                return;
            };
            loop {
                let ticket = inner.wake.ticket();
                let count = inner.queue.borrow().len().min(BATCH_COMMANDS_MAX);
                if count == 0 {
                    inner.wake.changed(ticket).await;
                    continue;
                }
                let requests: Vec<Request> = inner.queue.borrow_mut().drain(..count).collect();
                let (commands, senders): (Vec<_>, Vec<_>) =
                    requests.into_iter().map(|r| (r.command, r.reply)).unzip();
                let replies = committer
                    .commit(&inner.clock, &inner.entropy, commands)
                    .await;
                for (sender, reply) in senders.into_iter().zip(replies) {
                    sender.send(reply);
                }
            }
        }
    }
}

impl Committer {
    async fn commit(
        &mut self,
        clock: &impl Clock,
        entropy: &Entropy,
        commands: impl IntoIterator<Item = Command>,
    ) -> Vec<Result<Reply, NamespaceError>> {
        let mut batch = Batch::after(self.digest);
        let mut replies = Vec::new();
        for command in commands {
            if let Some(error) = &self.failed {
                replies.push(Err(error.clone()));
                continue;
            }
            let planner = Planner {
                map: &self.map,
                now: clock.now(),
                entropy,
            };
            let reply = match planner.plan(command) {
                Ok(plan) => self.stage(plan, &mut batch).await,
                Err(error) => Err(error),
            };
            replies.push(reply);
        }
        if batch.is_empty() {
            return replies;
        }
        let (payload, digest) = batch.finish();
        if let Err(error) = self.finish(&payload, digest).await {
            self.map.discard();
            replies.fill_with(|| Err(error.clone()));
        }
        replies
    }

    async fn stage(&mut self, plan: Plan, batch: &mut Batch) -> Result<Reply, NamespaceError> {
        let mut effects = Effects::default();
        for change in &plan.changes {
            batch.push(change);
            apply(&mut self.map, change, &mut effects).await?;
        }
        let missing = NamespaceError::Closed;
        Ok(match plan.answer {
            Answer::Done => Reply::Done,
            Answer::Volume(name) => {
                let record = tables::volume_record(&self.map, &name)?.ok_or(missing)?;
                Reply::Volume(tables::volume(name, &record))
            }
            Answer::Entry(volume, name) => {
                let entry = tables::entry(&self.map, &volume, &name)?.ok_or(missing)?;
                Reply::Entry(Box::new(entry))
            }
            Answer::Deleted => Reply::Deleted {
                dangling: effects.broken,
                dangling_count: effects.broken_count,
            },
            Answer::Credential(access_key) => {
                Reply::Credential(tables::credential(&self.map, &access_key)?.ok_or(missing)?)
            }
        })
    }

    async fn finish(&mut self, payload: &[u8], digest: u64) -> Result<(), NamespaceError> {
        let at = self.journal.append(BATCH, &[payload]).await;
        let at = at.map_err(NamespaceError::Log)?;
        self.journal.commit().await.map_err(NamespaceError::Log)?;
        let stamp = Stamp {
            covers: at.to_u64(),
            digest,
        };
        self.map.publish(stamp)?;
        self.digest = digest;
        Ok(())
    }
}
