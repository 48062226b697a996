//! A plain `BTreeMap` of one thread, which other cores ask by message.

use crate::candidate::{Candidate, Read, digest};
use crate::maps::{load, save};
use crate::workload::Value;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::time::Duration;

type Map = BTreeMap<Box<[u8]>, Value>;

/// The owner of the map.
pub struct Asked {
    map: Map,
    questions: Receiver<Question>,
    ask: Sender<Question>,
}

enum Question {
    Get(Vec<u8>, Sender<Option<u8>>),
    Scan(Vec<u8>, usize, Sender<(usize, u64)>),
}

impl Read for Asked {
    fn get(&self, key: &[u8]) -> Option<u8> {
        self.map.get(key).and_then(|value| value.first().copied())
    }

    fn scan(&self, from: &[u8], count: usize) -> (usize, u64) {
        let range = self
            .map
            .range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        range.take(count).fold((0, 0), |(seen, sum), (key, value)| {
            (seen + 1, sum + digest(key, value))
        })
    }
}

impl Asked {
    fn answer(&self, question: Question) {
        // A reader that is gone does not want the answer.
        match question {
            Question::Get(key, answer) => drop(answer.send(self.get(&key))),
            Question::Scan(from, count, answer) => drop(answer.send(self.scan(&from, count))),
        }
    }

    fn of(map: Map) -> Self {
        let (ask, questions) = bounded(1024);
        Self {
            map,
            questions,
            ask,
        }
    }
}

impl Candidate for Asked {
    const NAME: &'static str = "btree-asked";
    type Reader = Asking;

    fn create(_: &Path) -> Self {
        Self::of(Map::new())
    }

    fn insert(&mut self, key: &[u8], value: &Value) {
        self.map.insert(key.into(), *value);
    }

    fn reader(&mut self) -> Asking {
        Asking(self.ask.clone())
    }

    fn turn(&mut self) {
        while let Ok(question) = self.questions.try_recv() {
            self.answer(question);
        }
    }

    fn idle(&mut self) {
        if let Ok(question) = self.questions.recv_timeout(Duration::from_millis(10)) {
            self.answer(question);
        }
    }

    fn save(&mut self, dir: &Path) {
        save(dir, self.map.iter().map(|(key, value)| (&key[..], value)));
    }

    fn restart(dir: &Path) -> Self {
        Self::of(load(dir).map(|(key, value)| (key.into(), value)).collect())
    }
}

/// Asks the owner.
pub struct Asking(Sender<Question>);

impl Asking {
    fn ask<T>(&self, question: impl FnOnce(Sender<T>) -> Question) -> Option<T> {
        let (sender, answer) = bounded(1);
        self.0.send(question(sender)).ok()?;
        answer.recv().ok()
    }
}

impl Read for Asking {
    fn get(&self, key: &[u8]) -> Option<u8> {
        self.ask(|answer| Question::Get(key.to_vec(), answer))
            .flatten()
    }

    fn scan(&self, from: &[u8], count: usize) -> (usize, u64) {
        self.ask(|answer| Question::Scan(from.to_vec(), count, answer))
            .unwrap_or_default()
    }
}
