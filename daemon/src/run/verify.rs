//! `chainringd verify`: checks a store that no daemon has open.
//!
//! It is a mode of the daemon's program because it needs all of the engine and nothing of the
//! protocol; `chainring verify` runs it. The command line tool stays small that way, and the code
//! that checks a store is always of the version that wrote it.

use crate::base::ShardId;
use crate::config::VerifyArgs;
use crate::io::startup::{StartupError, names};
use crate::io::{IoError, ReadLock, UringDisk, runtime};
use crate::store::superblock::{Found, Superblock, SuperblockError, check_names};
use crate::verify::{
    BucketNames, Options, Part, Phase, Progress, Report, StoreReport, verify_names, verify_shard,
};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How often progress is shown on a terminal ...
const SHOWN_EVERY: Duration = Duration::from_millis(250);
/// ... and in a file.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Why a store could not be looked at.
#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error(transparent)]
    Startup(#[from] StartupError),
    #[error(transparent)]
    Superblock(#[from] SuperblockError),
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Runtime(#[from] runtime::RuntimeError),
    #[error("there is no store in {0}")]
    NoStore(String),
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// Checks the store and prints what was found; returns the exit status.
pub fn verify(args: &VerifyArgs) -> u8 {
    match check(args) {
        Ok(report) => {
            let text = match args.json {
                true => report.json(),
                false => report.text(),
            };
            let printed = std::io::stdout().write_all(text.as_bytes());
            match printed {
                Ok(()) => report.exit_status(),
                Err(_) => 2,
            }
        }
        Err(error) => {
            eprintln!("chainringd: {error}");
            if matches!(error, VerifyError::Startup(StartupError::Locked { .. })) {
                eprintln!("A store is checked while no daemon serves it: stop the daemon first.");
            }
            2
        }
    }
}

fn check(args: &VerifyArgs) -> Result<StoreReport, VerifyError> {
    crate::io::startup::check_kernel()?;
    crate::io::startup::check_uring()?;
    crate::io::startup::raise_open_files();
    check_names(&names(&args.folder)?)?;
    let lock = ReadLock::take(&args.folder)?;
    if !lock.is_held() {
        eprintln!("chainringd: the folder has no lock file; do not start a daemon on it meanwhile");
    }
    let options = Options { deep: args.deep };
    let (superblock, buckets, names) = runtime::run(look(&args.folder))??;
    let mut parts = vec![names];
    parts.extend(shards(&args.folder, superblock, &buckets, options)?);
    drop(lock);
    Ok(StoreReport {
        folder: args.folder.display().to_string(),
        store: superblock.store,
        deep: options.deep,
        parts,
    })
}

/// The superblock and the namespace.
async fn look(folder: &Path) -> Result<(Superblock, BucketNames, Report), VerifyError> {
    let disk = UringDisk::open_read_only(folder)?;
    let Found::Store(superblock) = Superblock::look(&disk).await? else {
        return Err(VerifyError::NoStore(folder.display().to_string()));
    };
    let map = folder.join("namespace").join("index.map");
    let (buckets, report) = match verify_names(&disk, &superblock, Some(map)).await {
        Ok((found, findings)) => {
            let report = Report::of_namespace(&found, findings);
            // Of a part of the names nothing follows for the objects.
            (found.whole.then(|| Arc::new(found.buckets)), report)
        }
        Err(error) => (None, Report::failed(Part::Namespace, error.to_string())),
    };
    Ok((superblock, buckets, report))
}

/// All shards, as many at once as there are processors.
fn shards(
    folder: &Path,
    superblock: Superblock,
    buckets: &BucketNames,
    options: Options,
) -> Result<Vec<Report>, VerifyError> {
    let next = AtomicU16::new(0);
    let count = superblock.shards;
    let progress: Vec<Progress> = (0..count).map(|_| Progress::default()).collect();
    let (sender, results) = mpsc::channel();
    let work = |sender: mpsc::Sender<Report>| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(progress) = progress.get(usize::from(number)) else {
                return;
            };
            let checked = runtime::run(async {
                let disk = UringDisk::open_read_only(folder).map_err(|e| e.to_string())?;
                let shard = ShardId(number);
                let check = verify_shard(&disk, &superblock, shard, buckets, options, progress);
                check.await.map_err(|error| error.to_string())
            });
            let report = match checked {
                Ok(Ok(check)) => Report::of_shard(number, check),
                Ok(Err(why)) => Report::failed(Part::Shard(number), why),
                Err(error) => Report::failed(Part::Shard(number), error.to_string()),
            };
            // Nobody listens only when everything failed.
            let _ = sender.send(report);
        }
    };
    let mut reports = std::thread::scope(|scope| {
        for _ in 0..runtime::core_count().min(usize::from(count)) {
            let (work, sender) = (&work, sender.clone());
            std::thread::Builder::new()
                .name("verify".to_owned())
                .spawn_scoped(scope, move || work(sender))
                .map_err(VerifyError::Thread)?;
        }
        drop(sender);
        Ok::<_, VerifyError>(collect(&results, &progress))
    })?;
    reports.sort_by_key(|report| match report.part {
        Part::Namespace => 0,
        Part::Shard(number) => u32::from(number) + 1,
    });
    Ok(reports)
}

/// Takes the results as they come and tells how far the others are.
fn collect(results: &mpsc::Receiver<Report>, progress: &[Progress]) -> Vec<Report> {
    let terminal = std::io::stderr().is_terminal();
    let every = if terminal { SHOWN_EVERY } else { TOLD_EVERY };
    let mut reports = Vec::new();
    loop {
        match results.recv_timeout(every) {
            Ok(report) => reports.push(report),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let line = line_of(progress);
                if terminal {
                    eprint!("\r\x1b[K{line}");
                } else {
                    eprintln!("{line}");
                }
            }
        }
    }
    if terminal {
        eprint!("\r\x1b[K");
    }
    reports
}

/// How far every shard is that is neither done nor still to come.
fn line_of(progress: &[Progress]) -> String {
    let mut texts = Vec::new();
    for (shard, progress) in progress.iter().enumerate() {
        match progress.seen() {
            (Phase::Log, 0, _) | (Phase::Done, _, _) => {}
            (Phase::Log, segment, _) => {
                texts.push(format!("shard {shard}: log, segment {segment:08x}"));
            }
            (Phase::Bodies, done, total) => {
                let percent = done.saturating_mul(100) / total.max(1);
                texts.push(format!("shard {shard}: {done} of {total} ({percent} %)"));
            }
        }
    }
    texts.join(", ")
}
