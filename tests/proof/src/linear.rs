//! Whether a history of one register is linearizable: whether its operations can be put into an order
//! that explains every answer, in which none comes before one that had ended when it began (C1).

use std::collections::HashSet;

/// What a register holds: nothing, or a value.
pub type Value = Option<u64>;

/// What was done, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was set to this.
    Write(Value),
    /// It was set to this if it held nothing; whether it did, when that is known.
    Create(u64, Option<bool>),
    /// It held this.
    Read(Value),
    /// It held something, or nothing.
    Seen(bool),
}

/// An operation with the times at which it began and ended.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// What was done.
    pub action: Action,
    /// When it was asked for.
    pub begin: u64,
    /// When it was answered, or when it could not take place any more.
    pub end: u64,
    /// Whether it was answered. One that was not may have taken place or not.
    pub answered: bool,
}

impl Action {
    /// What the register holds afterwards, if this explains the answer.
    fn explain(self, value: Value) -> Option<Value> {
        match self {
            Self::Write(new) => Some(new),
            Self::Create(new, done) => match (value, done) {
                (None, Some(true) | None) => Some(Some(new)),
                (Some(_), Some(false) | None) => Some(value),
                _ => None,
            },
            Self::Read(found) => (found == value).then_some(value),
            Self::Seen(is_there) => (is_there == value.is_some()).then_some(value),
        }
    }
}

/// Most operations of a register: one bit for each.
pub const OPERATIONS_MAX: usize = 128;

/// Looks for an order. The error shows the history.
pub fn check(initial: Value, history: &[Timed]) -> Result<(), String> {
    assert!(
        history.len() <= OPERATIONS_MAX,
        "a history too long to judge"
    );
    let mut tried = HashSet::new();
    match search(history, 0, initial, &mut tried) {
        true => Ok(()),
        false => {
            let mut sorted = history.to_vec();
            sorted.sort_by_key(|timed| timed.begin);
            let lines = sorted.iter().map(|timed| format!("  {timed:?}"));
            let lines: Vec<_> = lines.collect();
            Err(format!(
                "C1: no order explains, beginning with {initial:?}:\n{}",
                lines.join("\n")
            ))
        }
    }
}

fn search(history: &[Timed], done: u128, value: Value, tried: &mut HashSet<(u128, Value)>) -> bool {
    let all = || history.iter().enumerate();
    let is_done = |at: usize| done >> at & 1 == 1;
    let left = || all().filter(|(at, _)| !is_done(*at));
    if left().all(|(_, timed)| !timed.answered) {
        return true;
    }
    if !tried.insert((done, value)) {
        return false;
    }
    // What comes next began before any that is left ended, and ends after all that are done began.
    let answered = left().filter(|(_, timed)| timed.answered);
    let first_end = answered.map(|(_, timed)| timed.end).min();
    let first_end = first_end.unwrap_or(u64::MAX);
    let begun = all().filter(|(at, _)| is_done(*at));
    let last_begin = begun.map(|(_, timed)| timed.begin).max().unwrap_or(0);
    let next = left().filter(|(_, timed)| timed.begin <= first_end && timed.end >= last_begin);
    let next: Vec<_> = next.collect();
    next.into_iter().any(|(at, timed)| {
        let after = timed.action.explain(value);
        after.is_some_and(|after| search(history, done | 1 << at, after, tried))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(action: Action, begin: u64, end: u64) -> Timed {
        Timed {
            action,
            begin,
            end,
            answered: true,
        }
    }

    #[test]
    fn stale_reads_and_lost_writes_are_found() {
        let write = timed(Action::Write(Some(1)), 1, 2);
        let during = timed(Action::Read(None), 1, 3);
        let after = timed(Action::Read(None), 3, 4);
        assert!(check(None, &[write, during]).is_ok());
        assert!(check(None, &[write, after]).is_err());
        let found = timed(Action::Read(Some(1)), 1, 2);
        let older = timed(Action::Read(None), 3, 4);
        let slow = timed(Action::Write(Some(1)), 1, 9);
        assert!(check(None, &[slow, found]).is_ok());
        assert!(check(None, &[slow, found, older]).is_err());
    }

    #[test]
    fn of_two_that_create_one_wins() {
        let won = |value, begin| timed(Action::Create(value, Some(true)), begin, 9);
        let lost = timed(Action::Create(3, Some(false)), 1, 9);
        assert!(check(None, &[won(1, 1), lost]).is_ok());
        assert!(check(None, &[won(1, 1), won(2, 2)]).is_err());
        assert!(check(None, &[lost]).is_err());
    }

    #[test]
    fn what_was_not_answered_may_have_happened() {
        let unanswered = Timed {
            answered: false,
            ..timed(Action::Write(Some(1)), 1, 5)
        };
        for found in [None, Some(1)] {
            let read = timed(Action::Read(found), 6, 7);
            assert!(check(None, &[unanswered, read]).is_ok());
        }
        // But not after the crash that it was cut off by.
        let reads = [
            timed(Action::Read(None), 6, 7),
            timed(Action::Read(Some(1)), 8, 9),
        ];
        assert!(check(None, &[unanswered, reads[0], reads[1]]).is_err());
    }
}
