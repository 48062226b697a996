//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};

/// What the format is called in `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the daemon is started anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counters by how large something was.
    Histogram,
}

/// A page of metrics.
#[derive(Default)]
pub struct Text(String);

/// One metric, to which samples are added.
pub struct Family<'t> {
    out: &'t mut String,
    name: &'static str,
}

/// Names and values of labels.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

impl Text {
    /// Begins a metric.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        debug_assert!(!help.contains(['\\', '\n']), "help would need escaping");
        let out = &mut self.0;
        put(
            out,
            format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"),
        );
        Family { out, name }
    }

    /// A metric of one sample.
    pub fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// The page.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub fn sample(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Self {
        self.line("", labels, &[], value);
        self
    }

    /// Adds the samples of a histogram. `counts` are those of the classes up to each of `bounds`,
    /// and of what is larger than all.
    pub fn histogram(&mut self, labels: Labels<'_>, bounds: &[f64], counts: &[u64], sum: f64) {
        let mut below = 0;
        for (bound, count) in bounds.iter().zip(counts) {
            below += count;
            self.line("_bucket", labels, &[("le", &bound.to_string())], below);
        }
        let all: u64 = counts.iter().sum();
        self.line("_bucket", labels, &[("le", "+Inf")], all);
        self.line("_sum", labels, &[], sum);
        self.line("_count", labels, &[], all);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, more: Labels<'_>, value: impl Display) {
        self.out.push_str(self.name);
        self.out.push_str(suffix);
        let mut mark = '{';
        for (name, text) in labels.iter().chain(more) {
            self.out.push(mark);
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(self.out, text);
            self.out.push('"');
            mark = ',';
        }
        if mark == ',' {
            self.out.push('}');
        }
        put(self.out, format_args!(" {value}\n"));
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

/// Appends a label's value.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_labels_and_histograms() {
        let mut text = Text::default();
        text.single("a_total", Kind::Counter, "As.", 5);
        text.family("b", Kind::Gauge, "Bs.")
            .sample(&[("x", "1"), ("y", "a\"b\\c\nd")], 0.25)
            .sample(&[("x", "2")], 7_u64);
        let mut family = text.family("c_seconds", Kind::Histogram, "Cs.");
        family.histogram(&[("op", "Get")], &[0.0001, 1.0], &[3, 0, 2], 2.5);
        let expected = "\
# HELP a_total As.
# TYPE a_total counter
a_total 5
# HELP b Bs.
# TYPE b gauge
b{x=\"1\",y=\"a\\\"b\\\\c\\nd\"} 0.25
b{x=\"2\"} 7
# HELP c_seconds Cs.
# TYPE c_seconds histogram
c_seconds_bucket{op=\"Get\",le=\"0.0001\"} 3
c_seconds_bucket{op=\"Get\",le=\"1\"} 3
c_seconds_bucket{op=\"Get\",le=\"+Inf\"} 5
c_seconds_sum{op=\"Get\"} 2.5
c_seconds_count{op=\"Get\"} 5
";
        assert_eq!(String::from_utf8(text.into_bytes()).unwrap(), expected);
    }
}
