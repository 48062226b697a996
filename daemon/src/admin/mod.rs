//! The binary admin protocol: the listeners, the connections and what they dispatch to.
//! `docs/format/admin-protocol.md` specifies the bytes, the crate `chainring-protocol` implements
//! them; here is what a daemon does with them.
//!
//! A connection is a reader, a writer and a task per request in progress ([`connection`]). They meet
//! in its [`channel`]: what is to be sent, and the streams that wait for frames. Requests are carried
//! out by a [`Backend`]; [`failure`] is the one place that says which error of the engine becomes
//! which result code.

mod audit;
mod backend;
mod channel;
mod connection;
mod engine;
mod failure;
mod inbox;
mod listener;
mod session;
mod socket;
mod transfer;

pub use audit::Landing;
pub use backend::{Backend, Body, Caller, Download, Identity, Login};
pub use engine::{About, Engine};
pub use listener::Server;

#[cfg(test)]
mod tests;
