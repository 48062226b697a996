//! Creating a log, and opening one after a shutdown or a crash.

use super::format::{self, BATCH_HEAD, Binding, FrameInfo, SEGMENT_HEAD, SegmentInfo};
use super::recover::{Damage, RecordView, Recovery, Walk};
use super::run::Pace;
use super::scan::Window;
use super::segment::{self, Table};
use super::state::{Start, State};
use super::survey::Survey;
use super::{Durability, Inner, Log, LogConfig, LogError, LogReader};
use crate::base::limits::BLOCK;
use crate::base::local::Notify;
use crate::base::{AlignedBuf, Location};
use crate::io::{Clock, Disk, DiskFile, IoErrorKind};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// How much of a segment without a valid header is searched for frames before it counts as unused:
/// more than the longest frame.
const SEARCH_BYTES: u32 = 4 * 1024 * 1024;
/// Smallest segment.
const SEGMENT_BYTES_MIN: u32 = 16 * 1024;

/// A segment file found in the folder.
struct Opened<F> {
    number: u32,
    file: F,
    /// Its header, if that belongs to this log and this number.
    info: Option<SegmentInfo>,
}

impl LogConfig {
    const fn binding(&self) -> Binding {
        Binding {
            store: self.store,
            shard: self.shard,
        }
    }

    fn check(&self) -> Result<(), LogError> {
        let whole = self.segment_bytes.is_multiple_of(SEGMENT_HEAD);
        if whole && self.segment_bytes >= SEGMENT_BYTES_MIN && self.segment_bytes < u32::MAX / 2 {
            Ok(())
        } else {
            Err(LogError::Invalid("segment_bytes"))
        }
    }
}

impl<D: Disk, C: Clock> Log<D, C> {
    /// Creates an empty log. A creation that a crash interrupted may be repeated.
    pub async fn create(disk: D, clock: C, config: LogConfig) -> Result<Self, LogError> {
        config.check()?;
        disk.create_dir(&config.dir).await?;
        for number in numbers(&disk, &config).await? {
            let path = segment::path(&config.dir, number);
            let file = disk.open(&path).await?;
            if probe(&file, &config, number).await?.is_some() {
                return Err(LogError::Exists(config.dir));
            }
            disk.remove(&path).await?;
        }
        let path = segment::path(&config.dir, 1);
        let file = disk.create(&path, u64::from(config.segment_bytes)).await?;
        let info = SegmentInfo {
            segment: 1,
            store: config.store,
            shard: config.shard,
            epoch: 1,
            bytes: config.segment_bytes,
            previous_end: 0,
        };
        let mut head = AlignedBuf::zeroed(BLOCK);
        info.encode(&mut head);
        file.write_at(0, head).await.0?;
        file.sync_data().await?;
        let start = Start {
            binding: config.binding(),
            block: block_of(&file),
            segment: 1,
            file: file.clone(),
            bytes: config.segment_bytes,
            segment_bytes: config.segment_bytes,
            epoch: 1,
            floor: 0,
            next: SEGMENT_HEAD,
            sealed_end: None,
            spares: VecDeque::new(),
            interval: interval(config.durability),
        };
        Ok(Self::start(
            disk,
            clock,
            config,
            Table::new(vec![(1, file)]),
            start,
        ))
    }

    /// Opens a log: finds its end, and calls `visit` for each valid record at or after `from`, in
    /// order. Segments before the one of `from` are not read. Damage to acknowledged bytes does not
    /// fail the opening but is listed in [`Recovery::damage`]; records behind it are visited.
    pub async fn open(
        disk: D,
        clock: C,
        config: LogConfig,
        from: Location,
        visit: impl FnMut(Location, RecordView<'_>) -> Result<(), LogError>,
    ) -> Result<(Self, Recovery), LogError> {
        let walked = walk_all(&disk, &config, from, visit).await?;
        let (table, last) = (walked.table(), walked.last);
        let recovery = walked.recovery;
        let spares = spares(&disk, &config, recovery.end.segment, walked.unused).await?;
        let start = resume(&config, &last, &recovery, spares).await?;
        Ok((Self::start(disk, clock, config, table, start), recovery))
    }

    fn start(
        disk: D,
        clock: C,
        config: LogConfig,
        table: Table<D::File>,
        start: Start<D::File>,
    ) -> Self {
        let pace = Pace::from(clock.monotonic());
        Self(Rc::new(Inner {
            disk,
            clock,
            binding: config.binding(),
            config,
            table,
            state: RefCell::new(State::new(start)),
            work: Notify::new(),
            space: Notify::new(),
            prepare: Notify::new(),
            retiring: RefCell::default(),
            full_since: Cell::new(None),
            full: Notify::new(),
            short: Cell::new(false),
            hope: Cell::new(false),
            pace,
        }))
    }
}

/// Reads a log without opening it: nothing is written, removed or renamed. Visits the same records as
/// [`Log::open`] and finds the same damage. The reader is good for as long as nobody opens the log.
pub async fn inspect<D: Disk>(
    disk: &D,
    config: &LogConfig,
    from: Location,
    visit: impl FnMut(Location, RecordView<'_>) -> Result<(), LogError>,
) -> Result<(LogReader<D>, Recovery), LogError> {
    let walked = walk_all(disk, config, from, visit).await?;
    let reader = LogReader::new(walked.table(), config.binding());
    Ok((reader, walked.recovery))
}

/// A log that was walked to its end.
struct Walked<F> {
    /// Never empty.
    segments: Vec<Opened<F>>,
    last: F,
    /// Files behind the last segment.
    unused: Unused<F>,
    recovery: Recovery,
}

impl<F: DiskFile> Walked<F> {
    fn table(&self) -> Table<F> {
        let files = self.segments.iter().map(|s| (s.number, s.file.clone()));
        Table::new(files.collect())
    }
}

/// Finds the end of a log and shows what it holds from `from` on; changes nothing.
async fn walk_all<D: Disk>(
    disk: &D,
    config: &LogConfig,
    from: Location,
    mut visit: impl FnMut(Location, RecordView<'_>) -> Result<(), LogError>,
) -> Result<Walked<D::File>, LogError> {
    config.check()?;
    let mut recovery = Recovery::default();
    let (segments, unused) = inventory(disk, config, from, &mut recovery).await?;
    let Some(last) = segments.last() else {
        return Err(LogError::Missing(config.dir.clone()));
    };
    let (last, last_number) = (last.file.clone(), last.number);
    let epochs = segments.iter().filter_map(|s| s.info).map(|i| i.epoch);
    let mut epoch = epochs.max().unwrap_or(0);
    let mut end = Location {
        segment: last_number,
        offset: SEGMENT_HEAD,
    };
    for (index, opened) in segments.iter().enumerate() {
        if opened.number < from.segment && opened.number != last_number {
            continue;
        }
        let next = segments
            .get(index + 1)
            .filter(|next| next.number == opened.number + 1);
        let window = Window::new(opened.file.clone(), opened.number, config.binding());
        let mut walk = Walk {
            window,
            survey: None,
            known_end: next
                .and_then(|next| next.info)
                .map(|info| info.previous_end),
            last: index + 1 == segments.len(),
            epoch: opened.info.map_or(0, |info| info.epoch),
            from,
            visit: &mut visit,
            recovery: &mut recovery,
        };
        end = Location {
            segment: opened.number,
            offset: walk.run().await?,
        };
        if walk.last {
            readable(&walk.window, end)?;
        }
        let newest = walk.survey.as_ref().map_or(0, Survey::newest);
        epoch = epoch.max(walk.epoch).max(newest);
    }
    if end < from {
        recovery.damage.push(Damage {
            segment: end.segment,
            offset: end.offset,
            until: end.offset,
            what: "the log ends before where it was known to be durable",
        });
    }
    recovery.end = end;
    recovery.epoch = epoch + 1;
    Ok(Walked {
        segments,
        last,
        unused,
        recovery,
    })
}

/// Refuses to go on writing where the log seems to end while something behind that place cannot be
/// read: it may be the log's continuation, and the next attempt may succeed.
fn readable<F>(window: &Window<F>, end: Location) -> Result<(), LogError> {
    let behind = |at: u32| at.saturating_add(SEGMENT_HEAD) > end.offset;
    let error = window.unreadable.iter().find(|(at, _)| behind(*at));
    error.map_or(Ok(()), |(_, error)| Err(error.clone().into()))
}

fn interval(durability: Durability) -> Option<std::time::Duration> {
    match durability {
        Durability::Strict => None,
        Durability::Relaxed { interval } => Some(interval),
    }
}

fn block_of<F: DiskFile>(file: &F) -> u32 {
    u32::try_from(file.block_size())
        .unwrap_or(SEGMENT_HEAD)
        .clamp(512, SEGMENT_HEAD)
}

/// Numbers of the segment files in the folder, ascending.
async fn numbers<D: Disk>(disk: &D, config: &LogConfig) -> Result<Vec<u32>, LogError> {
    let names = match disk.list(&config.dir).await {
        Err(error) if error.kind == IoErrorKind::NotFound => {
            return Err(LogError::Missing(config.dir.clone()));
        }
        names => names?,
    };
    let mut numbers: Vec<u32> = names
        .iter()
        .filter_map(|n| segment::parse_name(n))
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The header at the front of a segment file, if it belongs there.
async fn header<F: DiskFile>(
    window: &mut Window<F>,
    config: &LogConfig,
) -> Result<Option<SegmentInfo>, LogError> {
    let number = window.segment;
    let info = SegmentInfo::decode(window.bytes(0, BLOCK).await?);
    if let Some(info) = info
        && (info.store != config.store || info.shard != config.shard || info.segment > number)
    {
        // A recycled file carries a lower number. Anything else was put there by mistake.
        return Err(misplaced(number));
    }
    Ok(info)
}

const fn misplaced(segment: u32) -> LogError {
    let what = "the file belongs to another place";
    LogError::Corrupt {
        segment,
        offset: 0,
        what,
    }
}

/// Whether a segment was put to use, and its header if that is sound.
async fn probe<F: DiskFile>(
    file: &F,
    config: &LogConfig,
    number: u32,
) -> Result<Option<Option<SegmentInfo>>, LogError> {
    let mut window = Window::new(file.clone(), number, config.binding());
    let info = header(&mut window, config).await?;
    let info = info.filter(|info| info.segment == number);
    let started = info.is_some() || Survey::take(&mut window, SEARCH_BYTES).await?.end > 0;
    // What cannot be read at the moment must not pass for unused, nor for the first of its epoch.
    match window.unreadable.into_iter().next() {
        Some((_, error)) if info.is_none() => Err(error.into()),
        _ => Ok(started.then_some(info)),
    }
}

type Spares<F> = VecDeque<(u32, F)>;

/// Files behind the last segment, from the back.
type Unused<F> = Vec<(u32, F)>;

/// Opens all segment files: those of the log, and those behind it.
async fn inventory<D: Disk>(
    disk: &D,
    config: &LogConfig,
    from: Location,
    recovery: &mut Recovery,
) -> Result<(Vec<Opened<D::File>>, Unused<D::File>), LogError> {
    let mut segments: Vec<Opened<D::File>> = Vec::new();
    let mut unused = Vec::new();
    let numbers = numbers(disk, config).await?;
    // From the back: what lies behind the last segment in use is spare.
    for number in numbers.iter().rev().copied() {
        let file = disk.open(&segment::path(&config.dir, number)).await?;
        let mut window = Window::new(file.clone(), number, config.binding());
        let info = if !segments.is_empty() {
            match number < from.segment {
                true => None,
                false => header(&mut window, config)
                    .await?
                    .filter(|i| i.segment == number),
            }
        } else if let Some(info) = probe(&file, config, number).await? {
            info
        } else {
            let earlier = header(&mut window, config).await?.map(|info| info.segment);
            if earlier.is_some_and(|earlier| numbers.binary_search(&earlier).is_ok()) {
                // A recycled file's earlier number is never given to another one.
                return Err(misplaced(number));
            }
            unused.push((number, file));
            continue;
        };
        segments.push(Opened { number, file, info });
    }
    segments.reverse();
    for opened in segments.iter().filter(|s| s.number >= from.segment) {
        let bytes = opened.info.map_or(config.segment_bytes, |info| info.bytes);
        let short = opened.file.len() < u64::from(bytes);
        let end = u32::try_from(opened.file.len()).unwrap_or(u32::MAX);
        if opened.info.is_none() || short {
            recovery.damage.push(Damage {
                segment: opened.number,
                offset: if short { end } else { 0 },
                until: if short { bytes } else { SEGMENT_HEAD },
                what: if short {
                    "the file is too short"
                } else {
                    "header"
                },
            });
        }
    }
    for pair in segments.windows(2) {
        if let [one, two] = pair {
            missing(one.number + 1..two.number, from, recovery);
        }
    }
    if let Some(first) = segments.first()
        && first.number > from.segment.max(1)
        && from.segment > 0
    {
        missing(from.segment..first.number, from, recovery);
    }
    Ok((segments, unused))
}

fn missing(numbers: std::ops::Range<u32>, from: Location, recovery: &mut Recovery) {
    for number in numbers {
        if from.segment > 0 && number >= from.segment {
            recovery.damage.push(Damage::missing(number));
        } else {
            recovery.missing.push(number);
        }
    }
}

/// Keeps the unused files that continue the numbers and have the right length; removes the others,
/// which a crash left half-made.
async fn spares<D: Disk>(
    disk: &D,
    config: &LogConfig,
    last: u32,
    unused: Unused<D::File>,
) -> Result<Spares<D::File>, LogError> {
    let mut spares = VecDeque::new();
    let mut expected = last + 1;
    for (number, file) in unused.into_iter().rev() {
        if number == expected && file.len() == u64::from(config.segment_bytes) {
            spares.push_back((number, file));
            expected += 1;
        } else {
            drop(file);
            disk.remove(&segment::path(&config.dir, number)).await?;
        }
    }
    Ok(spares)
}

/// Begins the new epoch behind the end of the log, so that nothing torn there is ever taken for
/// valid: with an empty batch that says where the old epoch ended, or, when the segment has no room
/// for it, by leaving the rest of the segment alone.
async fn resume<F: DiskFile>(
    config: &LogConfig,
    file: &F,
    recovery: &Recovery,
    spares: Spares<F>,
) -> Result<Start<F>, LogError> {
    let (end, block) = (recovery.end, block_of(file));
    let bytes = u32::try_from(file.len() - file.len() % u64::from(SEGMENT_HEAD));
    let bytes = bytes.unwrap_or(SEGMENT_HEAD);
    let first = end.offset.next_multiple_of(block);
    let room = first + block <= bytes;
    if room {
        let frame = FrameInfo {
            epoch: recovery.epoch,
            durable: end,
            floor: end.offset,
            block,
        };
        let seed = config.binding().seed(end.segment, recovery.epoch);
        let mut batch = AlignedBuf::zeroed(block as usize);
        format::seal_batch(&mut batch, seed, first, &frame, BATCH_HEAD);
        file.write_at(u64::from(first), batch).await.0?;
        file.sync_data().await?;
    }
    Ok(Start {
        binding: config.binding(),
        block,
        segment: end.segment,
        file: file.clone(),
        bytes,
        segment_bytes: config.segment_bytes,
        epoch: recovery.epoch,
        floor: end.offset,
        next: if room { first + block } else { bytes },
        sealed_end: (!room).then_some(end.offset),
        spares,
        interval: interval(config.durability),
    })
}
