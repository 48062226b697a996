//! One file per figure; in it one panel per kind of request, in it one bar per server.

use super::draw::{Anchor, Drawing, short};
use crate::compare::judge::{Group, Line, groups};
use crate::compare::record::{Figures, Record, ServerNote};

/// A figure that gets a file.
struct Metric {
    file: &'static str,
    title: &'static str,
    /// On a logarithmic axis, as dots: several values per server.
    dots: bool,
    values: fn(&Figures) -> Vec<f64>,
}

const METRICS: [Metric; 5] = [
    Metric {
        file: "throughput.svg",
        title: "Requests per second (more is better)",
        dots: false,
        values: |figures| vec![figures.requests_per_second],
    },
    Metric {
        file: "cpu.svg",
        title: "Server CPU per request, us (less is better)",
        dots: false,
        values: |figures| figures.cpu_us.into_iter().collect(),
    },
    Metric {
        file: "latency.svg",
        title: "Latency in us: dots at p50 (with the number), p99 and p99.9; logarithmic (less is better)",
        dots: true,
        values: |figures| {
            let all = [Some(figures.p50_us), Some(figures.p99_us), figures.p999_us];
            all.into_iter().flatten().collect()
        },
    },
    Metric {
        file: "written.svg",
        title: "Bytes written by the server per byte stored (less is better)",
        dots: false,
        values: |figures| figures.process_bytes.into_iter().collect(),
    },
    Metric {
        file: "memory.svg",
        title: "Resident memory afterwards, MiB (less is better)",
        dots: false,
        #[expect(clippy::cast_precision_loss, reason = "for a bar")]
        values: |figures| vec![(figures.resident >> 20) as f64],
    },
];

const COLUMNS: usize = 3;
const PANEL: f64 = 400.0;
const NAMES: f64 = 120.0;
const NUMBERS: f64 = 52.0;
const BAR: f64 = 16.0;
const HEAD: f64 = 34.0;
const TITLE: f64 = 44.0;
const OURS: &str = "#1f6f4a";
const FLUSHING: &str = "#3b6ea8";
const NOT_FLUSHING: &str = "#b7723c";
const FLOOR: &str = "#9a9a9a";
const GRID: &str = "#dddddd";

/// Every figure's file name and content.
pub fn figures(record: &Record) -> Vec<(String, String)> {
    let groups = groups(record);
    METRICS
        .iter()
        .filter_map(|metric| {
            let panels: Vec<&Group> = groups
                .iter()
                .filter(|group| {
                    group
                        .lines
                        .iter()
                        .any(|l| !(metric.values)(&l.figures).is_empty())
                })
                .collect();
            (!panels.is_empty()).then(|| {
                (
                    metric.file.to_owned(),
                    draw(metric, &panels, &record.servers),
                )
            })
        })
        .collect()
}

fn height(group: &Group) -> f64 {
    HEAD + BAR * count(group.lines.len()) + 14.0
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
const fn count(number: usize) -> f64 {
    number as f64
}

fn draw(metric: &Metric, panels: &[&Group], servers: &[ServerNote]) -> String {
    let rows: Vec<f64> = panels
        .chunks(COLUMNS)
        .map(|row| row.iter().map(|group| height(group)).fold(0.0, f64::max))
        .collect();
    let width = PANEL * count(COLUMNS.min(panels.len()).max(2)) + 20.0;
    let mut drawing = Drawing::new(width, TITLE + rows.iter().sum::<f64>() + 30.0);
    drawing.text((16.0, 26.0), Anchor::Start, 16, true, metric.title);
    let mut top = TITLE;
    for (row, row_height) in panels.chunks(COLUMNS).zip(&rows) {
        for (column, group) in row.iter().enumerate() {
            let corner = (16.0 + PANEL * count(column), top);
            panel(&mut drawing, metric, group, servers, corner);
        }
        top += row_height;
    }
    legend(&mut drawing, top + 10.0);
    drawing.finish()
}

fn legend(drawing: &mut Drawing, y: f64) {
    let entries = [
        (OURS, "Chainring"),
        (FLUSHING, "flushes before it answers"),
        (NOT_FLUSHING, "does not flush"),
        (FLOOR, "floor"),
    ];
    let mut x = 16.0;
    for (colour, words) in entries {
        drawing.rectangle(x, y - 9.0, 10.0, 10.0, colour);
        drawing.text((x + 15.0, y), Anchor::Start, 11, false, words);
        x += 40.0 + 6.6 * count(words.len());
    }
}

fn panel(
    drawing: &mut Drawing,
    metric: &Metric,
    group: &Group,
    servers: &[ServerNote],
    (left, top): (f64, f64),
) {
    drawing.text(
        (left, top + 20.0),
        Anchor::Start,
        12,
        true,
        &group.kind.name(),
    );
    let room = PANEL - NAMES - NUMBERS - 24.0;
    let all = group.lines.iter().flat_map(|l| (metric.values)(&l.figures));
    let axis = Axis::of(all.collect(), metric.dots, left + NAMES, room);
    let bottom = top + HEAD + BAR * count(group.lines.len());
    for x in axis.grid() {
        drawing.line((x, top + HEAD - 4.0), (x, bottom), GRID, 1.0);
    }
    for (number, line) in group.lines.iter().enumerate() {
        let y = top + HEAD + BAR * count(number);
        bar(
            drawing,
            metric,
            line,
            colour(line, servers),
            &axis,
            (left, y),
        );
    }
}

fn bar(
    drawing: &mut Drawing,
    metric: &Metric,
    line: &Line,
    colour: &str,
    axis: &Axis,
    (left, y): (f64, f64),
) {
    let base = y + BAR - 5.0;
    let end = left + NAMES - 6.0;
    drawing.text((end, base), Anchor::End, 11, false, &line.label());
    let values = (metric.values)(&line.figures);
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        drawing.text((left + NAMES, base), Anchor::Start, 10, false, "-");
        return;
    };
    if metric.dots {
        let middle = y + BAR / 2.0 - 1.0;
        drawing.line(
            (axis.at(*first), middle),
            (axis.at(*last), middle),
            colour,
            2.0,
        );
        for (radius, value) in [4.0, 3.0, 2.0].into_iter().zip(&values) {
            drawing.dot(axis.at(*value), middle, radius, colour);
        }
    } else {
        drawing.rectangle(axis.left, y, axis.at(*first) - axis.left, BAR - 4.0, colour);
    }
    let words = if metric.dots {
        short(*first)
    } else {
        short(*last)
    };
    let x = axis.at(*last) + 7.0;
    drawing.text((x, base), Anchor::Start, 10, false, &words);
}

fn colour(line: &Line, servers: &[ServerNote]) -> &'static str {
    let server = servers.iter().find(|server| server.id == line.server);
    match server {
        Some(server) if server.is_floor => FLOOR,
        _ if line.server.starts_with("chainring") => OURS,
        Some(server) if server.flushes => FLUSHING,
        _ => NOT_FLUSHING,
    }
}

/// From values to places.
struct Axis {
    left: f64,
    room: f64,
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Axis {
    fn of(values: Vec<f64>, logarithmic: bool, left: f64, room: f64) -> Self {
        let high = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let low = values.into_iter().filter(|v| *v > 0.0).fold(high, f64::min);
        let (low, high) = if logarithmic {
            (low.log10().floor(), high.log10().ceil())
        } else {
            (0.0, high)
        };
        let high = if high > low { high } else { low + 1.0 };
        Self {
            left,
            room,
            low,
            high,
            logarithmic,
        }
    }

    fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.max(1e-9).log10()
        } else {
            value
        };
        let share = (value - self.low) / (self.high - self.low);
        self.left + self.room * share.clamp(0.0, 1.0)
    }

    /// Places of the powers of ten, or of the quarters.
    fn grid(&self) -> Vec<f64> {
        if !self.logarithmic {
            let quarters = [0.25, 0.5, 0.75, 1.0];
            return quarters.map(|share| self.left + self.room * share).to_vec();
        }
        let mut places = Vec::new();
        let mut power = self.low;
        while power <= self.high {
            places.push(self.at(10f64.powf(power)));
            power += 1.0;
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::judge::tests::record;

    #[test]
    fn an_axis_ends_with_the_largest_value() {
        let axis = Axis::of(vec![1.0, 50.0], false, 10.0, 100.0);
        assert!((axis.at(0.0) - 10.0).abs() < 1e-9);
        assert!((axis.at(50.0) - 110.0).abs() < 1e-9);
        let axis = Axis::of(vec![12.0, 800.0], true, 0.0, 200.0);
        assert!((axis.at(100.0) - 100.0).abs() < 1e-9);
        assert_eq!(axis.grid().len(), 3);
        assert!(Axis::of(Vec::new(), true, 0.0, 1.0).at(0.0).is_finite());
    }

    /// Every element is closed, every attribute quoted, and no number is wrong.
    #[test]
    fn the_files_are_well_formed() {
        let files = figures(&record());
        assert!(files.iter().any(|(name, _)| name == "cpu.svg"));
        for (name, svg) in files {
            assert!(
                svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
                "{name}"
            );
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
            let mut open = 0;
            for tag in svg.split('<').skip(1) {
                let (tag, _) = tag.split_once('>').unwrap();
                assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
                if tag.starts_with('/') {
                    open -= 1;
                } else if !tag.ends_with('/') {
                    open += 1;
                }
            }
            assert_eq!(open, 0, "{name}");
        }
    }
}
