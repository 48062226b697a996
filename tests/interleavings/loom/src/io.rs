//! In place of the daemon's `io`: its mailboxes and mapped files.

#[path = "../../../../daemon/src/io/mailbox.rs"]
pub mod mailbox;
#[path = "../../../../daemon/src/io/mapfault.rs"]
pub mod mapfault;
pub mod mapfile;
