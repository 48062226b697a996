//! Many commands over one connection.

use crate::harness::{Ran, Setup};

fn file(setup: &Setup, text: &str) {
    std::fs::write(setup.folder.path().join("commands"), text).unwrap();
}

#[test]
fn a_batch_prints_what_its_commands_print_over_one_connection() {
    let setup = Setup::with_bucket();
    let commands = [
        "volume create /vol2",
        "bucket create '/vol2/b'",
        "bucket list /vol2 --table",
        "volume info /vol2",
    ];
    let before = setup.connections();
    let mut args = Vec::new();
    for command in commands {
        args.extend(["--execute", command]);
    }
    let together = setup.ok(&args);
    assert_eq!(setup.connections(), before + 1);
    let single: String = commands[2..]
        .iter()
        .map(|command| setup.ok(&command.split(' ').collect::<Vec<_>>()))
        .collect();
    assert_eq!(together, single);
}

#[test]
fn a_file_has_comments_blank_lines_and_quotes() {
    let setup = Setup::with_bucket();
    file(
        &setup,
        "# A comment.\n\n  chainring volume create vol2   # another\n\
         key put \"/vol1/bucket1/with blank\" 'in file'\nkey put /vol1/bucket1/it\\'s 'in file'",
    );
    std::fs::write(setup.folder.path().join("in file"), "bytes").unwrap();
    let before = setup.connections();
    assert_eq!(setup.ok(&["batch", "commands"]), "");
    assert_eq!(setup.connections(), before + 1);
    setup.ok(&["volume", "info", "vol2"]);
    assert_eq!(
        setup.ok(&["key", "cat", "/vol1/bucket1/with blank"]),
        "bytes"
    );
    assert_eq!(setup.ok(&["key", "cat", "/vol1/bucket1/it's"]), "bytes");
    let ran = setup.run_with_input(&["batch", "-"], b"volume info vol2\n");
    assert_eq!(ran.out, setup.ok(&["volume", "info", "vol2"]));
}

#[test]
fn the_first_failure_ends_a_batch_and_its_line_is_named() {
    let setup = Setup::with_bucket();
    file(
        &setup,
        "volume create a1b\n\nvolume create vol1\nvolume create a2b\n",
    );
    let ran = setup.run(&["batch", "commands"]);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert_eq!(
        ran.err,
        "commands:3: VOLUME_ALREADY_EXISTS volume vol1 exists already\n"
    );
    setup.ok(&["volume", "info", "a1b"]);
    setup.refused(&["volume", "info", "a2b"], "VOLUME_NOT_FOUND");

    let ran = setup.run(&[
        "--execute",
        "volume create vol1",
        "--execute",
        "volume create a2b",
    ]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.starts_with("--execute 1: VOLUME_ALREADY_EXISTS "),
        "{ran:?}"
    );
    setup.refused(&["volume", "info", "a2b"], "VOLUME_NOT_FOUND");
}

#[test]
fn a_batch_goes_on_after_a_failure_when_told_to() {
    let setup = Setup::with_bucket();
    let text = "volume create vol1\nvolume nonsense\nvolume 'create\nkey put /vol1/bucket1/k none\n\
                volume create a2b\n";
    let check = |ran: Ran, file: &str| {
        assert_eq!(ran.status, 1, "{ran:?}");
        for failure in [
            "1: VOLUME_ALREADY_EXISTS ",
            "2: error: unrecognized subcommand 'nonsense'",
            "3: error: a quote is not closed\n",
            "4: chainring: none: No such file",
        ] {
            assert!(ran.err.contains(&format!("{file}:{failure}")), "{ran:?}");
        }
    };
    file(&setup, text);
    check(
        setup.run(&["batch", "--keep-going", "commands"]),
        "commands",
    );
    setup.ok(&["volume", "delete", "a2b"]);
    let ran = setup.run_with_input(&["batch", "-k", "-"], text.as_bytes());
    check(ran, "stdin");
    setup.ok(&["volume", "delete", "a2b"]);
    let mut args = vec!["--keep-going"];
    for line in text.lines() {
        args.extend(["-e", line]);
    }
    assert_eq!(setup.run(&args).status, 1);
    setup.ok(&["volume", "delete", "a2b"]);
}

/// A command that read the rest of the batch as its data would lose commands without a word.
#[test]
fn a_command_does_not_read_the_batch() {
    let setup = Setup::with_bucket();
    for line in ["key put /vol1/bucket1/k -", "s3 setsecret root"] {
        let ran = setup.run_with_input(&["batch", "-"], format!("{line}\nstatus\n").as_bytes());
        assert_eq!((ran.status, ran.out.as_str()), (1, ""));
        assert!(
            ran.err.starts_with("stdin:1: error: standard input has"),
            "{ran:?}"
        );
    }
    let ran = setup.run_with_input(&["--execute", "key put /vol1/bucket1/k -"], b"bytes");
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(setup.ok(&["key", "cat", "/vol1/bucket1/k"]), "bytes");
}

#[test]
fn a_shell_without_a_terminal_is_a_batch_without_prompts() {
    let setup = Setup::with_bucket();
    let before = setup.connections();
    let ran = setup.run_with_input(&["shell"], b"volume info vol1\n\nvolume info vol1\n");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert_eq!(setup.connections(), before + 1);
    assert_eq!(ran.out, setup.ok(&["volume", "info", "vol1"]).repeat(2));
}

#[test]
fn help_inside_a_batch_is_no_failure() {
    let setup = Setup::new();
    let help = setup.ok(&["--execute", "volume create --help", "-e", "status"]);
    assert!(help.contains("Usage: volume create"), "{help}");
}

#[test]
fn what_makes_no_batch_is_wrong_usage() {
    let setup = Setup::new();
    for args in [
        &["--execute", "status", "status"][..],
        &["--keep-going", "status"],
        &["--json"],
        &["batch"],
    ] {
        assert_eq!(setup.run(args).status, 2, "{args:?}");
    }
    for line in ["batch x", "shell", "status --tcp 127.0.0.1:1"] {
        assert_eq!(setup.run(&["--execute", line]).status, 1, "{line}");
    }
    let ran = setup.run(&["batch", "no-such-file"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.starts_with("chainring: no-such-file: No such"),
        "{ran:?}"
    );
}

/// What a later command prints comes after the complaint of an earlier one.
#[test]
fn output_and_complaints_keep_their_order() {
    let setup = Setup::with_bucket();
    let mut command = setup.command(&["batch", "-"]);
    let log = std::fs::File::create(setup.folder.path().join("log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    file(&setup, "volume info vol1\nvolume info none\n");
    let commands = std::fs::File::open(setup.folder.path().join("commands")).unwrap();
    assert_eq!(command.stdin(commands).status().unwrap().code(), Some(1));
    let log = std::fs::read_to_string(setup.folder.path().join("log")).unwrap();
    let (out, complaint) = (log.find("\"vol1\""), log.find("VOLUME_NOT_FOUND"));
    assert!(out.is_some() && out < complaint, "{log}");
}
