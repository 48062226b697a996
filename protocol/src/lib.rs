//! The binary admin protocol that `chainring` and `chainringd` speak: frames, messages, result
//! codes and authentication. `docs/format/admin-protocol.md` is its specification, byte by byte.
//!
//! Nothing here opens a socket or a file, and nothing panics or allocates without a bound, whatever
//! bytes it is given. [`client::Client`] speaks the protocol over any `Read + Write`; the daemon
//! uses [`frame`] and [`Request`] from its own event loop.

#![forbid(unsafe_code)]

pub mod auth;
pub mod client;
pub mod codec;
pub mod frame;
pub mod limits;
pub mod message;
mod operation;
mod result_code;
mod secret;
#[cfg(feature = "testing")]
pub mod testing;

pub use codec::{Codec, Malformed, Reader, TooLong};
pub use operation::{Access, Call, Opcode, Reply, Request};
pub use result_code::{Failure, ResultCode, UnknownResultCode};
pub use secret::Secret;

/// The protocol version this crate speaks, and the oldest it still understands.
pub const VERSION: u8 = 1;
