//! The files of the daemon in which the order of what several threads do matters, compiled as they
//! are, with models of [`base::sync`] in place of the real ones. The tests run each in every order
//! that differs, within bounds, and with every value that a load may give.
//!
//! | of the daemon | what is tried |
//! |---|---|
//! | `io/mailbox.rs` | no wake-up is lost, closing keeps no message |
//! | `index/tree` | objects: publication of nodes, and when they are freed |
//! | `index/map` | names: publication of states, and when their pages are written again |
//! | `log/segment.rs` | a segment's file is written anew only when nobody can read it |

#![allow(
    dead_code,
    unused_imports,
    reason = "of the daemon's files, only what the tests need is used"
)]

pub mod base;
pub mod index;
pub mod io;
pub mod log;
pub mod run;
