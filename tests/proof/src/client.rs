//! Asks operations of the engine and of the model alike and compares the answers. Writes may be on
//! their way while the next one begins; a mark in the disk's recording says when each was answered.

use crate::engine::Engine;
use crate::history::History;
use crate::journal::Journal;
use crate::model::{Op, Outcome};
use chainringd::io::sim::{self, Task};
use std::cell::Cell;
use std::rc::Rc;

/// Turns after which an operation that has no place in the log counts as hung.
const TURNS_MAX: usize = 1_000_000;

/// An operation on its way.
struct Running {
    task: Task<Outcome>,
    expected: Outcome,
    number: u64,
    text: String,
}

/// A client of one open store.
pub struct Client<'a> {
    engine: Rc<Engine>,
    journal: &'a mut Journal,
    history: &'a History,
    running: Vec<Running>,
    /// Compaction on its way. It appends records of its own, so that nobody can see whether an
    /// operation has its place: each is waited for meanwhile.
    compaction: Option<Task<Result<(), String>>>,
}

impl<'a> Client<'a> {
    /// A client; everything in the journal is acknowledged.
    pub fn new(engine: Rc<Engine>, journal: &'a mut Journal, history: &'a History) -> Self {
        Self {
            engine,
            journal,
            history,
            running: Vec::new(),
            compaction: None,
        }
    }

    /// What the store must hold when everything under way is done.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        self.journal
    }

    /// Begins compaction beside what follows; what began before ends first.
    pub async fn compact(&mut self) -> Result<(), String> {
        self.settle().await?;
        self.compacted().await?;
        let shards = self.engine.shards.clone();
        let task = sim::spawn(async move { shards.compact().await });
        self.compaction = Some(task);
        Ok(())
    }

    /// Waits for the end of compaction.
    pub async fn compacted(&mut self) -> Result<(), String> {
        match self.compaction.take() {
            Some(task) => task.join().await,
            None => Ok(()),
        }
    }

    /// Does an operation. With `wait` it is answered on return; without, it has its place in the
    /// order of its shard.
    pub async fn ask(&mut self, op: Op, wait: bool) -> Result<(), String> {
        let alone = match op {
            Op::Put { .. } | Op::Delete { .. } | Op::Begin { .. } | Op::Abort { .. } => false,
            // Any state since the last answer may be visible.
            Op::Get { .. } => {
                let mut allowed = self.journal.readings(&op);
                let found = self.engine.perform(&op).await;
                self.history.note(|| format!("{op:?} -> {}", brief(&found)));
                return match allowed.any(|outcome| outcome == found) {
                    true => Ok(()),
                    false => Err(format!("{op:?} answered {found:?}")),
                };
            }
            // These look at what is visible before they take their place.
            _ => true,
        };
        if alone {
            self.settle().await?;
        }
        let text = format!("{op:?}");
        self.history.note(|| text.clone());
        let (expected, number) = self.journal.begin(&op);
        let before = self.engine.shards.records();
        let done = Rc::new(Cell::new(false));
        let (engine, flag) = (self.engine.clone(), done.clone());
        let task = sim::spawn(async move {
            let outcome = engine.perform(&op).await;
            engine.disk.mark(number);
            flag.set(true);
            outcome
        });
        self.running.push(Running {
            task,
            expected,
            number,
            text,
        });
        if alone || wait || self.compaction.is_some() {
            return self.settle().await;
        }
        for _ in 0..TURNS_MAX {
            if done.get() || self.engine.shards.records() > before {
                return Ok(());
            }
            sim::yield_now().await;
        }
        Err("an operation neither took its place nor was answered".to_owned())
    }

    /// Waits for every answer.
    pub async fn settle(&mut self) -> Result<(), String> {
        for running in std::mem::take(&mut self.running) {
            let outcome = running.task.join().await;
            if outcome != running.expected {
                return Err(format!(
                    "{} answered {outcome:?} instead of {:?}",
                    running.text, running.expected
                ));
            }
            self.journal.acknowledge(running.number);
        }
        Ok(())
    }
}

/// An answer without the bytes of it.
fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Found(bytes, etag) => format!("{} bytes of {etag}", bytes.len()),
        other => format!("{other:?}"),
    }
}
