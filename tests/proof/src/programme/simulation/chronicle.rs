//! Everything that happened in a run, in order, so that two runs of a seed can be compared and the first
//! thing that differs be shown.

use chainringd::io::sim::Event;
use std::collections::BTreeMap;

/// What is shown of what both runs did, and of what each did then.
const BEFORE: usize = 30;
const AFTER: usize = 6;

/// Something that happened.
#[derive(Debug, PartialEq, Eq)]
pub enum Happened {
    /// To the disk.
    Disk(Event),
    /// To a client, or to all of it.
    Said(String),
}

/// What happened, oldest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chronicle(Vec<Happened>);

impl Chronicle {
    /// Goes on with what happened to a disk. Marks in it are the numbers of what was said.
    pub fn add(&mut self, events: Vec<Event>, said: &[String]) {
        self.0.extend(events.into_iter().map(|event| {
            let mark = match event {
                Event::Mark(mark) => usize::try_from(mark).ok(),
                _ => None,
            };
            match mark.and_then(|mark| said.get(mark)) {
                Some(words) => Happened::Said(words.clone()),
                None => Happened::Disk(event),
            }
        }));
    }

    /// Something that concerns all of it.
    pub fn say(&mut self, words: String) {
        self.0.push(Happened::Said(words));
    }

    /// How much there is of it.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The same in words, a line each, without the first ones.
    pub fn lines(&self, first: usize) -> Vec<String> {
        let mut names = Names::default();
        let all = self.0.iter().map(|happened| names.line(happened));
        let all: Vec<_> = all.collect();
        all.into_iter().skip(first).collect()
    }

    /// Whether the same happened in both. The error shows where they part.
    pub fn compare(&self, other: &Self) -> Result<(), String> {
        if self == other {
            return Ok(());
        }
        let pairs = self.0.iter().zip(&other.0);
        let same = pairs.take_while(|(one, other)| one == other).count();
        let shown = |told: &Self, from: usize, to: usize| {
            let lines = told.lines(from).into_iter().take(to - from);
            lines
                .map(|line| format!("\n    {line}"))
                .collect::<String>()
        };
        let (before, after) = (same.saturating_sub(BEFORE), same + AFTER);
        Err(format!(
            "the same seed gave two histories. They share {same} events, the last of them{}\n  \
             the first went on with{}\n  and the second with{}",
            shown(self, before, same),
            shown(self, same, after),
            shown(other, same, after),
        ))
    }
}

/// The files' paths, as far as one saw them being made.
#[derive(Default)]
struct Names(BTreeMap<u64, String>);

impl Names {
    fn of(&self, file: u64) -> String {
        let name = self.0.get(&file).cloned();
        name.unwrap_or_else(|| format!("file {file}"))
    }

    fn line(&mut self, happened: &Happened) -> String {
        let event = match happened {
            Happened::Said(words) => return words.clone(),
            Happened::Disk(event) => event,
        };
        match event {
            Event::CreateBegun { file, path, .. } => _ = self.0.insert(*file, path.clone()),
            Event::RenameBegun { from, to, .. } => {
                let named = self.0.values_mut().filter(|name| *name == from);
                named.for_each(|name| name.clone_from(to));
            }
            _ => {}
        }
        match event {
            Event::WriteBegun {
                id,
                file,
                offset,
                data,
            } => format!(
                "write {id} of {} bytes at {offset} of {} begins",
                data.len(),
                self.of(*file)
            ),
            Event::WriteDone { id, .. } => format!("write {id} is done"),
            Event::ReadBegun { file, offset, len } => {
                format!("read of {len} bytes at {offset} of {}", self.of(*file))
            }
            Event::SyncBegun { file, covers } => {
                format!("flush of {} begins: {covers:?}", self.of(*file))
            }
            Event::SyncDone { file, covers } => {
                format!("flush of {} is done: {covers:?}", self.of(*file))
            }
            other => format!("{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: Vec<Event>) -> Chronicle {
        let mut chronicle = Chronicle::default();
        chronicle.add(events, &["a was written".to_owned()]);
        chronicle
    }

    #[test]
    fn the_first_difference_is_shown_with_what_came_before() {
        let made = Event::CreateBegun {
            id: 1,
            path: "log".to_owned(),
            file: 7,
            len: 512,
        };
        let read = |offset| Event::ReadBegun {
            file: 7,
            offset,
            len: 512,
        };
        let one = told(vec![made.clone(), Event::Mark(0), read(0), read(512)]);
        let other = told(vec![made, Event::Mark(0), read(512)]);
        assert_eq!(one.compare(&one), Ok(()));
        let error = one.compare(&other).expect_err("they differ");
        let place = |words: &str| error.find(words).expect(words);
        assert!(place("share 2 events") < place("a was written"));
        assert!(place("first went on with") < place("512 bytes at 0 of log"));
        assert!(place("the second with") < error.rfind("at 512 of log").expect("shown"));
    }

    #[test]
    fn a_history_that_ends_early_is_another_one() {
        let event = Event::ReadBegun {
            file: 7,
            offset: 0,
            len: 512,
        };
        let (short, long) = (told(vec![]), told(vec![event]));
        assert!(short.compare(&long).is_err() && long.compare(&short).is_err());
    }
}
