//! The promises, one by one.

use super::stages::{Cold, Many};
use super::{
    ALL_CPUS, BARE, BARE_LOG, GET, GET_ALONE, GET_LARGE, HEAD, MEMORY, PUT, PUT_LARGE, SCALAR, US,
    through_link,
};
use crate::compare::judge::{Line, line, ratio};
use crate::compare::kind::Kind;
use crate::compare::record::Record;
use serde::Serialize;
use std::fmt::Write;

/// All that was measured.
pub struct Found {
    /// Requests.
    pub record: Record,
    /// How unevenly connections fall on cores.
    pub spread: Option<f64>,
    /// Cold reads.
    pub cold: Option<Cold>,
    /// Many objects.
    pub many: Option<Many>,
}

/// A promise and what became of it.
#[derive(Debug, Serialize)]
pub struct Row {
    what: String,
    target: String,
    found: String,
    /// Nothing if it was not measured.
    pub reached: Option<bool>,
    /// The floor of the same rounds, or whatever helps to judge.
    beside: String,
}

impl Row {
    fn new(what: &str, target: &str) -> Self {
        Self {
            what: what.to_owned(),
            target: target.to_owned(),
            found: "not measured".to_owned(),
            reached: None,
            beside: String::new(),
        }
    }

    fn found(mut self, found: String, reached: bool) -> Self {
        (self.found, self.reached) = (found, Some(reached));
        self
    }

    fn beside(mut self, words: String) -> Self {
        self.beside = words;
        self
    }
}

/// Every promise.
#[must_use]
pub fn all(found: &Found) -> Vec<Row> {
    let record = &found.record;
    let mut rows = vec![
        cpu(record, "warm 4 KiB GET, 32 clients", &GET, 8.0, BARE),
        cpu(
            record,
            "durable 4 KiB PUT, new keys, 64 clients",
            &PUT,
            15.0,
            BARE_LOG,
        ),
        over_flushing(record),
        over_others(record),
        cold(found.cold.as_ref()),
        cpu(
            record,
            "1 MiB PUT with MD5, flushed, 16 clients",
            &PUT_LARGE,
            500.0,
            BARE_LOG,
        ),
        over_scalar(record),
        cpu(
            record,
            "warm 1 MiB GET, 16 clients",
            &GET_LARGE,
            250.0,
            BARE,
        ),
        cpu(record, "HEAD, 32 clients", &HEAD, 7.0, BARE),
        alone(record),
    ];
    rows.extend([GET, HEAD, PUT].map(|kind| link(record, &kind)));
    rows.push(two_cores(record));
    rows.push(written(record));
    rows.push(spread(found.spread));
    rows.extend(many(found.many.as_ref()));
    rows
}

fn of(record: &Record, server: &str, kind: &Kind) -> Option<Line> {
    line(record, server, kind)
}

/// CPU time per request against a number.
fn cpu(record: &Record, what: &str, kind: &Kind, budget: f64, floor: &str) -> Row {
    let row = Row::new(what, &format!("<= {budget:.0} us"));
    let Some(cpu) = of(record, US, kind).and_then(|line| line.figures.cpu_us) else {
        return row;
    };
    let row = row.found(format!("{cpu:.1} us"), cpu <= budget);
    let over = |floor: &str| ratio(record, (US, kind), (floor, kind), |f| f.cpu_us);
    let floors = [floor, MEMORY].into_iter().filter_map(|floor| {
        let cpu = of(record, floor, kind)?.figures.cpu_us?;
        Some(format!(
            "{floor} {cpu:.1} us, {:.2} times that",
            over(floor)?
        ))
    });
    row.beside(floors.collect::<Vec<_>>().join("; "))
}

/// The best of the rivals in requests per second.
fn best(record: &Record, flushes: bool) -> Option<(String, f64)> {
    let rivals = record.servers.iter().filter(|server| {
        !server.is_floor && !server.id.starts_with(US) && server.flushes == flushes
    });
    rivals
        .filter_map(|server| {
            let line = of(record, &server.id, &PUT)?;
            Some((line.server, line.figures.requests_per_second))
        })
        .max_by(|one, other| one.1.total_cmp(&other.1))
}

fn over_flushing(record: &Record) -> Row {
    let row = Row::new(
        "the same, requests/s over the best rival that flushes",
        ">= 30 times",
    );
    let ours = of(record, US, &PUT).map(|line| line.figures.requests_per_second);
    let (Some(ours), Some((name, theirs))) = (ours, best(record, true)) else {
        return row;
    };
    let times = ours / theirs;
    row.found(format!("{times:.1} times"), times >= 30.0)
        .beside(format!("{ours:.0}/s, {name} {theirs:.0}/s"))
}

fn over_others(record: &Record) -> Row {
    let row = Row::new("the same, over the best rival that does not flush", "> 1");
    let ours = of(record, US, &PUT).map(|line| line.figures.requests_per_second);
    let (Some(ours), Some((name, theirs))) = (ours, best(record, false)) else {
        return row;
    };
    let times = ours / theirs;
    row.found(format!("{times:.1} times"), times > 1.0)
        .beside(format!("{ours:.0}/s, {name} {theirs:.0}/s"))
}

fn cold(found: Option<&Cold>) -> Row {
    let row = Row::new(
        "cold 4 KiB GET, 32 at once",
        ">= 80 % of the device's reads",
    );
    let Some(cold) = found else {
        return row;
    };
    row.found(format!("{:.0} %", cold.ratio * 100.0), cold.ratio >= 0.8)
        .beside(format!("{:.0}/s, device {:.0}/s", cold.gets, cold.device))
}

fn over_scalar(record: &Record) -> Row {
    let row = Row::new("the same over our own scalar MD5, CPU", ">= 2.5 times");
    match ratio(record, (SCALAR, &PUT_LARGE), (US, &PUT_LARGE), |f| f.cpu_us) {
        Some(times) => row.found(format!("{times:.2} times"), times >= 2.5),
        None => row,
    }
}

fn alone(record: &Record) -> Row {
    let row = Row::new(
        "4 KiB GET, p50 at 1 client over the bare responder",
        "<= 15 us",
    );
    let p50 = |server| of(record, server, &GET_ALONE).map(|line| line.figures.p50_us);
    let (Some(ours), Some(bare)) = (p50(US), p50(BARE)) else {
        return row;
    };
    row.found(format!("{:.0} us", ours - bare), ours - bare <= 15.0)
        .beside(format!("{ours:.0} us, bare {bare:.0} us"))
}

fn link(record: &Record, kind: &Kind) -> Row {
    let name = kind.work.name();
    let row = Row::new(&format!("4 KiB {name} through a link, CPU"), "within 1 %");
    match ratio(record, (US, &through_link(*kind)), (US, kind), |f| f.cpu_us) {
        Some(times) => {
            let percent = (times - 1.0) * 100.0;
            row.found(format!("{percent:+.1} %"), percent <= 1.0)
                .beside("`chainring-load links` tells less noisily".to_owned())
        }
        None => row,
    }
}

fn two_cores(record: &Record) -> Row {
    let row = Row::new("2 cores over 1, by CPU per request", ">= 1.8 times");
    match ratio(record, (US, &GET), (ALL_CPUS, &GET), |f| f.cpu_us) {
        Some(times) => row.found(format!("{:.2} times", 2.0 * times), 2.0 * times >= 1.8),
        None => row,
    }
}

fn written(record: &Record) -> Row {
    let row = Row::new("bytes written per byte stored, 4 KiB, 64 clients", "<= 1.3");
    let Some(line) = of(record, US, &PUT) else {
        return row;
    };
    let device = line.figures.device_bytes.unwrap_or_default();
    match line.figures.process_bytes {
        Some(bytes) => row
            .found(format!("{bytes:.2}"), bytes <= 1.3)
            .beside(format!("device, all programs: {device:.2}")),
        None => row,
    }
}

fn spread(found: Option<f64>) -> Row {
    let row = Row::new("busiest core over idlest, 32 clients", "<= 1.5 times");
    match found {
        Some(times) => row.found(format!("{times:.2} times"), times <= 1.5),
        None => row,
    }
}

/// Objects that the promises speak of.
const PROMISED: usize = 10_000_000;

fn many(found: Option<&Many>) -> Vec<Row> {
    let rows = [
        Row::new("LIST page of 1,000 in a bucket of 10 million", "<= 1000 us"),
        Row::new("the same over a bucket of 10,000", "<= 1.5 times"),
        Row::new("folders of 1 million keys in one page", "<= 2000 us"),
        Row::new("memory per object at 10 million", "key + 64 B"),
        Row::new(
            "restart with 10 million objects to the first answer",
            "<= 5 s",
        ),
    ];
    let Some(many) = found else {
        return rows
            .map(|row| row.beside("--prefill 10000000".to_owned()))
            .into();
    };
    let [page, over, folders, memory, restart] = rows;
    let count = format!("{} objects", many.objects);
    #[expect(clippy::cast_precision_loss, reason = "the length of a key")]
    let allowed = many.key as f64 + 64.0;
    let rows = [
        page.found(format!("{:.0} us", many.page_us), many.page_us <= 1000.0),
        over.found(
            format!("{:.2} times", many.over_small),
            many.over_small <= 1.5,
        ),
        folders.found(
            format!("{:.0} us", many.folders_us),
            many.folders_us <= 2000.0,
        ),
        memory.found(
            format!("{:.1} B", many.bytes_each),
            many.bytes_each <= allowed,
        ),
        restart.found(format!("{:.2} s", many.restart), many.restart <= 5.0),
    ];
    // Fewer objects say something, but keep no promise.
    let rows = rows.map(|row| Row {
        reached: row.reached.filter(|_| many.objects >= PROMISED),
        ..row
    });
    let beside = [
        count.clone(),
        count.clone(),
        format!("{count}, {} folders", many.folders),
        format!("{count}, keys of {} B", many.key),
        count,
    ];
    rows.into_iter()
        .zip(beside)
        .map(|(row, words)| row.beside(words))
        .collect()
}

/// For people; Markdown.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from("| | target | found | | beside it |\n|---|---|---|---|---|\n");
    for row in rows {
        let reached = match row.reached {
            Some(true) => "reached",
            Some(false) => "not reached",
            None => "",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {reached} | {} |",
            row.what, row.target, row.found, row.beside
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::judge::tests::record;

    fn found(record: Record) -> Found {
        Found {
            record,
            spread: Some(1.2),
            cold: Some(Cold {
                gets: 7000.0,
                device: 10_000.0,
                ratio: 0.7,
            }),
            many: None,
        }
    }

    #[test]
    fn what_was_not_measured_is_neither_kept_nor_broken() {
        let rows = all(&found(Record::default()));
        let judged = rows.iter().filter(|row| row.reached.is_some()).count();
        assert_eq!(judged, 2);
        assert_eq!(table(&rows).lines().count(), rows.len() + 2);
    }

    #[test]
    fn a_budget_stands_beside_its_floor() {
        let mut record = record();
        for sample in &mut record.samples {
            sample.kind = GET;
        }
        let rows = all(&found(record));
        assert_eq!(rows[0].reached, Some(false));
        assert_eq!(rows[0].found, "12.0 us");
        assert_eq!(rows[0].beside, "memory 6.0 us, 2.00 times that");
    }

    #[test]
    fn many_objects() {
        let mut many = Many {
            objects: PROMISED,
            bytes_each: 70.0,
            key: 16,
            page_us: 900.0,
            over_small: 1.6,
            folders_us: 20.0,
            folders: 10,
            restart: 4.0,
        };
        let rows = super::many(Some(&many));
        let reached: Vec<_> = rows.iter().map(|row| row.reached.unwrap()).collect();
        assert_eq!(reached, [true, false, true, true, true]);
        many.objects -= 1;
        assert!(
            super::many(Some(&many))
                .iter()
                .all(|row| row.reached.is_none())
        );
    }
}
