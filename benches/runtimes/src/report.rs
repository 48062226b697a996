//! The table.

use crate::candidates::Candidate;
use std::fmt::Write;
use std::io::ErrorKind;

/// What was found for one kind of request.
#[derive(Clone, Debug, Default)]
pub struct Kind {
    /// Requests a second, by round.
    pub rates: Vec<f64>,
    /// Microseconds of processor time per request, by round.
    pub cpu: Vec<f64>,
    /// Why there is no more.
    pub failure: Option<ErrorKind>,
}

/// What was found for one candidate.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Of GETs.
    pub get: Kind,
    /// Of PUTs.
    pub put: Kind,
}

/// Medians in Markdown, with the extremes of the processor time.
pub fn table(candidates: &[Candidate], figures: &[Figures]) -> String {
    let mut out = String::from(
        "| candidate | GET/s | GET CPU us | (least, most) | PUT/s | PUT CPU us | (least, most) |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (candidate, figures) in candidates.iter().zip(figures) {
        // Writing to a string cannot fail.
        let _ = write!(out, "| {} |", candidate.what());
        for kind in [&figures.get, &figures.put] {
            out.push_str(&cells(kind));
        }
        out.push('\n');
    }
    out
}

fn cells(kind: &Kind) -> String {
    if let Some(failure) = kind.failure {
        let why = match failure {
            ErrorKind::TimedOut => "hangs",
            _ => "fails",
        };
        return format!(" {why} | | |");
    }
    let (Some(rate), Some(cpu)) = (median(&kind.rates), median(&kind.cpu)) else {
        return " | | |".to_owned();
    };
    let least = kind.cpu.iter().copied().fold(f64::INFINITY, f64::min);
    let most = kind.cpu.iter().copied().fold(0.0, f64::max);
    format!(" {rate:.0} | {cpu:.2} | {least:.2}, {most:.2} |")
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
