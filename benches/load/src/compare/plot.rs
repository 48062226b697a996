//! Plots: SVG, made of rectangles, circles and text.

mod draw;
mod panels;

use super::record::Record;

/// Every plot: its file name and its content.
#[must_use]
pub fn all(record: &Record) -> Vec<(String, String)> {
    panels::figures(record)
}
