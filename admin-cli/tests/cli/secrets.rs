//! Users and secrets, and the login over TCP.

use crate::harness::{Ran, Setup, listen_tcp};

#[test]
fn a_secret_is_shown_once() {
    let setup = Setup::new();
    assert_eq!(
        setup.ok(&["user", "create", "alice"]),
        "awsAccessKey=alice\nawsSecret=generated-secret\n"
    );
    let ran = setup.run(&["s3", "getsecret", "alice"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.starts_with("S3_SECRET_ALREADY_EXISTS "), "{ran:?}");
    assert!(ran.err.contains("setsecret --generate"), "{ran:?}");
    setup.ok(&["s3", "revokesecret", "alice"]);
    setup.refused(
        &["s3", "revokesecret", "-y", "-u", "alice"],
        "S3_SECRET_NOT_FOUND",
    );
    assert_eq!(
        setup.ok(&["s3", "getsecret", "-u", "alice", "--export"]),
        "export AWS_ACCESS_KEY_ID='alice'\nexport AWS_SECRET_ACCESS_KEY='generated-secret'\n"
    );
    assert!(!setup.ok(&["user", "list"]).contains("generated-secret"));
    setup.ok(&["user", "delete", "alice"]);
    setup.refused(&["s3", "getsecret", "alice"], "USER_NOT_FOUND");
}

#[test]
fn a_secret_that_was_given_is_not_shown() {
    let setup = Setup::new();
    let create = [
        "user",
        "create",
        "bob",
        "--access-key",
        "BOB",
        "--secret-key",
        "s3cr3t-of-bob",
    ];
    assert_eq!(setup.ok(&create), "awsAccessKey=BOB\n");
    setup.refused(&create, "USER_ALREADY_EXISTS");
    let ran = setup.run_with_input(&["s3", "setsecret", "bob"], b"another\n");
    assert_eq!((ran.status, ran.out.as_str()), (0, "awsAccessKey=bob\n"));
    let ran = setup.run_with_input(&["s3", "setsecret", "bob"], b"");
    assert_eq!(ran.status, 2, "{ran:?}");
}

#[test]
fn a_secret_is_rotated_with_the_old_one_good_for_a_while() {
    let setup = Setup::new();
    setup.ok(&["user", "create", "alice"]);
    let new = [
        "s3",
        "setsecret",
        "alice",
        "--generate",
        "--keep-old",
        "24h",
    ];
    assert_eq!(
        setup.ok(&new),
        "awsAccessKey=alice\nawsSecret=generated-secret\n"
    );
    let list = setup.ok(&["user", "list"]);
    assert!(
        list.contains("\"oldSecretUntil\": \"2026-01-03T03:04:05.678Z\""),
        "{list}"
    );
    assert_eq!(
        setup.ok(&[
            "s3",
            "setsecret",
            "-u",
            "alice",
            "-s",
            "chosen-secret",
            "-e"
        ]),
        "export AWS_ACCESS_KEY_ID='alice'\n"
    );
    assert!(
        setup
            .ok(&["s3", "getsecret", "alice", "--new"])
            .contains("awsSecret=")
    );
    for wrong in ["24", "0h", "tomorrow"] {
        let args = ["s3", "setsecret", "alice", "-g", "--keep-old", wrong];
        assert_eq!(setup.run(&args).status, 2, "{wrong}");
    }
}

#[test]
fn users_are_put_into_groups() {
    let setup = Setup::new();
    setup.ok(&["user", "create", "alice", "--group", "eng", "-g", "ops,web"]);
    let table = setup.ok(&["user", "list", "--table"]);
    assert!(
        table.contains("alice  alice        eng, ops, web  no"),
        "{table}"
    );
    let json = setup.ok(&["user", "update", "alice", "--group", "web", "--json"]);
    assert!(json.contains("\"groups\": [\n    \"web\"\n  ]"), "{json}");
    let json = setup.ok(&["user", "update", "alice", "--no-groups", "--json"]);
    assert!(json.contains("\"groups\": []"), "{json}");
    assert_eq!(setup.run(&["user", "update", "alice"]).status, 2);
    setup.refused(
        &["user", "update", "bob", "--group", "web"],
        "USER_NOT_FOUND",
    );
}

#[test]
fn revoking_nobody_in_particular_needs_a_yes() {
    let setup = Setup::new();
    assert_eq!(setup.run(&["s3", "revokesecret"]).status, 2);
    setup.refused(&["s3", "revokesecret", "--yes"], "USER_NOT_FOUND");
}

fn over_tcp(setup: &Setup, address: &str, secret: &str, args: &[&str]) -> Ran {
    let mut command = setup.command(args);
    command
        .args(["--tcp", address, "--key-id", "admin"])
        .env("CHAINRING_SECRET_KEY", secret);
    command.output().unwrap().into()
}

#[test]
fn tcp_needs_the_right_login_and_carries_no_secret() {
    let setup = Setup::new();
    let address = listen_tcp("admin", "right");
    let ran = over_tcp(&setup, &address, "right", &["volume", "create", "/vol9"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let ran = over_tcp(&setup, &address, "wrong", &["volume", "list"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.starts_with("PERMISSION_DENIED "), "{ran:?}");
    let ran = over_tcp(&setup, &address, "right", &["s3", "getsecret", "alice"]);
    assert!(ran.err.starts_with("PERMISSION_DENIED "), "{ran:?}");
    let ran = setup.run(&["status", "--tcp", &address]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.err.contains("CHAINRING_ACCESS_KEY"), "{ran:?}");
}
