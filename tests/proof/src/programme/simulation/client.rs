//! A client on one core: what it asks, and what the answers say of the registers.

use super::record::Record;
use super::{KEYS, LINK, body, place};
use crate::engine::Engine;
use crate::linear::Action;
use crate::model::{Condition, Op, Outcome, Place, Refusal};
use chainringd::io::sim::{self, Rng};
use std::rc::Rc;

/// A client on one core.
pub(super) struct Client {
    pub(super) engine: Engine,
    pub(super) record: Rc<Record>,
    pub(super) rng: Rng,
}

impl Client {
    pub(super) async fn run(mut self, ops: usize) {
        let record = self.record.clone();
        if let Err(error) = self.do_some(ops).await {
            record.errors.borrow_mut().push(error);
        }
    }

    async fn do_some(&mut self, ops: usize) -> Result<(), String> {
        for _ in 0..ops {
            match self.rng.below(12) {
                0 => self.list().await?,
                1 => self.relink().await?,
                2 | 3 => self.follow()?,
                4..7 => self.get().await?,
                other => self.write(other).await?,
            }
            if self.rng.below(4) == 0 {
                sim::yield_now().await;
            }
        }
        Ok(())
    }

    fn key(&mut self) -> &'static str {
        KEYS[self.rng.below(KEYS.len())]
    }

    /// The bucket itself, or a link to it.
    fn at(&mut self) -> Place {
        place(["one", "same"][self.rng.below(2)])
    }

    async fn write(&mut self, kind: usize) -> Result<(), String> {
        let (key, at, tag) = (self.key(), self.at(), self.record.tag());
        let put = |condition| Op::Put {
            at: at.clone(),
            key: key.to_owned(),
            body: body(tag),
            condition,
        };
        let (op, action) = match kind {
            7 | 8 => (put(Condition::Always), Action::Write(Some(tag))),
            9 => (put(Condition::IfAbsent), Action::Create(tag, None)),
            _ => {
                let delete = Op::Delete {
                    at: at.clone(),
                    key: key.to_owned(),
                    condition: Condition::Always,
                };
                (delete, Action::Write(None))
            }
        };
        let number = self.record.begin(key, action);
        let answered = match (self.engine.perform(&op).await, action) {
            (Outcome::Stored(_), Action::Create(tag, _)) => Action::Create(tag, Some(true)),
            (Outcome::Refused(Refusal::Precondition), Action::Create(tag, _)) => {
                Action::Create(tag, Some(false))
            }
            (Outcome::Stored(_) | Outcome::Done, action) => action,
            // Nobody knows.
            (Outcome::Failed(_) | Outcome::Full, _) => return Ok(()),
            (other, _) => return Err(format!("{op:?} answered {other:?}")),
        };
        self.record.end(key, number, answered);
        Ok(())
    }

    pub(super) async fn get(&mut self) -> Result<(), String> {
        let (key, at) = (self.key(), self.at());
        let op = Op::Get {
            at,
            key: key.to_owned(),
            from: 0,
            len: usize::MAX,
        };
        let number = self.record.begin(key, Action::Read(None));
        match self.engine.perform(&op).await {
            Outcome::Found(bytes, _) => {
                let tag = bytes.get(..8).and_then(|tag| std::str::from_utf8(tag).ok());
                let tag = tag.and_then(|tag| u64::from_str_radix(tag, 16).ok());
                let tag = tag.ok_or("bytes that nobody wrote")?;
                if bytes != body(tag).bytes() {
                    return Err(format!("wrong bytes under {key}"));
                }
                self.record.end(key, number, Action::Read(Some(tag)));
            }
            Outcome::Refused(Refusal::NoSuchKey) => {
                self.record.end(key, number, Action::Read(None));
            }
            Outcome::Failed(_) => self.record.forget(key, number),
            other => return Err(format!("{op:?} answered {other:?}")),
        }
        Ok(())
    }

    /// Each key was listed, or not, at some moment of the listing.
    pub(super) async fn list(&mut self) -> Result<(), String> {
        let op = Op::List {
            at: self.at(),
            prefix: String::new(),
            after: String::new(),
            limit: 10,
        };
        let numbers = KEYS.map(|key| (key, self.record.begin(key, Action::Seen(true))));
        match self.engine.perform(&op).await {
            Outcome::Keys(found) => {
                for (key, number) in numbers {
                    let seen = found.iter().any(|found| found == key);
                    self.record.end(key, number, Action::Seen(seen));
                }
                Ok(())
            }
            other => Err(format!("{op:?} answered {other:?}")),
        }
    }

    async fn relink(&mut self) -> Result<(), String> {
        let to = ["one", "two"][self.rng.below(2)];
        let source = if to == "one" { 1 } else { 2 };
        let op = Op::Relink {
            at: place("flip"),
            to: place(to),
        };
        let action = Action::Write(Some(source));
        let number = self.record.begin(LINK, action);
        match self.engine.perform(&op).await {
            Outcome::Done => self.record.end(LINK, number, action),
            Outcome::Failed(_) | Outcome::Full => {}
            other => return Err(format!("{op:?} answered {other:?}")),
        }
        Ok(())
    }

    pub(super) fn follow(&mut self) -> Result<(), String> {
        let number = self.record.begin(LINK, Action::Read(None));
        let bucket = self.engine.leads_to(&place("flip"))?;
        self.record.end(LINK, number, Action::Read(Some(bucket)));
        Ok(())
    }
}
