//! The simulated world: a single-threaded executor with virtual time ([`run`], [`spawn`]), a clock
//! ([`SimClock`]) and a disk ([`SimDisk`]) whose power can be cut at any instant.
//!
//! Everything is decided by a seed: the order in which tasks run, how long an operation takes, what
//! survives a crash. The same seed gives the same history, so a failure found once can be replayed.
//!
//! ```
//! use chainringd::base::AlignedBuf;
//! use chainringd::io::sim::{self, Keep, SimDisk};
//! use chainringd::io::{Disk, DiskFile};
//!
//! let disk = SimDisk::new(1);
//! let after = sim::run(1, async {
//!     let file = disk.create("a", 4096).await.expect("room");
//!     file.write_at(0, AlignedBuf::copy_of(&[7; 4096])).await.0.expect("written");
//!     disk.crash(Keep::None) // completed, but nothing flushed it
//! });
//! assert!(after.read_raw("a").expect("created").iter().all(|&b| b == 0));
//! ```

mod clock;
mod executor;
mod fault;
mod file;
mod image;
mod rng;
mod trace;

pub use clock::SimClock;
pub use executor::{Task, is_running, run, spawn, yield_now};
pub use fault::{Fault, Operation};
pub use file::{SimDisk, SimFile};
pub use image::{Image, Keep};
pub use rng::Rng;
pub use trace::{Event, Trace};
