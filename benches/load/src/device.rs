//! What the device does without any server: one small durable append after the other, one small
//! random read after the other, past the page cache.

use crate::report::{Latency, as_f64};
use hdrhistogram::Histogram;
use rustix::fs::{Mode, OFlags, fdatasync, open};
use rustix::io::{pread, pwrite};
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

const BLOCK: usize = 4096;
const FILE_BYTES: usize = 256 * 1024 * 1024;
const CHUNK: usize = 1024 * 1024;
/// Longest time that is told apart, in nanoseconds.
const LATENCY_MAX: u64 = 60_000_000_000;

/// The figures of a device, one operation at a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceFloor {
    /// A write of 4 KiB and `fdatasync`, to a file that was written before.
    pub durable_append_us: Latency,
    /// A read of 4 KiB anywhere in that file.
    pub random_read_us: Latency,
}

/// A file for measuring.
#[derive(Debug)]
pub struct Device {
    file: OwnedFd,
    buffer: Vec<u8>,
    /// Where the aligned part of the buffer begins.
    start: usize,
}

impl Device {
    /// Writes a file for the measurements, past the page cache like all that follows.
    pub fn prepare(path: &Path) -> std::io::Result<Self> {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::DIRECT | OFlags::TRUNC;
        let file = open(path, flags, Mode::RUSR | Mode::WUSR)?;
        let buffer = vec![0xa5; CHUNK + BLOCK];
        let start = buffer.as_ptr().align_offset(BLOCK);
        let device = Self {
            file,
            buffer,
            start,
        };
        for offset in (0..FILE_BYTES).step_by(CHUNK) {
            pwrite(&device.file, device.bytes(CHUNK), position(offset))?;
        }
        fdatasync(&device.file)?;
        Ok(device)
    }

    /// Random reads of 4 KiB per second with so many at once.
    pub fn read_rate(&self, depth: u64, duration: Duration) -> std::io::Result<f64> {
        let began = Instant::now();
        let count: u64 = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..depth)
                .map(|seed| scope.spawn(move || self.read_until(seed, began + duration)))
                .collect();
            let counts = readers.into_iter().map(|reader| {
                let ended = reader.join();
                ended.unwrap_or_else(|_| Err(std::io::Error::other("a reader panicked")))
            });
            counts.sum::<std::io::Result<u64>>()
        })?;
        Ok(as_f64(count) / began.elapsed().as_secs_f64())
    }

    fn read_until(&self, seed: u64, end: Instant) -> std::io::Result<u64> {
        let mut random = crate::request::Random::new(seed.wrapping_mul(0x9e37_79b9) + 1);
        let mut buffer = vec![0; 2 * BLOCK];
        let start = buffer.as_ptr().align_offset(BLOCK);
        let room = buffer.get_mut(start..start + BLOCK).unwrap_or_default();
        let mut count = 0;
        while Instant::now() < end {
            let offset = random.below(FILE_BYTES / BLOCK) * BLOCK;
            pread(&self.file, &mut *room, position(offset))?;
            count += 1;
        }
        Ok(count)
    }

    fn bytes(&self, len: usize) -> &[u8] {
        self.buffer
            .get(self.start..self.start + len)
            .unwrap_or_default()
    }

    /// Measures both, each for so long.
    pub fn measure(&mut self, duration: Duration) -> std::io::Result<DeviceFloor> {
        let mut append = 0;
        let durable_append_us = repeat(duration, || {
            append = (append + BLOCK) % FILE_BYTES;
            pwrite(&self.file, self.bytes(BLOCK), position(append))?;
            fdatasync(&self.file)?;
            Ok(())
        })?;
        let mut random = crate::request::Random::new(42);
        let (file, start) = (&self.file, self.start);
        let buffer = &mut self.buffer;
        let random_read_us = repeat(duration, || {
            let offset = random.below(FILE_BYTES / BLOCK) * BLOCK;
            let room = buffer.get_mut(start..start + BLOCK).unwrap_or_default();
            pread(file, room, position(offset))?;
            Ok(())
        })?;
        Ok(DeviceFloor {
            durable_append_us,
            random_read_us,
        })
    }
}

fn position(offset: usize) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

fn repeat(
    duration: Duration,
    mut operation: impl FnMut() -> std::io::Result<()>,
) -> std::io::Result<Latency> {
    let mut histogram = Histogram::new_with_max(LATENCY_MAX, 3).map_err(std::io::Error::other)?;
    let end = Instant::now() + duration;
    let mut before = Instant::now();
    while before < end {
        operation()?;
        let now = Instant::now();
        let nanoseconds = u64::try_from((now - before).as_nanos()).unwrap_or(u64::MAX);
        histogram.saturating_record(nanoseconds);
        before = now;
    }
    Ok(Latency::of(&histogram))
}
