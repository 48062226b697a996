//! The measurements of one candidate.

use crate::candidate::{Candidate, Read};
use crate::workload::{KEY_LEN, Random, key, value};
use chainringd::io::runtime::{cpus, pin};
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const BESIDE: Duration = Duration::from_secs(3);
const SCAN: usize = 1000;

/// Measures a candidate and prints a line per figure: what, value.
pub fn run<C: Candidate>(n: u64, dir: &Path) {
    pin_to(0);
    let before = resident();
    let mut index = C::create(dir);
    let mut buf = Vec::new();
    let took = cpu(|| {
        for number in 0..n {
            key(number, &mut buf);
            index.insert(&buf, &value(number));
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "figures")]
    let per_object = (resident() - before) as f64 / n as f64;
    print("insert, us", took / float(n) * 1e6);
    print("bytes per object", per_object);
    print(
        "bytes per object beyond key and value",
        per_object - float(KEY_LEN as u64 + 45),
    );
    points(&mut index, n);
    scans(&index, n);
    beside(&mut index, n, Reads::Get, true);
    beside(&mut index, n, Reads::Get, false);
    beside(&mut index, n, Reads::Scan, true);
    restart::<C>(index, dir, n);
}

fn points<C: Candidate>(index: &mut C, n: u64) {
    let mut buf = Vec::new();
    let count = 1_000_000;
    let mut random = Random(1);
    let generating = cpu(|| {
        for _ in 0..count {
            key(random.below(n), &mut buf);
            std::hint::black_box(&buf);
        }
    });
    let took = cpu(|| {
        for _ in 0..count {
            key(random.below(n), &mut buf);
            assert!(index.get(&buf).is_some(), "a key that was inserted");
        }
    });
    print("get, us", (took - generating) / float(count) * 1e6);
    let took = cpu(|| {
        for _ in 0..count {
            key(n + random.below(n), &mut buf);
            assert!(index.get(&buf).is_none(), "a key that was not inserted");
        }
    });
    print(
        "get of a missing key, us",
        (took - generating) / float(count) * 1e6,
    );
    let took = cpu(|| {
        for _ in 0..count {
            let number = random.below(n);
            key(number, &mut buf);
            index.insert(&buf, &value(number));
        }
    });
    print("overwrite, us", (took - generating) / float(count) * 1e6);
}

fn scans<C: Candidate>(index: &C, n: u64) {
    let mut buf = Vec::new();
    let mut random = Random(2);
    let count = 2000;
    let took = cpu(|| {
        for _ in 0..count {
            key(random.below(n), &mut buf);
            std::hint::black_box(index.scan(&buf, SCAN));
        }
    });
    print("scan of 1,000, us", took / float(count) * 1e6);
}

#[derive(Clone, Copy)]
enum Reads {
    Get,
    Scan,
}

/// A reader on core 0 while the writer works, or sleeps, on core 1.
fn beside<C: Candidate>(index: &mut C, n: u64, reads: Reads, busy: bool) {
    let reader = index.reader();
    let done = &AtomicBool::new(false);
    let ready = &AtomicBool::new(false);
    let (reading, writing) = std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            pin_to(0);
            while !ready.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            let reading = read_for(&reader, n, reads);
            done.store(true, Ordering::Release);
            reading
        });
        let writing = scope.spawn(move || {
            pin_to(1);
            ready.store(true, Ordering::Release);
            if busy {
                return write_until(index, n, done);
            }
            while !done.load(Ordering::Acquire) {
                index.idle();
            }
            0.0
        });
        (reading.join(), writing.join())
    });
    let (Ok(reading), Ok(writing)) = (reading, writing) else {
        panic!("a thread panicked");
    };
    let what = match (reads, busy) {
        (Reads::Get, true) => "get beside a busy writer",
        (Reads::Get, false) => "get beside a sleeping writer",
        (Reads::Scan, _) => "scan of 1,000 beside a busy writer",
    };
    print(&format!("{what}, CPU us"), reading.cpu);
    print(&format!("{what}, p50 us"), reading.p50);
    print(&format!("{what}, p99 us"), reading.p99);
    if let Reads::Get = reads {
        print(
            &format!("{what}, wrongly missed keys"),
            float(reading.missed),
        );
    }
    if busy {
        print(
            &format!("the writer's insert meanwhile ({what}), CPU us"),
            writing,
        );
    }
}

struct Reading {
    /// Look-ups that did not find a key although it was there all the time.
    missed: u64,
    cpu: f64,
    p50: f64,
    p99: f64,
}

fn read_for(reader: &impl Read, n: u64, reads: Reads) -> Reading {
    let mut buf = Vec::new();
    let mut random = Random(3);
    let mut took = Vec::new();
    let mut missed = 0;
    let started = Instant::now();
    let cpu = cpu(|| {
        while started.elapsed() < BESIDE {
            key(random.below(n), &mut buf);
            let start = Instant::now();
            match reads {
                Reads::Get => missed += u64::from(reader.get(&buf).is_none()),
                Reads::Scan => _ = std::hint::black_box(reader.scan(&buf, SCAN)),
            }
            took.push(start.elapsed());
        }
    });
    took.sort_unstable();
    let at = |percent: usize| {
        let nth = took.get(took.len() * percent / 100);
        nth.map_or(0.0, |d| d.as_secs_f64() * 1e6)
    };
    Reading {
        missed,
        cpu: cpu / float(took.len() as u64) * 1e6,
        p50: at(50),
        p99: at(99),
    }
}

/// Overwrites and inserts, half and half. Returns the cost of one.
fn write_until<C: Candidate>(index: &mut C, n: u64, done: &AtomicBool) -> f64 {
    let mut buf = Vec::new();
    let mut random = Random(4);
    let mut count = 0;
    let cpu = cpu(|| {
        while !done.load(Ordering::Acquire) {
            let number = if count % 2 == 0 {
                random.below(n)
            } else {
                2 * n + random.below(n)
            };
            key(number, &mut buf);
            index.insert(&buf, &value(number));
            index.turn();
            count += 1;
        }
    });
    cpu / float(count) * 1e6
}

fn restart<C: Candidate>(mut index: C, dir: &Path, n: u64) {
    let start = Instant::now();
    index.save(dir);
    print("save, s", start.elapsed().as_secs_f64());
    drop(index);
    let start = Instant::now();
    let index = C::restart(dir);
    print("restart, s", start.elapsed().as_secs_f64());
    let mut buf = Vec::new();
    key(n / 2, &mut buf);
    assert!(index.get(&buf).is_some(), "a key that was saved");
}

fn pin_to(nth: usize) {
    let cpus = cpus();
    let cpu = cpus.get(nth % cpus.len().max(1)).copied().unwrap_or(0);
    if let Err(error) = pin(cpu) {
        eprintln!("cpu {cpu}: {error}");
    }
}

/// CPU seconds of this thread that `work` takes.
fn cpu(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    };
    let start = now();
    work();
    (now() - start).as_secs_f64()
}

/// Resident bytes of this process.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4096
}

#[expect(clippy::cast_precision_loss, reason = "figures")]
fn float(value: u64) -> f64 {
    value as f64
}

fn print(what: &str, value: f64) {
    println!("{what} {value}");
}
