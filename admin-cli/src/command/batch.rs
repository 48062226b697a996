//! `chainring --execute ...` and `chainring batch`: many commands over one connection.

use super::perform;
use crate::args::{Command, Format};
use crate::connect::Session;
use crate::error::Error;
use crate::output::{Output, complain};
use clap::Parser;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Standard input in place of a file.
const STDIN: &str = "-";

/// Which commands.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example, a file of commands:\n  # what the team needs\n  volume create /team\n  bucket create /team/data\n  bucket link /team/data '/s3v/team-data'\n\nIn front of the message of a failure stands the line that failed, as FILE:LINE."
)]
pub struct Args {
    /// The file, or - for standard input
    ///
    /// Each line is a command without `chainring`, in the words of a shell: quotes and backslashes
    /// work, variables and patterns do not. Empty lines and what follows a # are left out. A line runs
    /// before the next one is read.
    file: PathBuf,
    /// Go on after a failure; the exit status is 1 all the same
    #[arg(long, short)]
    keep_going: bool,
}

/// A line of a batch: a command, and how to print what it says. How to connect was said before.
#[derive(Debug, Parser)]
#[command(name = "chainring", no_binary_name = true, max_term_width = 100)]
#[command(disable_version_flag = true)]
pub struct Line {
    #[command(flatten)]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

/// Runs the commands of a file.
pub fn run(
    args: &Args,
    format: Format,
    session: &mut Session,
    output: &mut Output,
) -> Result<(), Error> {
    if args.file == Path::new(STDIN) {
        return input(args.keep_going, format, session, output);
    }
    let failed = |error| Error::File {
        path: args.file.clone(),
        error,
    };
    let mut file = BufReader::new(File::open(&args.file).map_err(failed)?);
    let name = args.file.display().to_string();
    let mut runner = Runner::new(format, session, output);
    runner.all(args.keep_going, |number| {
        let place = format!("{name}:{number}: ");
        Ok(next_line(&mut file)
            .map_err(failed)?
            .map(|line| (place, line)))
    })
}

/// Runs the commands of standard input.
pub fn input(
    keep_going: bool,
    format: Format,
    session: &mut Session,
    output: &mut Output,
) -> Result<(), Error> {
    let mut runner = Runner::new(format, session, output);
    runner.stdin_is_taken = true;
    runner.all(keep_going, |number| {
        let place = format!("stdin:{number}: ");
        // Not locked any longer than it takes: a command may ask a question.
        let line = next_line(&mut io::stdin().lock()).map_err(Error::Stdio)?;
        Ok(line.map(|line| (place, line)))
    })
}

/// Runs the commands of the command line.
pub fn execute(
    commands: &[String],
    keep_going: bool,
    format: Format,
    session: &mut Session,
    output: &mut Output,
) -> Result<(), Error> {
    let mut commands = commands.iter();
    Runner::new(format, session, output).all(keep_going, |number| {
        let place = format!("--execute {number}: ");
        Ok(commands.next().map(|command| (place, command.clone())))
    })
}

fn next_line(source: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let count = source.read_line(&mut line)?;
    Ok((count > 0).then_some(line))
}

/// Runs lines.
pub struct Runner<'a> {
    format: Format,
    session: &'a mut Session,
    output: &'a mut Output,
    /// The commands come from there, so none of them may read it.
    stdin_is_taken: bool,
}

impl<'a> Runner<'a> {
    /// Lines print in this form unless they say otherwise.
    pub const fn new(format: Format, session: &'a mut Session, output: &'a mut Output) -> Self {
        Self {
            format,
            session,
            output,
            stdin_is_taken: false,
        }
    }

    /// Runs all lines that `next` gives, each with its place, until one fails.
    fn all(
        &mut self,
        keep_going: bool,
        mut next: impl FnMut(u64) -> Result<Option<(String, String)>, Error>,
    ) -> Result<(), Error> {
        let mut failed = false;
        let mut number = 1;
        while let Some((place, line)) = next(number)? {
            failed |= !self.line(&line, &place)?;
            if failed && !keep_going {
                break;
            }
            number += 1;
        }
        if failed { Err(Error::Commands) } else { Ok(()) }
    }

    /// Runs a line and reports its failure; returns whether it succeeded. Fails only when nobody
    /// reads our output any longer.
    pub fn line(&mut self, line: &str, place: &str) -> Result<bool, Error> {
        let outcome = match self.parse(line, place)? {
            Parsed::Command(line) => self.perform(line),
            Parsed::Nothing => return Ok(true),
            Parsed::Wrong => return Ok(false),
        };
        // What was printed belongs before the message of the failure, and before the next command.
        let outcome = outcome.and_then(|()| self.output.flush());
        match outcome {
            Ok(()) => Ok(true),
            Err(Error::BrokenPipe) => Err(Error::BrokenPipe),
            Err(error) => {
                self.output.flush()?;
                self.session.look_at(&error);
                error.report(place);
                Ok(false)
            }
        }
    }

    fn parse(&mut self, line: &str, place: &str) -> Result<Parsed, Error> {
        let mut words = match shell_words::split(line) {
            Ok(words) => words,
            Err(_) => {
                complain!("{place}error: a quote is not closed");
                return Ok(Parsed::Wrong);
            }
        };
        // Lines out of a shell script work, too.
        if words.first().is_some_and(|word| word == "chainring") {
            words.remove(0);
        }
        if words.is_empty() {
            return Ok(Parsed::Nothing);
        }
        match Line::try_parse_from(words) {
            Ok(line) => Ok(Parsed::Command(line)),
            Err(text) if text.use_stderr() => {
                complain!("{place}{}", text.to_string().trim_end());
                Ok(Parsed::Wrong)
            }
            // Help was asked for.
            Err(text) => {
                self.output.line(text.to_string().trim_end())?;
                self.output.flush()?;
                Ok(Parsed::Nothing)
            }
        }
    }

    fn perform(&mut self, line: Line) -> Result<(), Error> {
        if self.stdin_is_taken && line.command.reads_input() {
            return Err(Error::Usage(
                "standard input has the commands, so no command can read it".to_owned(),
            ));
        }
        let says = line.format.json || line.format.table;
        self.output
            .set_format(if says { line.format } else { self.format });
        perform(line.command, self.session, self.output)
    }
}

/// What a line is.
enum Parsed {
    Command(Line),
    /// Nothing, or nothing that is left to do.
    Nothing,
    /// No command; that was said.
    Wrong,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        Line::command().debug_assert();
    }

    #[test]
    fn a_line_does_not_say_how_to_connect() {
        for words in [
            &["status", "--tcp", "127.0.0.1:1"][..],
            &["--admin-socket", "x", "status"],
            &["--execute", "status"],
        ] {
            assert!(Line::try_parse_from(words).is_err(), "{words:?}");
        }
        assert!(Line::try_parse_from(["status", "--json"]).is_ok());
    }
}
