//! A progress bar on standard error, for people who wait for a large key.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// Smaller keys are there before a bar could be read.
const BYTES_MIN: u64 = 16 * 1024 * 1024;

/// A bar, or nothing when nobody watches.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// For `total` bytes; a source of unknown length gets a counter.
    pub fn new(total: Option<u64>) -> Self {
        let short = total.is_some_and(|total| total < BYTES_MIN);
        if short || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let template = match total {
            Some(_) => "{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
            None => "{spinner} {bytes}  {bytes_per_sec}",
        };
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        Self(Some(bar.with_style(style)))
    }

    /// So many more bytes were moved.
    pub fn add(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
