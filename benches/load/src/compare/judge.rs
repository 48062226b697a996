//! Medians of the rounds.

use super::kind::{Kind, Way};
use super::record::{Figures, Record};

/// The server that the CPU time of the others is compared with.
pub const FLOOR: &str = "memory";

/// One server's medians of one kind.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which server.
    pub server: String,
    /// Which way.
    pub way: Way,
    /// How many rounds there were.
    pub rounds: usize,
    /// The medians. Failures are the sum.
    pub figures: Figures,
    /// CPU time over that of the store in memory, median of the rounds' own ratios: what the rest
    /// of the machine did in a round hit both.
    pub over_floor: Option<f64>,
}

impl Line {
    /// In tables and plots.
    #[must_use]
    pub fn label(&self) -> String {
        match self.way {
            Way::Direct => self.server.clone(),
            Way::Link => format!("{} by link", self.server),
        }
    }
}

/// All servers' medians of one kind, those through a link among them.
#[derive(Clone, Debug)]
pub struct Group {
    /// What was asked; the way is the direct one.
    pub kind: Kind,
    /// In the order in which the servers are noted.
    pub lines: Vec<Line>,
}

/// Puts the samples together, kinds in the order in which they first appear.
#[must_use]
pub fn groups(record: &Record) -> Vec<Group> {
    let mut kinds: Vec<Kind> = Vec::new();
    for sample in &record.samples {
        let kind = Kind {
            way: Way::Direct,
            ..sample.kind
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let lines = |kind: Kind| {
        let each = record.servers.iter().flat_map(move |server| {
            let ways = [Way::Direct, Way::Link];
            ways.into_iter()
                .filter_map(move |way| line(record, &server.id, &Kind { way, ..kind }))
        });
        each.collect()
    };
    let group = |kind| Group {
        kind,
        lines: lines(kind),
    };
    kinds.into_iter().map(group).collect()
}

/// One server's medians of one kind.
#[must_use]
pub fn line(record: &Record, server: &str, kind: &Kind) -> Option<Line> {
    let rounds = rounds(record, server, kind);
    if rounds.is_empty() {
        return None;
    }
    let of = |figure: fn(&Figures) -> f64| median(rounds.iter().map(|(_, f)| figure(f)));
    let maybe = |figure: fn(&Figures) -> Option<f64>| {
        let known: Vec<f64> = rounds.iter().filter_map(|(_, f)| figure(f)).collect();
        (!known.is_empty()).then(|| median(known.into_iter()))
    };
    let figures = Figures {
        seconds: of(|f| f.seconds),
        requests: rounds.iter().map(|(_, f)| f.requests).sum(),
        requests_per_second: of(|f| f.requests_per_second),
        p50_us: of(|f| f.p50_us),
        p99_us: of(|f| f.p99_us),
        p999_us: maybe(|f| f.p999_us),
        cpu_us: maybe(|f| f.cpu_us),
        process_bytes: maybe(|f| f.process_bytes),
        device_bytes: maybe(|f| f.device_bytes),
        resident: rounds.iter().map(|(_, f)| f.resident).max().unwrap_or(0),
        resident_peak: rounds
            .iter()
            .map(|(_, f)| f.resident_peak)
            .max()
            .unwrap_or(0),
        failures: rounds.iter().map(|(_, f)| f.failures).sum(),
        failure: rounds.iter().find_map(|(_, f)| f.failure.clone()),
    };
    let direct = Kind {
        way: Way::Direct,
        ..*kind
    };
    Some(Line {
        server: server.to_owned(),
        way: kind.way,
        rounds: rounds.len(),
        figures,
        over_floor: ratio(record, (server, kind), (FLOOR, &direct), |f| f.cpu_us),
    })
}

/// The median of the rounds' ratios of a figure of two series.
#[must_use]
pub fn ratio(
    record: &Record,
    over: (&str, &Kind),
    under: (&str, &Kind),
    figure: fn(&Figures) -> Option<f64>,
) -> Option<f64> {
    let under = rounds(record, under.0, under.1);
    let ratios: Vec<f64> = rounds(record, over.0, over.1)
        .into_iter()
        .filter_map(|(round, over)| {
            let (_, under) = under.iter().find(|(other, _)| *other == round)?;
            let under = figure(under).filter(|under| *under > 0.0)?;
            Some(figure(over)? / under)
        })
        .collect();
    (!ratios.is_empty()).then(|| median(ratios.into_iter()))
}

fn rounds<'a>(record: &'a Record, server: &str, kind: &Kind) -> Vec<(usize, &'a Figures)> {
    let samples = record.samples.iter();
    samples
        .filter(|sample| sample.server == server && sample.kind == *kind)
        .map(|sample| (sample.round, &sample.figures))
        .collect()
}

/// The middle value, or the mean of the two in the middle; 0 of none.
#[must_use]
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied();
    let lower = middle.checked_sub(1).and_then(|at| values.get(at)).copied();
    match (lower, upper) {
        (Some(lower), Some(upper)) if values.len().is_multiple_of(2) => f64::midpoint(lower, upper),
        (_, Some(upper)) => upper,
        (_, None) => 0.0,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::compare::kind::Work;
    use crate::compare::record::{Sample, ServerNote};

    /// A GET of 4 KiB.
    pub const KIND: Kind = Kind {
        work: Work::Get,
        size: 4096,
        clients: 32,
        way: Way::Direct,
        objects: 0,
    };

    /// Two servers and three rounds, in the second of which the machine was busy.
    pub fn record() -> Record {
        let mut record = Record::default();
        for (id, cpu) in [("chainring", 10.0), (FLOOR, 5.0)] {
            record.servers.push(ServerNote {
                id: id.to_owned(),
                version: "1".to_owned(),
                durability: "flushes".to_owned(),
                flushes: true,
                is_floor: id == FLOOR,
            });
            for (round, load) in [1.0, 7.0, 1.2].into_iter().enumerate() {
                record.samples.push(Sample {
                    server: id.to_owned(),
                    kind: KIND,
                    round,
                    figures: Figures {
                        requests_per_second: 100_000.0 / load,
                        cpu_us: Some(cpu * load),
                        p50_us: 100.0 * load,
                        requests: 10,
                        failures: u64::from(round == 1),
                        ..Figures::default()
                    },
                });
            }
        }
        record
    }

    #[test]
    fn medians() {
        assert!((median([].into_iter()) - 0.0).abs() < 1e-9);
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn a_busy_round_changes_neither_median_nor_ratio() {
        let groups = groups(&record());
        assert_eq!(groups.len(), 1);
        let line = &groups[0].lines[0];
        assert_eq!((line.server.as_str(), line.rounds), ("chainring", 3));
        assert!((line.figures.cpu_us.unwrap() - 12.0).abs() < 1e-9);
        assert!((line.over_floor.unwrap() - 2.0).abs() < 1e-9);
        assert_eq!((line.figures.requests, line.figures.failures), (30, 1));
    }

    #[test]
    fn rounds_that_one_server_missed_are_not_compared() {
        let mut record = record();
        record.samples.retain(|s| s.server != FLOOR || s.round == 1);
        let line = line(&record, "chainring", &KIND).unwrap();
        assert!((line.over_floor.unwrap() - 2.0).abs() < 1e-9);
        record.samples.retain(|s| s.server != FLOOR);
        let line = super::line(&record, "chainring", &KIND).unwrap();
        assert_eq!(line.over_floor, None);
    }
}
