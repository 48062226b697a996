//! `chainring shell`: commands as they are typed.

use super::batch::{self, Line, Runner};
use crate::args::Format;
use crate::connect::Session;
use crate::error::Error;
use crate::output::Output;
use clap::CommandFactory;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use std::io::{self, IsTerminal};
use std::path::PathBuf;

const PROMPT: &str = "chainring> ";

/// Lines that are remembered.
const HISTORY_LINES: usize = 1000;

/// Words that show a secret; a line with one of them is not remembered.
const SECRETS: [&str; 2] = ["--secret", "setsecret"];

/// Runs the shell until its end.
pub fn run(format: Format, session: &mut Session, output: &mut Output) -> Result<(), Error> {
    if !io::stdin().is_terminal() {
        return batch::input(false, format, session, output);
    }
    // Whoever cannot be reached is better known before the first command.
    session.daemon()?;
    let mut editor = editor().map_err(failed)?;
    let history = history_file();
    if let Some(path) = &history {
        // There is none the first time.
        let _ = editor.load_history(path);
    }
    let outcome = read_and_run(&mut editor, &mut Runner::new(format, session, output));
    if let Some(path) = &history {
        // A history that cannot be kept is no reason to fail.
        let _ = editor.save_history(path);
    }
    outcome
}

type ShellEditor = Editor<Commands, FileHistory>;

fn editor() -> rustyline::Result<ShellEditor> {
    let config = Config::builder()
        .max_history_size(HISTORY_LINES)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Commands(Line::command())));
    Ok(editor)
}

fn read_and_run(editor: &mut ShellEditor, runner: &mut Runner<'_>) -> Result<(), Error> {
    loop {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            // Ctrl-C gives up the line, Ctrl-D the shell.
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        match line.trim() {
            "" => continue,
            "exit" | "quit" => return Ok(()),
            line if SECRETS.iter().any(|word| line.contains(word)) => {}
            line => {
                let _ = editor.add_history_entry(line);
            }
        }
        runner.line(&line, "")?;
    }
}

fn failed(error: ReadlineError) -> Error {
    match error {
        ReadlineError::Io(error) => Error::Stdio(error),
        error => Error::Stdio(io::Error::other(error)),
    }
}

/// Where lines are remembered; nowhere for someone without a home.
fn history_file() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let folder = folder("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(folder("HOME")?.join(".local/state")))?
        .join("chainring");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Completes what the definitions of the command line know: commands and options.
struct Commands(clap::Command);

impl Helper for Commands {}
impl rustyline::highlight::Highlighter for Commands {}
impl rustyline::validate::Validator for Commands {}
impl rustyline::hint::Hinter for Commands {
    type Hint = String;
}

impl Completer for Commands {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        end: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..end).unwrap_or_default();
        let start = typed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (before, word) = typed.split_at(start);
        let pair = |name: String| Pair {
            display: name.clone(),
            replacement: format!("{name} "),
        };
        let found = candidates(&self.0, before, word);
        Ok((start, found.into_iter().map(pair).collect()))
    }
}

/// What `word` may become after the words `before`.
fn candidates(commands: &clap::Command, before: &str, word: &str) -> Vec<String> {
    let mut command = commands;
    for word in before.split_whitespace() {
        match command.find_subcommand(word) {
            Some(below) => command = below,
            None if command.has_subcommands() && !word.starts_with('-') => return Vec::new(),
            None => {}
        }
    }
    let below = command.get_subcommands().filter(|c| !c.is_hide_set());
    let own = command.get_arguments();
    let global = commands.get_arguments().filter(|arg| arg.is_global_set());
    let options = own.chain(global).filter(|arg| !arg.is_hide_set());
    let mut found: Vec<String> = if word.starts_with('-') {
        let names = options.filter_map(clap::Arg::get_long);
        names.map(|name| format!("--{name}")).collect()
    } else {
        below.map(|command| command.get_name().to_owned()).collect()
    };
    found.retain(|name| name.starts_with(word));
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_options_are_completed() {
        let commands = Line::command();
        let found = |before, word| candidates(&commands, before, word);
        assert_eq!(found("", "vol"), ["volume"]);
        assert_eq!(found("bucket ", "li"), ["link", "list"]);
        assert_eq!(found("key list ", "--p"), ["--prefix"]);
        assert_eq!(found("key list /v/b ", "--j"), ["--json"]);
        assert_eq!(found("nonsense ", "").len(), 0);
        assert_eq!(found("volume create ", "/v").len(), 0);
    }
}
