//! Volumes, buckets, links and the status.

use crate::harness::Setup;

#[test]
fn the_readme_scene() {
    let setup = Setup::new();
    setup.ok(&["volume", "create", "/vol1"]);
    setup.ok(&["bucket", "create", "/vol1/bucket1"]);
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/common-bucket"]);
    let table = setup.ok(&["bucket", "list", "/s3v", "--table"]);
    assert_eq!(
        table,
        "NAME           OBJECTS  BYTES  OWNER  CREATED                   LINK TO        STATUS\n\
         common-bucket        -      -  root   2026-01-02T03:04:05.678Z  /vol1/bucket1  ok\n"
    );
}

#[test]
fn json_has_the_names_that_ozone_prints() {
    let setup = Setup::with_bucket();
    assert_eq!(
        setup.ok(&["volume", "info", "vol1"]),
        r#"{
  "name": "vol1",
  "owner": "root",
  "quotaInBytes": -1,
  "quotaInNamespace": -1,
  "usedNamespace": 1,
  "creationTime": "2026-01-02T03:04:05.678Z",
  "modificationTime": "2026-01-02T03:04:05.678Z",
  "tenant": false,
  "refCount": 0
}
"#
    );
    assert_eq!(
        setup.ok(&["bucket", "info", "/vol1/bucket1"]),
        r#"{
  "volumeName": "vol1",
  "name": "bucket1",
  "versioning": false,
  "usedBytes": 0,
  "usedNamespace": 0,
  "creationTime": "2026-01-02T03:04:05.678Z",
  "modificationTime": "2026-01-02T03:04:05.678Z",
  "quotaInBytes": -1,
  "quotaInNamespace": -1,
  "bucketLayout": "OBJECT_STORE",
  "owner": "root",
  "link": false,
  "protected": false
}
"#
    );
    let link = setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/b1", "--json"]);
    assert_eq!(
        link,
        r#"{
  "volumeName": "s3v",
  "bucketName": "b1",
  "name": "b1",
  "sourceVolume": "vol1",
  "sourceBucket": "bucket1",
  "creationTime": "2026-01-02T03:04:05.678Z",
  "modificationTime": "2026-01-02T03:04:05.678Z",
  "owner": "root",
  "link": true,
  "status": "ok",
  "resolvedVolume": "vol1",
  "resolvedBucket": "bucket1",
  "chain": [
    "/s3v/b1",
    "/vol1/bucket1"
  ],
  "generation": 1,
  "readOnly": false,
  "delegated": false
}
"#
    );
    assert_eq!(setup.ok(&["bucket", "info", "/s3v/b1"]), link);
}

#[test]
fn a_list_in_a_pipe_is_one_json_array() {
    let setup = Setup::with_bucket();
    let volumes = setup.ok(&["volume", "list"]);
    assert!(
        volumes.starts_with("[ {\n    \"name\": \"s3v\""),
        "{volumes}"
    );
    assert!(
        volumes.contains("  }, {\n    \"name\": \"vol1\""),
        "{volumes}"
    );
    assert!(volumes.ends_with("} ]\n"), "{volumes}");
    assert_eq!(setup.ok(&["bucket", "list", "/s3v"]), "[ ]\n");
    assert_eq!(
        setup.ok(&["bucket", "list", "/s3v", "--table"]),
        "no such buckets in /s3v; create one with `chainring bucket create /s3v/BUCKET`\n"
    );
}

#[test]
fn a_list_can_be_narrowed() {
    let setup = Setup::new();
    for name in ["a1", "a2", "a3", "b1"] {
        setup.ok(&["volume", "create", name]);
    }
    let names = |args: &[&str]| {
        let table = setup.ok(&[&["volume", "list", "--table"], args].concat());
        let rows = table.lines().skip(1);
        rows.map(|row| row.split(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&["--prefix", "a"]), ["a1", "a2", "a3"]);
    assert_eq!(names(&["--start", "a2"]), ["a3", "b1", "s3v"]);
    assert_eq!(names(&["--length", "2"]), ["a1", "a2"]);
    assert_eq!(names(&["-p", "a", "-s", "a1", "-l", "1"]), ["a2"]);
}

#[test]
fn a_dangling_link_is_made_with_a_warning() {
    let setup = Setup::new();
    let ran = setup.run(&["bucket", "link", "/s3v/missing", "/s3v/link"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(
        ran.err.starts_with("warning: /s3v/missing does not lead"),
        "{ran:?}"
    );
    assert!(
        setup
            .ok(&["bucket", "info", "/s3v/link"])
            .contains("\"status\": \"dangling\"")
    );
    let table = setup.ok(&["bucket", "list", "s3v", "--table"]);
    assert!(table.contains("/s3v/missing  dangling\n"), "{table}");
    setup.refused(
        &["bucket", "link", "--strict", "/s3v/missing", "/s3v/link2"],
        "BUCKET_NOT_FOUND",
    );
}

#[test]
fn deleting_a_source_names_the_links_that_dangle_now() {
    let setup = Setup::with_bucket();
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/l1"]);
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/l2"]);
    setup.ok(&["bucket", "delete", "/s3v/l1"]);
    let ran = setup.run(&["bucket", "delete", "/vol1/bucket1"]);
    assert_eq!(ran.status, 0);
    assert_eq!(ran.err, "warning: link /s3v/l2 dangles now\n");
}

#[test]
fn refusals_say_code_and_message_on_standard_error() {
    let setup = Setup::with_bucket();
    setup.refused(&["volume", "create", "/vol1"], "VOLUME_ALREADY_EXISTS");
    setup.refused(&["volume", "delete", "/vol1"], "VOLUME_NOT_EMPTY");
    setup.refused(&["volume", "info", "/nope"], "VOLUME_NOT_FOUND");
    setup.refused(&["bucket", "list", "/nope"], "VOLUME_NOT_FOUND");
    setup.refused(
        &["bucket", "create", "/vol1/bucket1"],
        "BUCKET_ALREADY_EXISTS",
    );
    setup.refused(&["bucket", "info", "/vol1/nope"], "BUCKET_NOT_FOUND");
    let ran = setup.run(&["bucket", "info", "/vol1/nope"]);
    let lines: Vec<_> = ran.err.lines().collect();
    assert_eq!(lines[0], "BUCKET_NOT_FOUND no bucket /vol1/nope");
    assert!(lines[1].starts_with("hint: "), "{ran:?}");
}

#[test]
fn the_status_names_what_is_wrong() {
    let setup = Setup::new();
    let table = setup.ok(&["status", "--table"]);
    assert!(
        table.contains("chainringd 0.0.0, process 42, up 1m 1s"),
        "{table}"
    );
    assert!(
        table.contains("WARNING      shard 1 is read-only"),
        "{table}"
    );
    let json = setup.ok(&["status"]);
    assert!(
        json.contains("\"s3Endpoint\": \"http://127.0.0.1:9878\""),
        "{json}"
    );
    assert!(
        json.contains("\"store\": \"07070707-0707-0707-0707-070707070707\""),
        "{json}"
    );
}
