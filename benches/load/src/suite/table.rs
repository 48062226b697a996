//! Medians of the rounds, beside their floors.

use super::SuiteArgs;
use super::rows::{Row, Target};
use crate::device::DeviceFloor;
use crate::process::ProcessError;
use crate::report::Outcome;
use serde::Serialize;

/// What the suite found.
#[derive(Debug, Serialize)]
pub struct Report {
    rounds: usize,
    seconds: f64,
    server_cpus: Vec<usize>,
    client_cpus: Vec<usize>,
    rows: Vec<Line>,
    floors: Vec<Line>,
    /// Medians of one operation after the other, in microseconds.
    device_durable_append_p50_us: f64,
    device_random_read_p50_us: f64,
}

/// Medians of one row.
#[derive(Clone, Debug, Serialize)]
struct Line {
    name: String,
    connections: usize,
    requests_per_second: f64,
    server_cpu_us: f64,
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    /// Of all rounds.
    max_us: f64,
    answer_bytes: f64,
    failures: u64,
    failure: Option<String>,
    /// CPU time of the bare responder for the same request.
    floor_cpu_us: Option<f64>,
    /// CPU time through the link over CPU time without it, median of the rounds' ratios.
    over_direct: Option<f64>,
    budget_us: Option<f64>,
}

impl Line {
    fn new(name: String, outcomes: &[Outcome]) -> Self {
        let of = |figure: fn(&Outcome) -> f64| median(outcomes.iter().map(figure).collect());
        Self {
            name,
            connections: outcomes.first().map_or(0, |outcome| outcome.connections),
            requests_per_second: of(|o| o.requests_per_second),
            server_cpu_us: of(|o| o.server_cpu_us.unwrap_or_default()),
            p50_us: of(|o| o.latency_us.p50),
            p99_us: of(|o| o.latency_us.p99),
            p999_us: of(|o| o.latency_us.p999),
            max_us: outcomes
                .iter()
                .map(|outcome| outcome.latency_us.max)
                .fold(0.0, f64::max),
            answer_bytes: of(|o| o.answer_bytes),
            failures: outcomes.iter().map(|outcome| outcome.failures).sum(),
            failure: outcomes.iter().find_map(|outcome| outcome.failure.clone()),
            floor_cpu_us: None,
            over_direct: None,
            budget_us: None,
        }
    }
}

impl Report {
    /// Puts the rounds together. The lists run parallel to `rows`.
    pub fn new(
        args: &SuiteArgs,
        rows: &[Row],
        measured: &[Vec<Outcome>],
        floors: &[Vec<Outcome>],
        device: &[DeviceFloor],
    ) -> Result<Self, ProcessError> {
        let mut lines = Vec::new();
        let mut floor_lines = Vec::new();
        let mut direct: (&[Outcome], Option<f64>) = (&[], None);
        for ((row, outcomes), floor) in rows.iter().zip(measured).zip(floors) {
            let mut line = Line::new(row.name(), outcomes);
            line.budget_us = row.budget_us;
            if row.target == Target::Direct {
                let floor = Line::new(format!("bare {}", row.name()), floor);
                direct = (outcomes, Some(floor.server_cpu_us));
                floor_lines.push(floor);
            } else {
                line.over_direct = over(outcomes, direct.0);
            }
            line.floor_cpu_us = direct.1;
            lines.push(line);
        }
        let of = |figure: fn(&DeviceFloor) -> f64| median(device.iter().map(figure).collect());
        Ok(Self {
            rounds: args.rounds,
            seconds: args.seconds,
            server_cpus: args.server_cpus.clone(),
            client_cpus: args.client_cpus.clone(),
            rows: lines,
            floors: floor_lines,
            device_durable_append_p50_us: of(|d| d.durable_append_us.p50),
            device_random_read_p50_us: of(|d| d.random_read_us.p50),
        })
    }

    /// Whether every answer was right.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|line| line.failures == 0)
    }

    /// For people; Markdown.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "server on CPUs {:?}, client on {:?}; medians of {} rounds of {} s\n\n\
             | request | clients | requests/s | CPU us | floor us | ratio | budget us | p50 us | p99 us | p99.9 us | max us | link/direct |\n\
             |---|---|---|---|---|---|---|---|---|---|---|---|\n",
            self.server_cpus, self.client_cpus, self.rounds, self.seconds,
        );
        for line in self.rows.iter().chain(&self.floors) {
            text.push_str(&line.markdown());
        }
        text.push_str(&format!(
            "\ndevice, one at a time, p50: 4 KiB write + fdatasync {:.0} us, random 4 KiB read {:.0} us\n",
            self.device_durable_append_p50_us, self.device_random_read_p50_us
        ));
        for line in self.rows.iter().filter(|line| line.failures > 0) {
            let failure = line.failure.as_deref().unwrap_or_default();
            text.push_str(&format!(
                "{}: {} failures, first: {failure}\n",
                line.name, line.failures
            ));
        }
        text
    }
}

impl Line {
    fn markdown(&self) -> String {
        let optional = |value: Option<f64>, digits: usize| {
            value.map_or_else(String::new, |value| format!("{value:.digits$}"))
        };
        let digits = usize::from(self.server_cpu_us < 100.0);
        format!(
            "| {} | {} | {:.0} | {:.digits$} | {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {} |\n",
            self.name,
            self.connections,
            self.requests_per_second,
            self.server_cpu_us,
            optional(self.floor_cpu_us, digits),
            optional(self.floor_cpu_us.map(|floor| self.server_cpu_us / floor), 2),
            optional(self.budget_us, 0),
            self.p50_us,
            self.p99_us,
            self.p999_us,
            self.max_us,
            optional(self.over_direct, 3),
        )
    }
}

/// The median of the ratios of each round: what the machine did in a round cancels out.
fn over(linked: &[Outcome], direct: &[Outcome]) -> Option<f64> {
    let ratios: Vec<f64> = linked
        .iter()
        .zip(direct)
        .filter_map(|(linked, direct)| Some(linked.server_cpu_us? / direct.server_cpu_us?))
        .collect();
    (!ratios.is_empty()).then(|| median(ratios))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => 0.0,
        (Some(value), 1) => *value,
        (Some(upper), _) => {
            let lower = middle.checked_sub(1).and_then(|at| values.get(at));
            f64::midpoint(*lower.unwrap_or(upper), *upper)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), 0.0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
