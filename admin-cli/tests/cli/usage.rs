//! Finding the daemon, wrong usage, help.

use crate::harness::{Ran, Setup, listen};

#[test]
fn wrong_usage_is_status_2() {
    let setup = Setup::new();
    for args in [
        &["nonsense"][..],
        &["volume", "create"],
        &["volume", "create", "/a/b"],
        &["bucket", "create", "/vol1"],
        &["key", "put", "/vol1/bucket1", "file"],
        &["key", "get", "/vol1/bucket1/.."],
        &["volume", "list", "--json", "--table"],
        &[],
    ] {
        let ran = setup.run(args);
        assert_eq!(ran.status, 2, "{args:?} {ran:?}");
        assert_eq!(ran.out, "", "{args:?}");
    }
}

#[test]
fn when_no_daemon_answers_it_says_how_to_start_one() {
    let setup = Setup::new();
    let socket = setup.folder.path().join("chainring-data/admin.sock");
    std::fs::remove_file(socket).unwrap();
    let ran = setup.run(&["status"]);
    assert_eq!(ran.status, 1);
    for part in [
        "chainring-data/admin.sock: No such file",
        "/run/chainring/admin.sock: ",
        "`chainringd`",
        "--admin-socket",
    ] {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
}

#[test]
fn the_flag_goes_before_the_environment_before_the_folder() {
    let setup = Setup::new();
    setup.ok(&["volume", "create", "here"]);
    let other = setup.folder.path().join("other.sock");
    listen(&other);

    let mut command = setup.command(&["volume", "info", "here"]);
    let ran: Ran = command
        .env("CHAINRING_ADMIN_SOCKET", &other)
        .output()
        .unwrap()
        .into();
    assert!(ran.err.starts_with("VOLUME_NOT_FOUND "), "{ran:?}");

    let mut command = setup.command(&["volume", "info", "here"]);
    let ran: Ran = command
        .args(["--admin-socket", "chainring-data/admin.sock"])
        .env("CHAINRING_ADMIN_SOCKET", &other)
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.status, 0, "{ran:?}");

    let mut command = setup.command(&["status"]);
    let ran: Ran = command
        .env("CHAINRING_ADMIN_SOCKET", "/no/such.sock")
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.status, 1, "a named socket is the only one tried");
    assert!(!ran.err.contains("chainring-data"), "{ran:?}");
}

#[test]
fn help_and_completions_need_no_daemon() {
    let setup = Setup::new();
    std::fs::remove_dir_all(setup.folder.path().join("chainring-data")).unwrap();
    let help = setup.ok(&["--help"]);
    assert!(help.contains("chainring bucket link /vol1/bucket1 /s3v/common-bucket"));
    assert!(help.contains("CHAINRING_ADMIN_SOCKET"));
    assert!(setup.ok(&["bucket", "link", "--help"]).contains("--strict"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(setup.ok(&["completions", shell]).contains("chainring"));
    }
}
