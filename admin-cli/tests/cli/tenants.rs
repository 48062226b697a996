//! Tenants and their access ids.

use crate::harness::Setup;

fn with_tenant() -> Setup {
    let setup = Setup::with_bucket();
    setup.ok(&["tenant", "create", "tenant1"]);
    setup
}

#[test]
fn tenants_are_created_shown_and_deleted() {
    let setup = with_tenant();
    setup.refused(&["tenant", "create", "tenant1"], "TENANT_ALREADY_EXISTS");
    setup.refused(&["tenant", "create", "vol1"], "VOLUME_ALREADY_EXISTS");
    setup.ok(&["tenant", "create", "vol1", "--force"]);
    assert_eq!(
        setup.ok(&["tenant", "list", "--table"]),
        "TENANT   USERS  BUCKETS  OWNER  CREATED\n\
         tenant1      0        0  root   2026-01-02T03:04:05.678Z\n\
         vol1         0        1  root   2026-01-02T03:04:05.678Z\n"
    );
    let json = setup.ok(&["tenant", "info", "tenant1"]);
    assert!(json.contains("\"tenantId\": \"tenant1\","), "{json}");
    assert!(
        json.contains("\"bucketNamespaceName\": \"tenant1\","),
        "{json}"
    );
    let json = setup.ok(&["volume", "info", "/tenant1"]);
    assert!(json.contains("\"tenant\": true"), "{json}");

    setup.ok(&["tenant", "user", "assign", "alice", "--tenant", "tenant1"]);
    setup.refused(&["tenant", "delete", "tenant1"], "TENANT_NOT_EMPTY");
    setup.ok(&["tenant", "user", "revoke", "tenant1$alice"]);
    setup.ok(&["tenant", "delete", "tenant1"]);
    setup.refused(&["tenant", "info", "tenant1"], "TENANT_NOT_FOUND");
}

#[test]
fn users_get_access_ids_and_become_administrators() {
    let setup = with_tenant();
    assert_eq!(
        setup.ok(&["tenant", "user", "assign", "alice", "bob", "-t", "tenant1"]),
        "export AWS_ACCESS_KEY_ID='tenant1$alice'\n\
         export AWS_SECRET_ACCESS_KEY='generated-secret'\n\
         export AWS_ACCESS_KEY_ID='tenant1$bob'\n\
         export AWS_SECRET_ACCESS_KEY='generated-secret'\n"
    );
    setup.refused(
        &["tenant", "user", "assign", "alice", "-t", "tenant1"],
        "TENANT_USER_ACCESS_ID_ALREADY_EXISTS",
    );
    setup.refused(
        &["tenant", "user", "assign", "alice", "-t", "nope"],
        "TENANT_NOT_FOUND",
    );
    let several = [
        "tenant", "user", "assign", "x", "y", "-t", "tenant1", "-a", "z",
    ];
    assert_eq!(setup.run(&several).status, 2);

    setup.ok(&[
        "tenant",
        "user",
        "assignadmin",
        "tenant1$alice",
        "--delegated",
    ]);
    setup.ok(&[
        "tenant",
        "user",
        "assign-admin",
        "tenant1$bob",
        "--delegated=false",
    ]);
    assert_eq!(
        setup.ok(&["tenant", "user", "list", "tenant1", "--table"]),
        "USER   ACCESS ID      ROLE\n\
         alice  tenant1$alice  delegated admin\n\
         bob    tenant1$bob    admin\n"
    );
    setup.ok(&[
        "tenant",
        "user",
        "revokeadmin",
        "tenant1$bob",
        "--tenant",
        "tenant1",
    ]);
    let other = [
        "tenant",
        "user",
        "revokeadmin",
        "tenant1$bob",
        "--tenant",
        "vol1",
    ];
    assert_eq!(setup.run(&other).status, 2);
    assert_eq!(
        setup.ok(&["tenant", "user", "info", "bob"]),
        r#"{
  "user": "bob",
  "tenants": [
    {
      "user": "bob",
      "accessId": "tenant1$bob",
      "tenantId": "tenant1",
      "isAdmin": false,
      "isDelegatedAdmin": false
    }
  ]
}
"#
    );
    setup.refused(
        &["tenant", "user", "revoke", "tenant1$eve"],
        "ACCESS_ID_NOT_FOUND",
    );
}

#[test]
fn secrets_of_access_ids_are_set_but_not_shown_again() {
    let setup = with_tenant();
    setup.ok(&["tenant", "user", "assign", "alice", "-t", "tenant1"]);
    setup.refused(
        &["tenant", "user", "getsecret", "tenant1$alice"],
        "S3_SECRET_ALREADY_EXISTS",
    );
    let ran = setup.run_with_input(
        &[
            "tenant",
            "user",
            "setsecret",
            "tenant1$alice",
            "--keep-old",
            "1h",
        ],
        b"another-secret\n",
    );
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (0, "awsAccessKey=tenant1$alice\n")
    );
    let made = ["tenant", "user", "set-secret", "tenant1$alice", "-g", "-e"];
    assert!(
        setup
            .ok(&made)
            .contains("export AWS_SECRET_ACCESS_KEY='generated-secret'\n")
    );
}

#[test]
fn a_bucket_is_shown_to_a_tenant() {
    let setup = with_tenant();
    let link = [
        "tenant",
        "linkbucket",
        "/vol1/bucket1",
        "/tenant1/bucket1",
        "--delegate",
        "--json",
    ];
    assert!(setup.ok(&link).contains("\"delegated\": true"));
}
