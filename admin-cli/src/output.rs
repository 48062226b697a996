//! Tables for people, JSON for programs.

use crate::args::Format;
use crate::error::Error;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

/// Something that can be listed and shown.
pub trait Shown: Serialize {
    /// The titles of a table's columns; one that begins with `>` is aligned to the right.
    const COLUMNS: &'static [&'static str];
    /// One cell for each column.
    fn row(&self) -> Vec<String>;
    /// Everything there is to say about it, one line each.
    fn card(&self) -> Vec<(&'static str, String)>;
}

/// Standard output.
pub struct Output {
    out: BufWriter<Stdout>,
    terminal: bool,
    /// What was asked for.
    json: bool,
    table: bool,
}

impl Output {
    /// Standard output with the global options.
    pub fn new(format: Format) -> Self {
        let stdout = io::stdout();
        Self {
            terminal: stdout.is_terminal(),
            out: BufWriter::new(stdout),
            json: format.json,
            table: format.table,
        }
    }

    /// Prints in another form from now on.
    pub const fn set_format(&mut self, format: Format) {
        self.json = format.json;
        self.table = format.table;
    }

    /// Whether `info` and `list` print JSON.
    pub const fn prints_json(&self) -> bool {
        self.json || (!self.terminal && !self.table)
    }

    /// Whether somebody watches what is printed.
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether JSON was asked for.
    pub const fn json(&self) -> bool {
        self.json
    }

    /// Prints one thing in full.
    pub fn show<T: Shown>(&mut self, thing: &T) -> Result<(), Error> {
        if self.prints_json() {
            return self.print_json(thing);
        }
        let card = thing.card();
        let width = card.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in card {
            writeln!(self.out, "{name:width$}  {}", printable(&value))?;
        }
        Ok(())
    }

    /// What a command did: for people on a terminal a sentence, for programs the thing itself if
    /// they ask for JSON.
    pub fn done<T: Shown>(&mut self, thing: &T, sentence: &str) -> Result<(), Error> {
        if self.json {
            self.print_json(thing)
        } else {
            self.say(sentence)
        }
    }

    /// A sentence for people; programs need none.
    pub fn say(&mut self, sentence: &str) -> Result<(), Error> {
        if self.terminal && !self.json {
            writeln!(self.out, "{}", printable(sentence))?;
        }
        Ok(())
    }

    /// A line, whoever reads it.
    pub fn line(&mut self, line: &str) -> Result<(), Error> {
        writeln!(self.out, "{line}")?;
        Ok(())
    }

    /// Pretty-printed JSON.
    pub fn print_json(&mut self, thing: &impl Serialize) -> Result<(), Error> {
        serde_json::to_writer_pretty(&mut self.out, thing).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }

    /// Begins a listing, which takes its entries page by page.
    pub fn list<T: Shown>(&mut self) -> List<'_, T> {
        List {
            output: self,
            count: 0,
            entry: std::marker::PhantomData,
        }
    }

    /// Standard output itself, for bytes.
    pub fn bytes(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// Writes what is buffered.
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(self.out.flush()?)
    }
}

/// A listing being printed.
pub struct List<'o, T> {
    output: &'o mut Output,
    count: u64,
    entry: std::marker::PhantomData<T>,
}

impl<T: Shown> List<'_, T> {
    /// Whether somebody watches what is printed.
    pub const fn is_watched(&self) -> bool {
        self.output.terminal
    }

    /// Prints a page. Columns are as wide as this page needs.
    pub fn page(&mut self, entries: &[T]) -> Result<(), Error> {
        if self.output.prints_json() {
            for entry in entries {
                let separator = if self.count == 0 { "[ " } else { ", " };
                self.count += 1;
                let json = serde_json::to_string_pretty(entry).map_err(io::Error::from)?;
                write!(self.output.out, "{separator}{}", json.replace('\n', "\n  "))?;
            }
            return Ok(());
        }
        let head = self.count == 0 && !entries.is_empty();
        let titles = T::COLUMNS.iter().map(|title| title.trim_start_matches('>'));
        let mut rows = Vec::with_capacity(entries.len() + 1);
        rows.extend(head.then(|| titles.map(str::to_owned).collect::<Vec<_>>()));
        rows.extend(entries.iter().map(Shown::row));
        self.count += entries.len() as u64;
        print_rows(&mut self.output.out, T::COLUMNS, &rows)
    }

    /// Ends the listing; `empty` tells people what to do when there was nothing.
    pub fn finish(self, empty: &str) -> Result<(), Error> {
        let out = &mut self.output.out;
        match (self.output.terminal || self.output.table) && !self.output.json {
            true if self.count == 0 => writeln!(out, "{}", printable(empty))?,
            true => {}
            false if self.count == 0 => writeln!(out, "[ ]")?,
            false => writeln!(out, " ]")?,
        }
        Ok(())
    }
}

fn print_rows(out: &mut impl Write, columns: &[&str], rows: &[Vec<String>]) -> Result<(), Error> {
    let rows: Vec<Vec<Cow<'_, str>>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| printable(cell)).collect())
        .collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for row in &rows {
        let mut line = String::new();
        for ((cell, width), column) in row.iter().zip(&widths).zip(columns) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            if column.starts_with('>') {
                line.push_str(&padding);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&padding);
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes a line to standard error. Unlike `eprintln!` it does not mind when nobody listens.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
pub(crate) use complain;

/// The text with everything escaped that would command a terminal instead of being shown.
pub fn printable(text: &str) -> Cow<'_, str> {
    // Controls, and the marks that reorder or hide what follows them.
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for c in text.chars() {
        if harmful(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// For example `4.0 KiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut tenths = u128::from(count) * 10 / 1024;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while tenths >= 10_240 {
        tenths /= 1024;
        unit = units.next();
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, unit.unwrap_or(&"?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_commands_the_terminal() {
        assert_eq!(printable("plain ä 名"), "plain ä 名");
        assert_eq!(printable("\x1b[2J\u{9b}2J"), "\\u{1b}[2J\\u{9b}2J");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn sizes_have_one_decimal() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (4096, "4.0 KiB"),
            (1_048_575, "1023.9 KiB"),
            (1_572_864, "1.5 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["NAME".to_owned(), "SIZE".to_owned()],
            vec!["long-name".to_owned(), "7 B".to_owned()],
        ];
        let mut out = Vec::new();
        print_rows(&mut out, &["NAME", ">SIZE"], &rows).unwrap();
        assert_eq!(out, b"NAME       SIZE\nlong-name   7 B\n");
    }
}
