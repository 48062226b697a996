//! The counts that were found once, and the comparison with those found now.
//!
//! The file has a line per benchmark, sorted by name: its name and instructions per call. Before them
//! stands what the counts depend on besides the sources.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// More than so many percent of difference is a finding.
pub const PERCENT_MAX: u64 = 5;

const TITLE: &str =
    "# Instructions per call, counted by callgrind. Made by tests/run --renew-micro.";

/// What the counts depend on besides the sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The compiler's name and version.
    pub compiler: String,
    /// Valgrind's version; it decides which processor a program sees.
    pub valgrind: String,
    /// The widest vector instructions that programs choose by.
    pub vectors: String,
}

impl Conditions {
    /// Those of this build on this machine.
    pub fn here(valgrind: String) -> Self {
        // Valgrind shows the program no more of the processor than this.
        #[cfg(target_arch = "x86_64")]
        let has_avx2 = std::arch::is_x86_feature_detected!("avx2");
        #[cfg(not(target_arch = "x86_64"))]
        let has_avx2 = false;
        let vectors = if has_avx2 { "avx2" } else { "none" };
        Self {
            compiler: env!("CHAINRING_RUSTC").to_owned(),
            valgrind,
            vectors: format!("{} {vectors}", std::env::consts::ARCH),
        }
    }

    fn named(&self) -> [(&'static str, &str); 3] {
        [
            ("compiler", &self.compiler),
            ("valgrind", &self.valgrind),
            ("vectors", &self.vectors),
        ]
    }
}

/// Counts and what they depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// What the counts depend on.
    pub conditions: Conditions,
    /// Instructions per call, by benchmark.
    pub counts: BTreeMap<String, u64>,
}

/// A file that is no baseline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is neither a condition nor a count")]
pub struct Malformed(usize);

impl FromStr for Baseline {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut found = Self::default();
        for (line, number) in text.lines().zip(1..) {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            if let Some((name, value)) = line.split_once(": ") {
                let conditions = &mut found.conditions;
                let field = match name {
                    "compiler" => &mut conditions.compiler,
                    "valgrind" => &mut conditions.valgrind,
                    "vectors" => &mut conditions.vectors,
                    _ => return Err(Malformed(number)),
                };
                value.clone_into(field);
                continue;
            }
            let mut words = line.split_whitespace();
            let (name, count) = (words.next(), words.next().and_then(|n| n.parse().ok()));
            let (Some(name), Some(count), None) = (name, count, words.next()) else {
                return Err(Malformed(number));
            };
            found.counts.insert(name.to_owned(), count);
        }
        Ok(found)
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}")?;
        for (name, value) in self.conditions.named() {
            writeln!(f, "{name}: {value}")?;
        }
        for (name, count) in &self.counts {
            writeln!(f, "{name:20} {count:>10}")?;
        }
        Ok(())
    }
}

/// What became of one benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    /// By so many percent, not worth mentioning.
    Little(f64),
    Dearer(f64),
    Cheaper(f64),
    New,
    Gone,
}

/// A comparison; `{}` is the table with its findings, `{:#}` one line that sums it up.
pub struct Comparison {
    differing: Vec<String>,
    rows: Vec<(String, Option<u64>, Option<u64>, Change)>,
}

/// Compares counts with those expected.
pub fn compare(expected: &Baseline, found: &Baseline) -> Comparison {
    let conditions = expected.conditions.named();
    let differing = conditions.into_iter().zip(found.conditions.named());
    let differing = differing
        .filter(|(old, new)| old != new)
        .map(|((name, old), (_, new))| format!("{name}: the baseline's is {old}, this is {new}"))
        .collect();
    let mut rows = Vec::new();
    for (name, old) in &expected.counts {
        let new = found.counts.get(name).copied();
        let change = new.map_or(Change::Gone, |new| change(*old, new));
        rows.push((name.clone(), Some(*old), new, change));
    }
    for (name, new) in &found.counts {
        if !expected.counts.contains_key(name) {
            rows.push((name.clone(), None, Some(*new), Change::New));
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    Comparison { differing, rows }
}

fn change(old: u64, new: u64) -> Change {
    let percent = (new as f64 / old as f64 - 1.0) * 100.0;
    if new * 100 > old * (100 + PERCENT_MAX) {
        Change::Dearer(percent)
    } else if new * 100 < old * (100 - PERCENT_MAX) {
        Change::Cheaper(percent)
    } else {
        Change::Little(percent)
    }
}

impl Change {
    const fn is_good(self) -> bool {
        matches!(self, Self::Little(_) | Self::Cheaper(_))
    }
}

impl Comparison {
    /// Whether nothing got dearer by more than [`PERCENT_MAX`], as far as the baseline applies.
    pub fn is_good(&self) -> bool {
        self.failed() == 0
    }

    fn failed(&self) -> usize {
        if self.differing.is_empty() {
            self.rows.iter().filter(|row| !row.3.is_good()).count()
        } else {
            0
        }
    }

    /// Benchmarks that nothing can be said about.
    fn skipped(&self) -> usize {
        if self.differing.is_empty() {
            0
        } else {
            self.rows.len()
        }
    }

    fn any(&self, which: impl Fn(Change) -> bool) -> bool {
        self.rows.iter().any(|row| which(row.3))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            let (failed, skipped) = (self.failed(), self.skipped());
            let passed = self.rows.len() - failed - skipped;
            return write!(f, "{passed} passed, {failed} failed, {skipped} skipped");
        }
        if !self.differing.is_empty() {
            for line in &self.differing {
                writeln!(f, "{line}")?;
            }
            return writeln!(
                f,
                "Counts under other conditions cannot be compared, so nothing was. If the project moves to\n\
                 these, renew the baseline; otherwise use those of the baseline."
            );
        }
        let shown = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
        let header = ["instructions per call", "baseline", "now", "change"];
        let [name, old, new, change] = header;
        writeln!(f, "{name:22} {old:>10} {new:>10} {change:>9}")?;
        for (name, old, new, change) in &self.rows {
            let (percent, word) = match change {
                Change::Little(percent) => (*percent, ""),
                Change::Dearer(percent) => (*percent, "  DEARER"),
                Change::Cheaper(percent) => (*percent, "  cheaper"),
                Change::New => (0.0, "  NOT IN THE BASELINE"),
                Change::Gone => (0.0, "  IN THE BASELINE ONLY"),
            };
            let (old, new) = (shown(*old), shown(*new));
            writeln!(f, "{name:22} {old:>10} {new:>10} {percent:>+8.1}%{word}")?;
        }
        if self.any(|change| matches!(change, Change::Dearer(_))) {
            writeln!(f, "DEARER: by more than {PERCENT_MAX} % over the baseline.")?;
        }
        if self.any(|change| matches!(change, Change::Cheaper(_))) {
            writeln!(
                f,
                "cheaper: by more than {PERCENT_MAX} %. Renew the baseline (tests/run --renew-micro), so that\n\
                 losing it again would be seen."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(counts: &[(&str, u64)]) -> Baseline {
        Baseline {
            conditions: Conditions {
                compiler: "rustc 1".to_owned(),
                valgrind: "valgrind-3".to_owned(),
                vectors: "x avx2".to_owned(),
            },
            counts: counts.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect(),
        }
    }

    #[test]
    fn a_baseline_round_trips_sorted() {
        let made = baseline(&[("b", 20), ("a", 1000)]);
        let text = made.to_string();
        assert_eq!(text.parse(), Ok(made));
        assert!(text.find("\na ") < text.find("\nb "));
        assert_eq!("a 1\nb\n".parse::<Baseline>(), Err(Malformed(2)));
        assert_eq!("a: 1\n".parse::<Baseline>(), Err(Malformed(1)));
    }

    #[test]
    fn five_percent_more_is_a_finding_and_five_less_a_notice() {
        let expected = baseline(&[("a", 1000), ("b", 1000), ("c", 1000)]);
        let same = compare(&expected, &expected);
        assert!(same.is_good());
        assert_eq!(format!("{same:#}"), "3 passed, 0 failed, 0 skipped");

        let close = baseline(&[("a", 1050), ("b", 950), ("c", 1000)]);
        assert!(compare(&expected, &close).is_good());
        assert!(!compare(&expected, &close).to_string().contains("heaper"));

        let dearer = compare(&expected, &baseline(&[("a", 1051), ("b", 1000), ("c", 1)]));
        assert!(!dearer.is_good());
        assert_eq!(format!("{dearer:#}"), "2 passed, 1 failed, 0 skipped");
        assert!(dearer.to_string().contains("+5.1%  DEARER"));

        let cheaper = compare(
            &expected,
            &baseline(&[("a", 949), ("b", 1000), ("c", 1000)]),
        );
        assert!(cheaper.is_good());
        assert!(cheaper.to_string().contains("Renew the baseline"));
    }

    #[test]
    fn a_new_and_a_missing_benchmark_are_findings() {
        let expected = baseline(&[("a", 1000)]);
        let found = compare(&expected, &baseline(&[("b", 1000)]));
        assert_eq!(format!("{found:#}"), "0 passed, 2 failed, 0 skipped");
    }

    #[test]
    fn another_compiler_is_reported_and_nothing_compared() {
        let expected = baseline(&[("a", 1000)]);
        let mut other = baseline(&[("a", 5000)]);
        other.conditions.compiler = "rustc 2".to_owned();
        let found = compare(&expected, &other);
        assert!(found.is_good());
        let text = found.to_string();
        assert!(text.contains("the baseline's is rustc 1, this is rustc 2"));
        assert!(!text.contains("5000"), "{text}");
        assert_eq!(format!("{found:#}"), "0 passed, 0 failed, 1 skipped");
    }
}
