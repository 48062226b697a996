//! What clients were answered, by register, and everything that happened meanwhile.

use super::chronicle::Chronicle;
use crate::linear::{Action, Timed};
use chainringd::io::sim::SimDisk;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// What was done, by register.
#[derive(Default)]
pub(super) struct Record {
    pub(super) clock: Cell<u64>,
    tags: Cell<u64>,
    pub(super) registers: RefCell<BTreeMap<&'static str, Vec<Timed>>>,
    pub(super) errors: RefCell<Vec<String>>,
    pub(super) chronicle: RefCell<Chronicle>,
    /// What is said during a life goes between what happens to its disk.
    disk: RefCell<Option<SimDisk>>,
    said: RefCell<Vec<String>>,
    told: Cell<usize>,
}

impl Record {
    /// A life begins on this disk.
    pub(super) fn watch(&self, disk: &SimDisk) {
        disk.record_reads();
        self.disk.replace(Some(disk.clone()));
    }

    /// It is over.
    pub(super) fn take_down(&self) {
        if let Some(disk) = self.disk.take() {
            let said = self.said.take();
            self.chronicle.borrow_mut().add(disk.trace().events, &said);
        }
    }

    /// What was taken down since this was last called, a line each.
    pub(super) fn untold(&self) -> Vec<String> {
        let chronicle = self.chronicle.borrow();
        let first = self.told.replace(chronicle.len());
        chronicle.lines(first)
    }

    fn say(&self, words: String) {
        if let Some(disk) = &*self.disk.borrow() {
            let mut said = self.said.borrow_mut();
            disk.mark(said.len() as u64);
            said.push(words);
        }
    }

    fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    pub(super) fn tag(&self) -> u64 {
        self.tags.set(self.tags.get() + 1);
        self.tags.get()
    }

    /// An operation begins; nothing is known of its end.
    pub(super) fn begin(&self, register: &'static str, action: Action) -> usize {
        let timed = Timed {
            action,
            begin: self.tick(),
            end: u64::MAX,
            answered: false,
        };
        self.say(format!("{register}: {action:?} begins at {}", timed.begin));
        let mut registers = self.registers.borrow_mut();
        let history = registers.entry(register).or_default();
        history.push(timed);
        history.len() - 1
    }

    /// It was answered.
    pub(super) fn end(&self, register: &'static str, at: usize, action: Action) {
        let end = self.tick();
        self.say(format!("{register}: {action:?} is answered at {end}"));
        let mut registers = self.registers.borrow_mut();
        let timed = registers
            .get_mut(register)
            .and_then(|history| history.get_mut(at));
        if let Some(timed) = timed {
            (timed.action, timed.end, timed.answered) = (action, end, true);
        }
    }

    /// It did nothing, or only asked.
    pub(super) fn forget(&self, register: &'static str, at: usize) {
        self.say(format!("{register}: a read failed"));
        let mut registers = self.registers.borrow_mut();
        let timed = registers
            .get_mut(register)
            .and_then(|history| history.get_mut(at));
        if let Some(timed) = timed {
            (timed.action, timed.end) = (Action::Seen(true), 0);
        }
    }

    /// The power failed: what was not answered takes place before now or never.
    pub(super) fn crash(&self) {
        let now = self.tick();
        for timed in self.registers.borrow_mut().values_mut().flatten() {
            timed.end = timed.end.min(now);
        }
    }
}
