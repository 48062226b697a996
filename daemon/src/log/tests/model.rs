//! Histories and what has to be left of them after a crash.

use super::*;
use crate::io::sim::{Image, Keep, Trace};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A step of a history.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// Append a record with so many bytes.
    Record(usize),
    /// Append an extent with so many bytes, and wait until it is written.
    Extent(usize),
    /// Start an extent, and go on.
    Later(usize),
    /// Commit.
    Commit,
    /// Do nothing for so long that the log leaves a mark.
    Idle,
}

pub(super) type Items = Vec<(Location, Seen)>;

/// A log on a recorded disk, and everything appended to it in the order of the log.
#[derive(Clone)]
pub(super) struct Subject {
    pub disk: SimDisk,
    pub log: SimLog,
    items: Rc<RefCell<Items>>,
    next: Rc<RefCell<u8>>,
}

impl Subject {
    pub(super) fn new(disk: &SimDisk, log: SimLog, items: Items) -> Self {
        let next = u8::try_from(items.len() % 100).unwrap();
        let (disk, items) = (disk.clone(), Rc::new(RefCell::new(items)));
        Self {
            disk,
            log,
            items,
            next: Rc::new(RefCell::new(next)),
        }
    }

    pub(super) fn items(&self) -> Items {
        let mut items = self.items.borrow().clone();
        items.sort_by_key(|(at, _)| *at);
        items
    }

    fn number(&self) -> u8 {
        let mut next = self.next.borrow_mut();
        *next = (*next + 1) % 0xf0;
        *next
    }

    pub(super) async fn record(&self, len: usize) -> Result<(), LogError> {
        let kind = self.number();
        let payload = body(u128::from(kind) << 8, len);
        let at = self.log.append(kind, &[&payload]).await?;
        self.items
            .borrow_mut()
            .push((at, Seen::Record(kind, payload)));
        Ok(())
    }

    pub(super) async fn extent(&self, len: usize) -> Result<(), LogError> {
        let tag = u128::from(self.number());
        let (result, _) = self.log.append_extent(tag, extent(&body(tag, len))).await;
        let at = result?;
        self.items
            .borrow_mut()
            .push((at.at, Seen::Extent(tag, at.len)));
        Ok(())
    }

    /// Commits and marks in the recording what is acknowledged: everything before the mark.
    pub(super) async fn commit(&self) -> Result<(), LogError> {
        let end = self.log.end();
        self.log.commit().await?;
        self.disk.mark(end.to_u64());
        Ok(())
    }

    /// Does all steps; stops at the first error.
    pub(super) async fn perform(&self, ops: &[Op]) -> Result<(), LogError> {
        let mut later = Vec::new();
        for op in ops {
            match *op {
                Op::Record(len) => self.record(len).await?,
                Op::Extent(len) => self.extent(len).await?,
                Op::Later(len) => {
                    let this = self.clone();
                    later.push(sim::spawn(async move { this.extent(len).await }));
                    sim::yield_now().await;
                }
                Op::Commit => self.commit().await?,
                Op::Idle => crate::io::Clock::sleep(&SimClock, Duration::from_secs(3)).await,
            }
        }
        for task in later {
            task.join().await?;
        }
        Ok(())
    }
}

/// Runs a history on a fresh log and records it from the creation on.
pub(super) fn history(seed: u64, config: &LogConfig, ops: &[Op]) -> (Trace, Items) {
    let disk = SimDisk::new(seed);
    disk.record();
    let items = sim::run(seed, async {
        let log = create(&disk, config.clone()).await;
        let subject = Subject::new(&disk, log, Vec::new());
        subject.perform(ops).await.unwrap();
        subject.commit().await.unwrap();
        subject.items()
    });
    (disk.trace(), items)
}

/// Number of items that were acknowledged before event `count`.
pub(super) fn acknowledged(trace: &Trace, count: usize, items: &Items) -> usize {
    let mark = trace.marks(count).max().unwrap_or(0);
    items.iter().filter(|(at, _)| at.to_u64() < mark).count()
}

/// What a crash at this instant may keep: the extremes, and each unit alone.
pub(super) fn keeps(image: &Image) -> Vec<Keep> {
    let mut keeps = vec![Keep::All];
    let units = image.unflushed();
    if units > 0 {
        keeps.push(Keep::None);
    }
    if units > 1 {
        keeps.extend((0..units).flat_map(|unit| [Keep::Only(unit), Keep::Without(unit)]));
    }
    keeps
}

/// Opens what a crash left and checks that it is a prefix of `items` with all `acked` ones and
/// nothing damaged, then that the log goes on from there and opens again. Returns the prefix.
pub(super) async fn check(
    disk: &SimDisk,
    config: &LogConfig,
    items: &Items,
    acked: usize,
    context: &dyn std::fmt::Debug,
) -> Items {
    let (log, recovery, seen) = match open(disk, config.clone(), Location::ZERO).await {
        Ok(opened) => opened,
        Err(LogError::Missing(_)) if acked == 0 => return Vec::new(),
        Err(error) => panic!("{context:?}: {error}"),
    };
    assert!(recovery.damage.is_empty(), "{context:?}: {recovery:?}");
    assert!(
        seen.len() >= acked,
        "{context:?}: {} of {acked} acknowledged",
        seen.len()
    );
    assert!(items.starts_with(&seen), "{context:?}: no prefix: {seen:?}");
    read_all(&log, &seen)
        .await
        .unwrap_or_else(|error| panic!("{context:?}: {error}"));

    let task = sim::spawn(log.run());
    let subject = Subject::new(disk, log, seen.clone());
    subject
        .perform(&[Op::Record(10), Op::Extent(700), Op::Record(30), Op::Commit])
        .await
        .unwrap();
    task.abort();
    let after = disk.crash(Keep::None);
    let (_, recovery, again) = open(&after, config.clone(), Location::ZERO).await.unwrap();
    assert!(
        recovery.damage.is_empty(),
        "{context:?}, going on: {recovery:?}"
    );
    assert_eq!(again, subject.items(), "{context:?}, going on");
    seen
}

/// Reads every item through a reader and compares.
pub(super) async fn read_all(log: &SimLog, items: &Items) -> Result<(), LogError> {
    let reader = log.reader();
    for (at, item) in items {
        match item {
            Seen::Extent(tag, len) => {
                let extent = ExtentRef { at: *at, len: *len };
                let (buf, range) = reader.read_extent(extent, 0..*len).await?;
                assert_eq!(&buf[range], body(*tag, *len as usize));
            }
            Seen::Record(kind, payload) => {
                let record = reader.read_record(*at, payload.len() as u32).await?;
                assert_eq!((record.kind, record.payload()), (*kind, &payload[..]));
            }
        }
    }
    Ok(())
}
