//! What a check says in the end: a table and words for people, one JSON object for programs.

use super::finding::{Finding, Findings, Part, Severity};
use super::shard::ShardCheck;
use crate::base::json::push_string;
use crate::namespace::NamespaceInspection;
use std::fmt::Write;

/// The result of a check.
#[derive(Clone, Debug)]
pub struct StoreReport {
    /// The folder.
    pub folder: String,
    /// The store's id.
    pub store: [u8; 16],
    /// Whether bodies were compared with their ETags.
    pub deep: bool,
    /// The parts, namespace first.
    pub parts: Vec<Report>,
}

/// The result of one part of the store.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which.
    pub part: Part,
    /// What was looked at, in words.
    pub summary: String,
    /// The same as numbers.
    pub figures: Vec<(&'static str, u64)>,
    /// What was found.
    pub findings: Findings,
    /// Why it could not be checked.
    pub failed: Option<String>,
}

impl Report {
    /// Of a shard.
    #[must_use]
    pub fn of_shard(shard: u16, check: ShardCheck) -> Self {
        Self {
            part: Part::Shard(shard),
            summary: format!(
                "{}, {}, {}; {} in the log, checkpoint {}",
                counted(check.objects, "object"),
                size(check.bytes),
                counted(check.uploads, "open upload"),
                counted(check.records, "record"),
                check.checkpoint
            ),
            figures: vec![
                ("objects", check.objects),
                ("bytes", check.bytes),
                ("uploads", check.uploads),
                ("parts", check.parts),
                ("records", check.records),
            ],
            findings: check.findings,
            failed: None,
        }
    }

    /// Of the namespace.
    #[must_use]
    pub fn of_namespace(found: &NamespaceInspection, findings: Findings) -> Self {
        let buckets = found.buckets.len() as u64;
        Self {
            part: Part::Namespace,
            summary: [
                counted(found.volumes, "volume"),
                counted(buckets, "bucket"),
                counted(found.links, "link"),
                counted(found.users, "user"),
            ]
            .join(", "),
            figures: vec![
                ("volumes", found.volumes),
                ("buckets", buckets),
                ("links", found.links),
                ("users", found.users),
            ],
            findings,
            failed: None,
        }
    }

    /// Of a part that could not be checked.
    #[must_use]
    pub fn failed(part: Part, why: String) -> Self {
        Self {
            part,
            summary: String::new(),
            figures: Vec::new(),
            findings: Findings::default(),
            failed: Some(why),
        }
    }

    fn verdict(&self) -> String {
        match (&self.failed, self.findings.differences()) {
            (Some(_), _) => "COULD NOT BE CHECKED".to_owned(),
            (None, 0) => "sound".to_owned(),
            (None, count) => counted(count, "difference").to_uppercase(),
        }
    }
}

impl StoreReport {
    /// Differences found.
    #[must_use]
    pub fn differences(&self) -> u64 {
        let each = self.parts.iter().map(|part| part.findings.differences());
        each.sum()
    }

    /// Whether everything could be checked.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| part.failed.is_none())
    }

    /// 0: sound; 1: differences; 2: something could not be checked.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match (self.is_complete(), self.differences()) {
            (false, _) => 2,
            (true, 0) => 0,
            (true, _) => 1,
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{} (store {})\n\n", self.folder, hex(&self.store));
        let width = self.parts.iter().map(|part| part_name(part.part).len());
        let width = width.max().unwrap_or(0);
        for part in &self.parts {
            let (name, verdict) = (part_name(part.part), part.verdict());
            let _ = writeln!(out, "{name:width$}  {verdict:14}  {}", part.summary);
        }
        let mut number = 0;
        for part in &self.parts {
            if let Some(why) = &part.failed {
                let _ = writeln!(
                    out,
                    "\n{} could not be checked: {why}",
                    part_name(part.part)
                );
            }
            for finding in part.findings.described() {
                number += 1;
                describe(&mut out, number, part.part, finding);
            }
            if part.findings.more() > 0 {
                let (more, name) = (part.findings.more(), part_name(part.part));
                let _ = writeln!(out, "\n... and {more} more of {name}");
            }
        }
        let _ = writeln!(out, "\n{}", self.conclusion());
        out
    }

    fn conclusion(&self) -> String {
        let depth = match self.deep {
            true => "Every record, body and ETag was checked.",
            false => {
                "Every record and body was checked; --deep compares bodies with their ETags, too."
            }
        };
        match self.exit_status() {
            0 => format!("The store is sound. {depth}"),
            1 => format!("{} found.", counted(self.differences(), "difference")),
            _ => "The store could not be checked completely.".to_owned(),
        }
    }

    /// For programs, one line.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = Vec::new();
        out.extend_from_slice(b"{\"folder\":");
        push_string(&mut out, self.folder.as_bytes());
        out.extend_from_slice(b",\"store\":");
        push_string(&mut out, hex(&self.store).as_bytes());
        let result = match self.exit_status() {
            0 => "sound",
            1 => "differences",
            _ => "incomplete",
        };
        let head = format!(
            ",\"result\":\"{result}\",\"deep\":{},\"differences\":{},\"parts\":[",
            self.deep,
            self.differences()
        );
        out.extend_from_slice(head.as_bytes());
        for (number, part) in self.parts.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            part_json(&mut out, part);
        }
        out.extend_from_slice(b"]}\n");
        String::from_utf8(out).unwrap_or_default()
    }
}

fn part_json(out: &mut Vec<u8>, part: &Report) {
    out.extend_from_slice(b"{\"part\":");
    push_string(out, part_name(part.part).as_bytes());
    for (name, value) in &part.figures {
        out.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
    }
    if let Some(why) = &part.failed {
        out.extend_from_slice(b",\"failed\":");
        push_string(out, why.as_bytes());
    }
    let differences = part.findings.differences();
    let more = part.findings.more();
    let counts = format!(",\"differences\":{differences},\"notDescribed\":{more},\"findings\":[");
    out.extend_from_slice(counts.as_bytes());
    for (number, finding) in part.findings.described().iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        finding_json(out, part.part, finding);
    }
    out.extend_from_slice(b"]}");
}

fn finding_json(out: &mut Vec<u8>, part: Part, finding: &Finding) {
    let severity = match finding.severity {
        Severity::Note => "note",
        Severity::Difference => "difference",
    };
    out.extend_from_slice(
        format!(
            "{{\"severity\":\"{severity}\",\"kind\":\"{}\"",
            finding.kind
        )
        .as_bytes(),
    );
    let mut field = |name: &str, text: &str| {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        push_string(out, text.as_bytes());
    };
    if let Some(subject) = &finding.subject {
        field("subject", subject);
    }
    field("what", &finding.what);
    field("means", finding.means);
    field("advice", finding.advice);
    if let Some(file) = finding.file(part) {
        field("file", &file);
    }
    if let Some(at) = finding.at {
        let place = format!(",\"segment\":{},\"offset\":{}", at.segment, at.offset);
        out.extend_from_slice(place.as_bytes());
    }
    out.push(b'}');
}

fn describe(out: &mut String, number: usize, part: Part, finding: &Finding) {
    let severity = match finding.severity {
        Severity::Note => "note",
        Severity::Difference => "difference",
    };
    let subject = finding.subject.as_deref().unwrap_or("the log");
    let _ = writeln!(
        out,
        "\n{number}. {severity} {}: {}: {}",
        finding.kind,
        shown(subject),
        shown(&finding.what)
    );
    if let (Some(file), Some(at)) = (finding.file(part), finding.at) {
        let _ = writeln!(out, "   where: {file}, offset {}", at.offset);
    }
    let _ = writeln!(out, "   means: {}", finding.means);
    let _ = writeln!(out, "   to do: {}", finding.advice);
}

/// A text without what could command a terminal.
fn shown(text: &str) -> String {
    let mut out = Vec::new();
    crate::base::json::push_text(&mut out, text.as_bytes());
    String::from_utf8(out).unwrap_or_default()
}

fn part_name(part: Part) -> String {
    match part {
        Part::Namespace => "namespace".to_owned(),
        Part::Shard(shard) => format!("shard {shard}"),
    }
}

/// A number and what it counts.
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut whole, mut rest, mut unit) = (bytes, 0, None);
    for name in UNITS {
        if whole < 1024 {
            break;
        }
        (rest, whole, unit) = (whole % 1024, whole / 1024, Some(name));
    }
    match unit {
        None => counted(bytes, "byte"),
        Some(unit) => format!("{whole}.{} {unit}", rest * 10 / 1024),
    }
}

fn hex(bytes: &[u8; 16]) -> String {
    let mut digits = [0; 32];
    crate::base::hex::hex_into(bytes, &mut digits);
    std::str::from_utf8(&digits).unwrap_or_default().to_owned()
}
