//! `chainring status`

use super::Daemon;
use crate::error::Error;
use crate::output::Output;
use crate::view::StatusView;
use chainring_protocol::message::StatusGet;

/// Shows how the daemon is.
pub fn run(daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    let status = daemon.call(&StatusGet {})?;
    output.show(&StatusView::from(status))
}
