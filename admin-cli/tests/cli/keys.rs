//! Keys: bytes in and out, in files and pipes.

use crate::harness::Setup;
use std::process::Stdio;

#[test]
fn a_file_goes_in_and_comes_out_through_a_link() {
    let setup = Setup::with_bucket();
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/link"]);
    let bytes: Vec<u8> = (0..6_000_017u32).map(|n| (n % 253) as u8).collect();
    std::fs::write(setup.folder.path().join("in"), &bytes).unwrap();
    assert_eq!(setup.ok(&["key", "put", "/vol1/bucket1/a/b/out", "in"]), "");
    assert_eq!(setup.ok(&["key", "get", "/s3v/link/a/b/out"]), "");
    assert!(std::fs::read(setup.folder.path().join("out")).unwrap() == bytes);

    let ran = setup.run(&["key", "get", "/s3v/link/a/b/out"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("exists already"), "{ran:?}");
    setup.ok(&["key", "get", "--force", "/s3v/link/a/b/out"]);
    std::fs::create_dir(setup.folder.path().join("folder")).unwrap();
    setup.ok(&["key", "get", "/s3v/link/a/b/out", "folder"]);
    assert!(setup.folder.path().join("folder/out").is_file());
}

#[test]
fn pipes_work_both_ways() {
    let setup = Setup::with_bucket();
    let ran = setup.run_with_input(&["key", "put", "/vol1/bucket1/k", "-"], b"from a pipe\n");
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(
        setup.ok(&["key", "cat", "/vol1/bucket1/k"]),
        "from a pipe\n"
    );
    assert_eq!(
        setup.ok(&["key", "get", "/vol1/bucket1/k", "-"]),
        "from a pipe\n"
    );
}

#[test]
fn keys_are_listed_shown_and_deleted() {
    let setup = Setup::with_bucket();
    for key in ["b", "a/1", "a/2"] {
        let address = format!("/vol1/bucket1/{key}");
        setup.run_with_input(&["key", "put", &address, "-"], b"12345");
    }
    let table = setup.ok(&["key", "list", "/vol1/bucket1", "--prefix", "a/", "--table"]);
    assert_eq!(
        table,
        "SIZE  MODIFIED                  KEY\n\
         \u{20}5 B  2026-01-02T03:04:05.678Z  a/1\n\
         \u{20}5 B  2026-01-02T03:04:05.678Z  a/2\n"
    );
    let info = setup.ok(&["key", "info", "/vol1/bucket1/a/1"]);
    assert!(info.contains("\"dataSize\": 5"), "{info}");
    setup.ok(&["key", "delete", "/vol1/bucket1/a/1"]);
    setup.refused(&["key", "delete", "/vol1/bucket1/a/1"], "KEY_NOT_FOUND");
    setup.refused(&["bucket", "delete", "/vol1/bucket1"], "BUCKET_NOT_EMPTY");
}

/// A name with an escape sequence must not command the terminal.
#[test]
fn control_characters_in_keys_are_escaped_in_tables() {
    let setup = Setup::with_bucket();
    setup.run_with_input(&["key", "put", "/vol1/bucket1/\x1b[2J", "-"], b"");
    let table = setup.ok(&["key", "list", "/vol1/bucket1", "--table"]);
    assert!(table.contains("\\u{1b}[2J"), "{table}");
}

#[test]
fn a_download_that_fails_leaves_no_file() {
    let setup = Setup::with_bucket();
    setup.refused(&["key", "get", "/vol1/bucket1/nope"], "KEY_NOT_FOUND");
    setup.refused(&["key", "get", "/vol1/nope/k"], "BUCKET_NOT_FOUND");
    let names: Vec<_> = std::fs::read_dir(setup.folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "only chainring-data");
}

#[test]
fn a_missing_file_and_a_folder_are_named() {
    let setup = Setup::with_bucket();
    for file in ["no-such-file", "chainring-data"] {
        let ran = setup.run(&["key", "put", "/vol1/bucket1/k", file]);
        assert_eq!(ran.status, 1);
        assert!(
            ran.err.starts_with(&format!("chainring: {file}: ")),
            "{ran:?}"
        );
    }
    setup.refused(&["key", "info", "/vol1/bucket1/k"], "KEY_NOT_FOUND");
}

/// `chainring key cat ... | head -c 1`
#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let setup = Setup::with_bucket();
    setup.run_with_input(
        &["key", "put", "/vol1/bucket1/k", "-"],
        &vec![b'x'; 3_000_000],
    );
    let mut command = setup.command(&["key", "cat", "/vol1/bucket1/k"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
