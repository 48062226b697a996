//! A progress bar on standard error, for people who wait for a large key.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Smaller keys are there before a bar could be read.
const BYTES_MIN: u64 = 16 * 1024 * 1024;

/// What takes less time shows nothing.
const TICK: Duration = Duration::from_millis(250);

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

    /// A count of `what`.
    pub fn counting(what: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let template = format!("{{spinner}} {{human_pos}} {what}");
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self(Some(bar.with_style(style)))
    }

    /// For something of which nothing is known until it is over.
    pub fn waiting() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let style = ProgressStyle::with_template("{spinner} copying inside the daemon, {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style);
        bar.enable_steady_tick(TICK);
        Self(Some(bar))
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
