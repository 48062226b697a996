//! The only layer that knows the kernel: files, sockets, timers, clock, entropy.
//!
//! The engine above (log, index, namespace, store) is generic over [`Disk`] and [`Clock`].
//! Production gives it [`UringDisk`] and [`RealClock`], tests give it [`sim`], a seeded simulator
//! with faults. Everything here works on a thread of [`runtime::run_on_core`]; what may be used
//! from other threads says so.

mod buf;
pub mod clock;
pub mod connection;
pub mod disk;
mod inflight;
pub mod keyfile;
pub mod lines;
mod lock;
pub mod mailbox;
pub mod mapfault;
pub mod mapfile;
pub mod memory;
pub mod net;
pub mod process;
pub mod reply;
pub mod runtime;
pub mod signals;
pub mod sim;
pub mod startup;
mod timer;
pub mod unix;
pub mod uring_disk;
mod wheel;

pub use clock::{RealClock, entropy};
pub use connection::{Bytes, Connection, Parts};
pub use disk::{Clock, Disk, DiskFile, IoError, IoErrorKind};
pub use lock::{DataLock, ReadLock};
pub use mailbox::{Mailbox, Sender, mailbox};
pub use net::{Accepted, TcpListener, TcpStream};
pub use reply::{Answer, Reply, reply};
pub use runtime::{Elapsed, run_on_core, sleep, spawn, spawn_vital, timeout};
pub use timer::Sleep;
pub use unix::{UnixListener, UnixStream};
pub use uring_disk::UringDisk;
