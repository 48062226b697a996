//! Owners, quotas and access lists.

use crate::harness::Setup;

#[test]
fn quotas_are_set_shown_and_lifted() {
    let setup = Setup::with_bucket();
    setup.ok(&[
        "volume",
        "create",
        "/vol2",
        "--space-quota",
        "10TB",
        "--namespace-quota",
        "100",
    ]);
    let info = setup.ok(&["volume", "info", "/vol2", "--table"]);
    assert!(info.contains("space quota        10.0 TiB\n"), "{info}");
    assert!(info.contains("namespace quota    100\n"), "{info}");

    setup.ok(&[
        "bucket",
        "setquota",
        "/vol1/bucket1",
        "--space-quota",
        "512MB",
    ]);
    let json = setup.ok(&["bucket", "setquota", "/vol1/bucket1", "-n", "7", "--json"]);
    assert!(json.contains("\"quotaInBytes\": 536870912,"), "{json}");
    assert!(json.contains("\"quotaInNamespace\": 7,"), "{json}");
    let json = setup.ok(&[
        "bucket",
        "clrquota",
        "/vol1/bucket1",
        "--space-quota",
        "--json",
    ]);
    assert!(json.contains("\"quotaInBytes\": -1,"), "{json}");
    assert!(json.contains("\"quotaInNamespace\": 7,"), "{json}");
    let json = setup.ok(&["volume", "setquota", "/vol1", "--quota", "1GB", "--json"]);
    assert!(json.contains("\"quotaInBytes\": 1073741824,"), "{json}");
    let json = setup.ok(&["volume", "clrquota", "/vol1", "-s", "-n", "--json"]);
    assert!(json.contains("\"quotaInBytes\": -1,"), "{json}");
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/link"]);
    setup.refused(
        &["bucket", "setquota", "/s3v/link", "-s", "1GB"],
        "NOT_SUPPORTED_OPERATION",
    );
}

#[test]
fn a_quota_is_a_whole_number_of_something() {
    let setup = Setup::with_bucket();
    for wrong in ["1.5GB", "0", "-1", "many", "1 GB"] {
        let args = [
            "bucket",
            "setquota",
            "/vol1/bucket1",
            "--space-quota",
            wrong,
        ];
        let ran = setup.run(&args);
        assert_eq!(ran.status, 2, "{ran:?}");
    }
    let ran = setup.run(&["volume", "setquota", "/vol1", "--space-quota", "1.5GB"]);
    assert!(ran.err.contains("1.5GB is invalid"), "{ran:?}");
    // Neither which one to set nor which one to lift.
    assert_eq!(setup.run(&["volume", "setquota", "/vol1"]).status, 2);
    assert_eq!(
        setup.run(&["bucket", "clrquota", "/vol1/bucket1"]).status,
        2
    );
}

#[test]
fn owners_and_protection_are_changed() {
    let setup = Setup::with_bucket();
    let json = setup.ok(&["volume", "update", "/vol1", "--user", "bob", "--json"]);
    assert!(json.contains("\"owner\": \"bob\""), "{json}");
    let names = setup.ok(&["volume", "list", "--user", "bob", "--table"]);
    assert_eq!(names.lines().count(), 2, "{names}");
    assert!(names.contains("\nvol1 "), "{names}");

    let json = setup.ok(&["bucket", "update", "/vol1/bucket1", "-u", "bob", "--json"]);
    assert!(json.contains("\"owner\": \"bob\""), "{json}");
    let json = setup.ok(&["bucket", "update", "--protected", "/vol1/bucket1", "--json"]);
    assert!(json.contains("\"protected\": true"), "{json}");
    let json = setup.ok(&[
        "bucket",
        "update",
        "/vol1/bucket1",
        "--protected=false",
        "--json",
    ]);
    assert!(json.contains("\"protected\": false"), "{json}");
    assert_eq!(setup.run(&["bucket", "update", "/vol1/bucket1"]).status, 2);

    let json = setup.ok(&["bucket", "create", "/vol1/kept", "--protected", "--json"]);
    assert!(json.contains("\"protected\": true"), "{json}");
}

#[test]
fn an_administrator_acts_as_a_user() {
    let setup = Setup::new();
    setup.ok(&["volume", "create", "/vol1"]);
    let json = setup.ok(&["bucket", "create", "/vol1/hers", "--as", "alice", "--json"]);
    assert!(json.contains("\"owner\": \"alice\""), "{json}");
}

#[test]
fn an_access_list_prints_as_ozone_prints_it() {
    let setup = Setup::with_bucket();
    let acl = [
        "bucket",
        "addacl",
        "/vol1/bucket1",
        "--acl",
        "user:bob:rl,world::r[DEFAULT]",
    ];
    assert_eq!(setup.ok(&acl), "");
    assert_eq!(
        setup.ok(&["bucket", "getacl", "/vol1/bucket1"]),
        r#"[
  {
    "type": "USER",
    "name": "bob",
    "aclScope": "ACCESS",
    "aclList": [
      "READ",
      "LIST"
    ]
  },
  {
    "type": "WORLD",
    "name": "WORLD",
    "aclScope": "DEFAULT",
    "aclList": [
      "READ"
    ]
  }
]
"#
    );
    assert_eq!(
        setup.ok(&["bucket", "getacl", "/vol1/bucket1", "--table"]),
        "bucket  /vol1/bucket1\n\
         owner   root\n\
         rule    user:bob:rl[ACCESS]  READ LIST\n\
         rule    world::r[DEFAULT]  READ\n"
    );
    setup.ok(&["bucket", "removeacl", "/vol1/bucket1", "-a", "user:bob:rl"]);
    setup.ok(&[
        "bucket",
        "setacl",
        "/vol1/bucket1",
        "-a",
        "group:eng:a",
        "-a",
        "anonymous::r",
    ]);
    let table = setup.ok(&["bucket", "getacl", "/vol1/bucket1", "--table"]);
    assert!(table.contains("group:eng:a[ACCESS]  ALL\n"), "{table}");
    assert!(!table.contains("world"), "{table}");
    setup.refused(
        &["bucket", "addacl", "/vol1/bucket1", "-a", "nonsense"],
        "INVALID_REQUEST",
    );
    assert_eq!(setup.run(&["bucket", "addacl", "/vol1/bucket1"]).status, 2);
}

#[test]
fn a_link_has_an_access_list_of_its_own() {
    let setup = Setup::with_bucket();
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/link"]);
    setup.ok(&["bucket", "addacl", "/s3v/link", "-a", "user:on-link:r"]);
    setup.ok(&[
        "bucket",
        "addacl",
        "/s3v/link",
        "--source",
        "-a",
        "user:on-source:r",
    ]);
    let own = setup.ok(&["bucket", "getacl", "/s3v/link", "--table"]);
    assert!(
        own.starts_with("bucket  /s3v/link\n") && own.contains("on-link"),
        "{own}"
    );
    assert!(!own.contains("on-source"), "{own}");
    let source = setup.ok(&["bucket", "getacl", "/s3v/link", "--source", "--table"]);
    assert!(source.starts_with("bucket  /vol1/bucket1\n"), "{source}");
    assert!(
        source.contains("on-source") && !source.contains("on-link"),
        "{source}"
    );
}

#[test]
fn volumes_keys_and_prefixes_have_access_lists_too() {
    let setup = Setup::with_bucket();
    setup.ok(&["key", "addacl", "/vol1/bucket1/a/b", "-a", "user:bob:r"]);
    let table = setup.ok(&["key", "getacl", "/vol1/bucket1/a/b", "--table"]);
    assert!(table.starts_with("key    /vol1/bucket1/a/b\n"), "{table}");
    setup.ok(&["volume", "setacl", "/vol1", "--acls", "world::rcl"]);
    let table = setup.ok(&["volume", "getacl", "/vol1", "--table"]);
    assert!(
        table.contains("world::rcl[ACCESS]  READ CREATE LIST\n"),
        "{table}"
    );
    setup.ok(&[
        "prefix",
        "addacl",
        "/vol1/bucket1/logs/",
        "-a",
        "user:bob:r",
    ]);
    let table = setup.ok(&["prefix", "getacl", "/vol1/bucket1/logs/", "--table"]);
    assert!(
        table.starts_with("prefix  /vol1/bucket1/logs/\n"),
        "{table}"
    );
    assert_eq!(setup.run(&["prefix", "getacl", "/vol1/bucket1"]).status, 2);
}
