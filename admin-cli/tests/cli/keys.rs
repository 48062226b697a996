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

#[test]
fn several_keys_are_deleted_whatever_happens_to_one_of_them() {
    let setup = Setup::with_bucket();
    let mut args = vec!["key".to_owned(), "delete".to_owned()];
    for n in 0..40 {
        let address = format!("/vol1/bucket1/k{n}");
        setup.run_with_input(&["key", "put", &address, "-"], b"12345");
        args.push(address);
        if n % 20 == 7 {
            args.push(format!("/vol1/bucket1/none{n}"));
        }
    }
    let ran = setup.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ran.status, 1);
    assert_eq!(
        ran.err,
        "KEY_NOT_FOUND no key none7\nKEY_NOT_FOUND no key none27\n"
    );
    assert_eq!(setup.ok(&["key", "list", "/vol1/bucket1"]), "[ ]\n");
}

#[test]
fn a_key_is_copied_and_renamed_in_both_forms() {
    let setup = Setup::with_bucket();
    setup.ok(&["bucket", "create", "/vol1/bucket2"]);
    setup.run_with_input(&["key", "put", "/vol1/bucket1/a", "-"], b"bytes");
    assert_eq!(
        setup.ok(&["key", "cp", "/vol1/bucket1/a", "/vol1/bucket2/x/b"]),
        ""
    );
    assert_eq!(setup.ok(&["key", "cat", "/vol1/bucket2/x/b"]), "bytes");
    let json = setup.ok(&["key", "cp", "/vol1/bucket2", "x/b", "x/c", "--json"]);
    assert!(json.contains("\"name\": \"x/c\""), "{json}");
    setup.ok(&["key", "rename", "/vol1/bucket2", "x/c", "y"]);
    setup.ok(&["key", "rename", "/vol1/bucket2/y", "/vol1/bucket2/z"]);
    assert_eq!(setup.ok(&["key", "cat", "/vol1/bucket2/z"]), "bytes");
    setup.refused(&["key", "info", "/vol1/bucket2/y"], "KEY_NOT_FOUND");
    setup.refused(
        &["key", "rename", "/vol1/bucket2", "z", "x/b"],
        "KEY_ALREADY_EXISTS",
    );
    setup.refused(
        &["key", "cp", "/vol1/bucket2", "none", "x/b"],
        "KEY_NOT_FOUND",
    );
    for args in [
        &["key", "rename", "/vol1/bucket2/z", "/vol1/bucket1/z"][..],
        &["key", "cp", "/vol1/bucket2/z", "z2"],
        &["key", "cp", "/vol1/bucket2", "z", ""],
        &["key", "cp", "/vol1/bucket2/z"],
    ] {
        assert_eq!(setup.run(args).status, 2, "{args:?}");
    }
}

/// What is no plain file is written to; a name that leads to a file replaces that file.
#[test]
fn devices_and_symlinks_stay_what_they_are() {
    let setup = Setup::with_bucket();
    setup.run_with_input(&["key", "put", "/vol1/bucket1/k", "-"], b"bytes");
    for force in [&[][..], &["--force"]] {
        setup.ok(&[&["key", "get", "/vol1/bucket1/k", "/dev/null"], force].concat());
    }
    let null = std::fs::metadata("/dev/null").unwrap();
    assert!(!null.is_file());

    let at = |name: &str| setup.folder.path().join(name);
    std::fs::write(at("file"), "old").unwrap();
    std::os::unix::fs::symlink("file", at("symlink")).unwrap();
    std::os::unix::fs::symlink("none", at("broken")).unwrap();
    for file in ["symlink", "broken"] {
        assert_eq!(
            setup.run(&["key", "get", "/vol1/bucket1/k", file]).status,
            1
        );
    }
    setup.ok(&["key", "get", "/vol1/bucket1/k", "symlink", "--force"]);
    assert!(at("symlink").is_symlink());
    assert_eq!(std::fs::read(at("file")).unwrap(), b"bytes");
    let names = std::fs::read_dir(setup.folder.path()).unwrap().count();
    assert_eq!(names, 4, "nothing temporary is left");
}
