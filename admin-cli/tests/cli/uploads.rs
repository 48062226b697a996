//! `chainring upload ...`, and how long a bucket lets uploads rest.

use crate::harness::Setup;
use chainring_protocol::message::{BucketName, UploadInfo};

const HOUR: u64 = 3_600_000;
const BEGAN: u64 = 1_767_323_045_678;

/// Uploads of 1, 2 and 30 hours in two buckets.
fn with_uploads() -> Setup {
    let setup = Setup::with_bucket();
    setup.ok(&["bucket", "create", "/vol1/other"]);
    for (bucket, key, hours) in [
        ("bucket1", "a/b", 1),
        ("bucket1", "c", 30),
        ("other", "d", 2),
    ] {
        setup.daemon.add_upload(UploadInfo {
            bucket: BucketName::new("vol1", bucket),
            key: key.to_owned(),
            id: format!("{hours:048x}"),
            started: BEGAN,
            active: BEGAN + 1000,
            rested: hours * HOUR,
            parts: 2,
            bytes: 10 << 20,
            expires: (hours != 2).then_some(BEGAN + 168 * HOUR),
        });
    }
    setup
}

#[test]
fn uploads_are_listed_by_place_age_and_prefix() {
    let setup = with_uploads();
    let all = setup.ok(&["upload", "list", "--table"]);
    let id = format!("{:048x}", 1);
    assert_eq!(
        all.lines()
            .next()
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>(),
        ["AGE", "PARTS", "BYTES", "EXPIRES", "UPLOAD-ID", "KEY"]
    );
    let first: Vec<_> = all.lines().nth(1).unwrap().split_whitespace().collect();
    let wanted = [
        "1h",
        "0m",
        "2",
        "10.0",
        "MiB",
        "2026-01-09T03:04:05.678Z",
        &id,
        "/vol1/bucket1/a/b",
    ];
    assert_eq!(first, wanted);
    assert!(all.lines().nth(3).unwrap().contains(" never "), "{all}");
    for (arguments, keys) in [
        (&["/vol1"][..], &["a/b", "c", "d"][..]),
        (&["/vol1/bucket1"], &["a/b", "c"]),
        (&["--older-than", "90m"], &["c", "d"]),
        (&["--older-than", "90m", "/vol1/bucket1"], &["c"]),
        (&["--prefix", "a/"], &["a/b"]),
        (&["--length", "1"], &["a/b"]),
        (&["--older-than", "7d"], &[]),
    ] {
        let json = setup.ok(&[&["upload", "ls"][..], arguments].concat());
        let found: Vec<_> = json
            .lines()
            .filter_map(|line| line.trim().strip_prefix("\"keyName\": \""))
            .map(|rest| rest.trim_end_matches("\","))
            .collect();
        assert_eq!(found, keys, "{arguments:?}");
    }
    let start = format!("/vol1/bucket1/a/b/{id}");
    let json = setup.ok(&["upload", "list", "--start", &start]);
    assert!(!json.contains("a/b") && json.contains("\"c\""), "{json}");
}

#[test]
fn one_upload_or_all_of_an_age_are_ended() {
    let setup = with_uploads();
    let id = format!("{:048x}", 1);
    setup.ok(&["upload", "abort", "/vol1/bucket1/a/b", &id]);
    setup.refused(
        &["upload", "abort", "/vol1/bucket1/a/b", &id],
        "NO_SUCH_MULTIPART_UPLOAD_ERROR",
    );
    setup.ok(&["upload", "abort", "--older-than", "24h", "/vol1"]);
    let left = setup.ok(&["upload", "list"]);
    assert!(left.contains("\"d\"") && !left.contains("\"c\""), "{left}");
    setup.ok(&["upload", "abort", "--older-than", "1h", "/vol1/other"]);
    assert_eq!(setup.ok(&["upload", "list"]), "[ ]\n");
}

#[test]
fn half_of_an_abort_is_wrong_usage() {
    let setup = with_uploads();
    for arguments in [
        &["upload", "abort"][..],
        &["upload", "abort", "/vol1/bucket1/a/b"],
        &[
            "upload",
            "abort",
            "/vol1/bucket1/a/b",
            "12",
            "--older-than",
            "1h",
        ],
        &["upload", "abort", "/vol1/bucket1/key", "--older-than", "1h"],
        &["upload", "abort", "--older-than", "soon"],
        &["upload", "abort", "/vol1/bucket1", "12"],
    ] {
        assert_eq!(setup.run(arguments).status, 2, "{arguments:?}");
    }
    assert_eq!(setup.ok(&["upload", "list"]).matches("keyName").count(), 3);
}

#[test]
fn a_bucket_says_how_long_uploads_may_rest() {
    let setup = Setup::with_bucket();
    let update = |text| {
        setup.ok(&[
            "bucket",
            "update",
            "/vol1/bucket1",
            "--expire-uploads",
            text,
        ])
    };
    let shown = || setup.ok(&["bucket", "info", "/vol1/bucket1", "--table"]);
    assert!(
        shown().contains("uploads expire   as the daemon says"),
        "{}",
        shown()
    );
    for (text, words) in [
        ("36h", "uploads expire   after 1d 12h"),
        ("off", "uploads expire   never"),
        ("default", "uploads expire   as the daemon says"),
    ] {
        update(text);
        assert!(shown().contains(words), "{}", shown());
    }
    for arguments in [
        &[][..],
        &["--expire-uploads", "never"],
        &["--expire-uploads", "0d"],
    ] {
        let command = [&["bucket", "update", "/vol1/bucket1"][..], arguments].concat();
        assert_eq!(setup.run(&command).status, 2, "{arguments:?}");
    }
}
