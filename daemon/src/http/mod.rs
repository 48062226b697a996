//! HTTP/1.1 as far as S3 needs it; knows nothing of S3.
//!
//! [`Server`] (one per core) runs [`Server::serve`] for each connection over a [`Stream`], calls a
//! [`Handler`] for each request, strictly one after the other, and hands it an [`Exchange`]: the
//! parsed head, a body reader and the response. What cannot be framed beyond doubt is refused and
//! the connection closed ([`FramingError`]).
//!
//! Bytes of a large body are never copied in user space: [`Exchange::read_into`] receives into the
//! caller's aligned buffer, [`Exchange::write`] sends from a shared one.

mod body;
mod bytes;
mod chunked;
mod connection;
mod error;
mod exchange;
mod fields;
mod head;
mod inbox;
mod meaning;
pub mod memory;
mod parse;
mod response;
mod scan;
mod server;
mod stream;
mod tcp;
mod timer;

#[cfg(test)]
mod tests;

pub use error::{BodyError, Close, FramingError};
pub use exchange::{Answer, Exchange, Handler};
pub use fields::{FieldWriter, Fields, Rendered};
pub use head::{Head, Version};
pub use server::Server;
pub use stream::{Chunk, Outgoing, Stream, StreamError};
