//! What links say, where they lead, and their history.

use crate::harness::Setup;

#[test]
fn what_a_link_says_is_shown() {
    let setup = Setup::with_bucket();
    let link = [
        "bucket",
        "link",
        "/vol1/bucket1",
        "/s3v/link",
        "--read-only",
        "--prefix",
        "logs/",
        "--expires",
        "2099-12-31",
        "--bind",
        "id",
        "--delegate",
        "--json",
    ];
    let json = setup.ok(&link);
    for part in [
        "\"readOnly\": true,",
        "\"prefix\": \"logs/\",",
        "\"expirationTime\": \"2099-12-31T00:00:00.000Z\",",
        "\"boundBucketId\": 7,",
        "\"delegated\": true,",
        "\"grantor\": \"root\",",
    ] {
        assert!(json.contains(part), "{part}: {json}");
    }
    let card = setup.ok(&["bucket", "info", "/s3v/link", "--table"]);
    let options = "options     read-only, prefix logs/, expires 2099-12-31T00:00:00.000Z, bound to bucket \
                   7, delegated by root\n";
    assert!(card.contains(options), "{card}");
    assert!(card.contains("status      ok\n"), "{card}");
    assert!(card.contains("resolved    /vol1/bucket1\n"), "{card}");

    let json = setup.ok(&["link", "revoke", "/s3v/link", "--json"]);
    assert!(json.contains("\"delegated\": false"), "{json}");
}

#[test]
fn an_expiry_is_a_time_to_come_or_a_duration() {
    let setup = Setup::with_bucket();
    setup.ok(&[
        "bucket",
        "link",
        "/vol1/bucket1",
        "/s3v/l1",
        "--expires",
        "7d",
    ]);
    for wrong in ["2001-01-01", "7", "soon", "1.5d", "2099-02-30"] {
        let args = [
            "bucket",
            "link",
            "/vol1/bucket1",
            "/s3v/l2",
            "--expires",
            wrong,
        ];
        assert_eq!(setup.run(&args).status, 2, "{wrong}");
    }
    let args = ["bucket", "link", "/vol1/bucket1", "/s3v/l2", "--prefix", ""];
    assert_eq!(setup.run(&args).status, 2);
}

fn with_links() -> Setup {
    let setup = Setup::with_bucket();
    setup.ok(&["volume", "create", "/vol2"]);
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/l1"]);
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/vol2/l2", "--read-only"]);
    setup.run(&["bucket", "link", "/vol1/none", "/vol2/l3"]);
    setup
}

#[test]
fn links_of_all_volumes_are_listed_and_narrowed() {
    let setup = with_links();
    assert_eq!(
        setup.ok(&["link", "list", "--table"]),
        "LINK      LINK TO        STATUS    OWNER  OPTIONS\n\
         /s3v/l1   /vol1/bucket1  ok        root\n\
         /vol2/l2  /vol1/bucket1  ok        root   read-only\n\
         /vol2/l3  /vol1/none     dangling  root\n"
    );
    let names = |args: &[&str]| {
        let table = setup.ok(&[&["link", "list", "--table"], args].concat());
        let rows = table.lines().skip(1);
        rows.map(|row| row.split(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&["--source", "/vol1/bucket1"]),
        ["/s3v/l1", "/vol2/l2"]
    );
    assert_eq!(names(&["--status", "dangling"]), ["/vol2/l3"]);
    assert_eq!(names(&["--volume", "/vol2"]), ["/vol2/l2", "/vol2/l3"]);
    assert_eq!(names(&["--start", "/s3v/l1", "-l", "1"]), ["/vol2/l2"]);
    assert_eq!(setup.run(&["link", "list", "--status", "fine"]).status, 2);
    let json = setup.ok(&["link", "ls"]);
    assert!(json.contains("\"resolvedBucket\": \"bucket1\""), "{json}");
}

#[test]
fn what_went_through_links_is_shown_when_asked_for() {
    let setup = with_links();
    let table = setup.ok(&["link", "list", "--stats", "--table", "-l", "1"]);
    assert_eq!(
        table,
        "LINK     LINK TO        STATUS  REQUESTS  ERRORS       IN      OUT  LAST USED\n\
         /s3v/l1  /vol1/bucket1  ok            12       1  4.0 KiB  1.5 MiB  2026-01-02T03:04:05.678Z\n"
    );
    let json = setup.ok(&["link", "list", "--stats"]);
    assert!(json.contains("\"bytesOut\": 1572864,"), "{json}");
    assert!(!setup.ok(&["link", "list"]).contains("bytesOut"));
}

#[test]
fn a_link_is_pointed_elsewhere_and_back() {
    let setup = with_links();
    setup.ok(&["bucket", "create", "/vol1/green"]);
    let ran = setup.run(&[
        "link",
        "set-source",
        "/s3v/l1",
        "/vol1/green",
        "--expect",
        "/vol1/blue",
    ]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.starts_with("LINK_CHANGED "), "{ran:?}");
    setup.refused(
        &[
            "link",
            "set-source",
            "/s3v/l1",
            "/vol1/green",
            "--expect-generation",
            "9",
        ],
        "LINK_CHANGED",
    );
    let switch = [
        "link",
        "set-source",
        "/s3v/l1",
        "/vol1/green",
        "--expect",
        "/vol1/bucket1",
        "--json",
    ];
    let json = setup.ok(&switch);
    assert!(json.contains("\"generation\": 2"), "{json}");
    assert_eq!(
        setup.ok(&["link", "history", "/s3v/l1", "--table"]),
        "GENERATION  SOURCE         SINCE                     BY    OPTIONS\n\
         \u{20}        1  /vol1/bucket1  2026-01-02T03:04:05.678Z  root\n\
         \u{20}        2  /vol1/green    2026-01-02T03:04:05.678Z  root\n"
    );
    assert!(
        setup
            .ok(&["link", "rollback", "/s3v/l1", "--json"])
            .contains("\"generation\": 3")
    );
    let history = setup.ok(&["link", "history", "/s3v/l1"]);
    assert_eq!(
        history.matches("\"sourceBucket\": \"bucket1\"").count(),
        2,
        "{history}"
    );
    let ran = setup.run(&["link", "rollback", "/s3v/l1", "--to", "99"]);
    assert!(ran.err.starts_with("INVALID_REQUEST "), "{ran:?}");
    setup.refused(&["link", "history", "/s3v/nope"], "BUCKET_NOT_FOUND");

    let ran = setup.run(&["link", "set-source", "/s3v/l1", "/vol1/none"]);
    assert_eq!(ran.status, 0);
    assert!(
        ran.err.starts_with("warning: /vol1/none does not lead"),
        "{ran:?}"
    );
}
