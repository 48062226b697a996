//! The report for people: Markdown.

use super::CompareArgs;
use super::judge::{Group, Line, groups};
use super::record::{Record, ServerNote};
use std::error::Error;
use std::fmt::Write;

/// Writes the table and the plots into the report's folder.
pub fn write(args: &CompareArgs, record: &Record) -> Result<(), Box<dyn Error>> {
    let plots = super::plot::all(record);
    let names: Vec<&str> = plots.iter().map(|(name, _)| name.as_str()).collect();
    std::fs::write(args.report.join("report.md"), markdown(record, &names))?;
    for (name, svg) in &plots {
        std::fs::write(args.report.join(name), svg)?;
    }
    Ok(())
}

/// The whole report.
#[must_use]
pub fn markdown(record: &Record, plots: &[&str]) -> String {
    let machine = &record.machine;
    let mut text = String::from("# Chainring and others, side by side\n\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}, {}, {}. Servers on CPUs {:?}, client on {:?}, loopback. Windows of {} s, asked in turn, \
         medians of the rounds.",
        machine.processor,
        machine.kernel,
        machine.file_system,
        machine.server_cpus,
        machine.client_cpus,
        machine.seconds,
    );
    let (append, read) = (
        super::judge::median(record.device.iter().map(|d| d.durable_append_us.p50)),
        super::judge::median(record.device.iter().map(|d| d.random_read_us.p50)),
    );
    let _ = writeln!(
        text,
        "Device alone, one at a time, p50: 4 KiB write and flush {append:.0} us, random 4 KiB read \
         {read:.0} us.\n"
    );
    text.push_str("## Servers\n\n| | version | before it answers a PUT |\n|---|---|---|\n");
    for server in &record.servers {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            name(server),
            server.version,
            server.durability
        );
    }
    text.push_str("\n`*` flushes before it answers, `(floor)` is no rival.\n");
    for missing in &record.missing {
        let _ = writeln!(
            text,
            "- Not here: {} ({})",
            missing.name,
            missing.why.trim()
        );
    }
    for group in groups(record) {
        text.push_str(&section(&group, &record.servers));
    }
    notes(record, plots, &mut text);
    text
}

fn name(server: &ServerNote) -> String {
    format!("{}{}", server.id, marks(server))
}

fn marks(server: &ServerNote) -> &'static str {
    match (server.flushes, server.is_floor) {
        (true, true) => "* (floor)",
        (true, false) => "*",
        (false, true) => " (floor)",
        (false, false) => "",
    }
}

fn section(group: &Group, servers: &[ServerNote]) -> String {
    let stores = group.kind.work.stores();
    let mut text = format!("\n## {}\n\n", group.kind.name());
    text.push_str("| | requests/s | CPU us | x memory | p50 us | p99 us | p99.9 us | RSS MiB |");
    text.push_str(if stores {
        " written/stored: process | device |\n"
    } else {
        "\n"
    });
    text.push_str("|---|---|---|---|---|---|---|---|");
    text.push_str(if stores { "---|---|\n" } else { "\n" });
    for line in &group.lines {
        let server = servers.iter().find(|server| server.id == line.server);
        text.push_str(&row(line, server, stores));
    }
    for line in group.lines.iter().filter(|line| line.figures.failures > 0) {
        let failure = line.figures.failure.as_deref().unwrap_or("not answered");
        let _ = writeln!(
            text,
            "\n{}: {} failures: {failure}",
            line.server, line.figures.failures
        );
    }
    text
}

fn row(line: &Line, server: Option<&ServerNote>, stores: bool) -> String {
    let figures = &line.figures;
    let optional = |value: Option<f64>, digits: usize| {
        value.map_or_else(String::new, |value| format!("{value:.digits$}"))
    };
    let digits = |value: f64| usize::from(value < 100.0);
    let cpu = figures.cpu_us.unwrap_or_default();
    let rate = figures.requests_per_second;
    let mut text = format!(
        "| {} | {rate:.*} | {} | {} | {:.0} | {:.0} | {} | {} |",
        line.label() + server.map_or("", marks),
        digits(rate),
        optional(figures.cpu_us, digits(cpu)),
        optional(line.over_floor, 1),
        figures.p50_us,
        figures.p99_us,
        optional(figures.p999_us, 0),
        figures.resident >> 20,
    );
    if stores {
        let _ = write!(
            text,
            " {} | {} |",
            optional(figures.process_bytes, 2),
            optional(figures.device_bytes, 2)
        );
    }
    text.push('\n');
    text
}

fn notes(record: &Record, plots: &[&str], text: &mut String) {
    if !plots.is_empty() {
        text.push_str("\n## Plots\n\n");
        for plot in plots {
            let _ = writeln!(text, "![{plot}]({plot})");
        }
    }
    if !record.skipped.is_empty() {
        text.push_str("\n## Left out\n\n");
        for skipped in &record.skipped {
            let server = match skipped.server.as_str() {
                "" => "all",
                server => server,
            };
            let why = skipped.why.lines().next().unwrap_or_default();
            let _ = writeln!(text, "- {server}: {}: {why}", skipped.what);
        }
    }
    text.push_str(
        "\n## How to read it\n\n\
         - CPU is user and system time of the server, its threads, io_uring workers and children, per \
         right answer. `x memory` is its ratio to the store in memory in the same round.\n\
         - Written/stored counts the bytes that the server made the system write, and all that the \
         device wrote in that time, other programs and the file system's journal included, after a \
         flush of the file system.\n\
         - GET cold asks for every object once, in random order, after a restart and without the \
         system's cache of the files (names and inodes stay cached).\n\
         - RSS is resident memory after the measurement.\n",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::judge::tests::record;

    #[test]
    fn tables_have_as_many_cells_as_columns() {
        let text = markdown(&record(), &["a.svg"]);
        let mut columns = 0;
        for line in text.lines() {
            let cells = line.matches('|').count();
            match (cells, columns) {
                (0, _) => columns = 0,
                (cells, 0) => columns = cells,
                (cells, columns) => assert_eq!(cells, columns, "{line}"),
            }
        }
        assert!(
            text.contains("| chainring* | 83333 | 12.0 | 2.0 |"),
            "{text}"
        );
        assert!(text.contains("memory* (floor)"));
        assert!(text.contains("chainring: 1 failures"));
    }
}
