//! `docs/cli.md` is the help of every command, and this checks that it is today's.

use crate::args::Args;
use clap::{Command, CommandFactory, Parser};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");

const HEAD: &str = "\
# The command line

What `chainring --help` and the help of every command say. Do not edit this page: it is made from the
definitions in `admin-cli/src`, and a test compares it with them. To make it anew:

```
UPDATE_DOCS=1 cargo test -p chainring reference
```

`info` and `list` print tables on a terminal and JSON into a pipe. The JSON's fields have the names that
`ozone sh` prints. Names that could command a terminal are shown escaped in tables. Every command
also takes the options of `chainring` itself.

## Many commands

Commands share a connection when they are given together, and print what they print alone:

- `chainring --execute COMMAND --execute COMMAND ...` on the command line,
- `chainring batch FILE`, or `chainring batch -` with the commands on standard input,
- `chainring shell` as they are typed, with Tab and a history. Lines that have a secret in them are not
  remembered, nor are those that begin with a blank.

A command is written without `chainring`, in the words of a shell: quotes and backslashes work, variables
and patterns do not; a `#` begins a comment. The first failure ends a batch, unless it is told to
`--keep-going`. In front of a failure's message stands its line, `FILE:LINE: RESULT_CODE message`. The
exit status is 1 if any command failed, wrong usage included.

## Keys

`key put` and `key get` move the bytes with bounded memory and show their progress on a terminal. A file
that `key get` writes gets its name when all of it has arrived, and replaces nothing without `--force`.
`key cp` and `key rename` leave the bytes in the daemon; each is durable when it is answered. A rename is a
copy and a deletion: in between the key has both names, a crash in between leaves both, and it fails with
`KEY_ALREADY_EXISTS` rather than to replace a key. Objects of more than 5 GiB are copied by parts over S3.
A multipart object's copy is one whole object, with an entity tag of its own.

## Links at a glance

`link check` lists every link with its status and ends with exit status 1 unless all are ok, so that it can
stand in a monitoring job. `link graph` draws them: a picture in one SVG file that any browser shows, or
the same for Graphviz. Links stand to the left of what they show and have the colour of their status; along
an arrow stands what the link says besides its source. A bucket with very many links is drawn several
times, each with a part of them.
";

/// The help of `command` and of everything below it.
fn render(command: &mut Command, name: &str, page: &mut String) {
    let level = "#".repeat(name.split(' ').count() + 1);
    let help = command.render_long_help().to_string();
    let lines = help.lines().map(str::trim_end).collect::<Vec<_>>();
    page.push_str(&format!(
        "\n{level} {name}\n\n```text\n{}\n```\n",
        lines.join("\n")
    ));
    for below in command.get_subcommands() {
        if below.get_name() != "help" {
            let name = format!("{name} {}", below.get_name());
            // Said once, at the top.
            let mut below = below.clone().mut_args(|arg| {
                let said = arg.is_global_set() || arg.get_id() == "help";
                arg.hide(said)
            });
            below = below.disable_help_flag(true);
            render(&mut below, &name, page);
        }
    }
}

/// The page as it should be.
fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut command = Args::command().term_width(100);
    command.build();
    render(&mut command, "chainring", &mut page);
    page
}

#[test]
fn the_reference_page_is_the_help_of_today() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let there = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(there == page, "docs/cli.md is not today's: see its head");
}

/// What the examples show must at least be commands.
#[test]
fn the_examples_of_the_page_are_right_usage() {
    let mut examples = 0;
    for line in page().lines() {
        let Some(at) = line
            .find("  chainring ")
            .or_else(|| line.find("$(chainring "))
        else {
            continue;
        };
        let command = line[at + 2..]
            .split([')', '<', '>', '|'])
            .next()
            .unwrap_or_default();
        // Words for people may follow, after more space than a command has.
        let command = command.split("   ").next().unwrap_or_default();
        let words = shell_words::split(command).unwrap();
        if let Err(error) = Args::try_parse_from(&words) {
            let shows = error.kind() == clap::error::ErrorKind::DisplayHelp;
            assert!(shows, "{line}: {error}");
        }
        examples += 1;
    }
    assert!(examples > 40, "only {examples} examples were found");
}
