//! Links: whether they lead anywhere, and the picture of them.

use crate::harness::Setup;

#[test]
fn a_check_shows_every_link_and_fails_when_one_is_not_ok() {
    let setup = Setup::with_bucket();
    assert_eq!(
        setup.ok(&["link", "check", "--table"]),
        "no links; `chainring bucket link SOURCE LINK` makes one\n"
    );
    assert_eq!(setup.ok(&["link", "check", "/vol1"]), "[ ]\n");
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/good"]);
    let good = "STATUS  LINK       WAY\nok      /s3v/good  /vol1/bucket1\n";
    assert_eq!(setup.ok(&["link", "check", "--table"]), good);
    assert_eq!(
        setup.ok(&["link", "check", "--bad", "--table"]),
        "no bad links\n"
    );

    setup.run(&["bucket", "link", "/vol1/none", "/s3v/bad"]);
    let ran = setup.run(&["link", "check", "--table"]);
    assert_eq!(ran.status, 1);
    assert_eq!(
        ran.out,
        "STATUS    LINK       WAY\n\
         dangling  /s3v/bad   /vol1/none\n\
         ok        /s3v/good  /vol1/bucket1\n"
    );
    assert_eq!(ran.err, "chainring: 1 of 2 links not ok: 1 dangling\n");
    let ran = setup.run(&["link", "check", "--bad", "/s3v"]);
    assert_eq!(ran.status, 1);
    assert_eq!(
        ran.out,
        r#"[ {
    "volumeName": "s3v",
    "name": "bad",
    "status": "dangling",
    "sourceVolume": "vol1",
    "sourceBucket": "none",
    "chain": [
      "/s3v/bad",
      "/vol1/none"
    ]
  } ]
"#
    );
    setup.ok(&["link", "check", "/vol1"]);
    setup.refused(&["link", "check", "/none"], "VOLUME_NOT_FOUND");
}

#[test]
fn a_check_reads_every_page() {
    let setup = Setup::with_bucket();
    let commands: String = (0..1100)
        .map(|n| format!("bucket link /vol1/bucket1 /s3v/link-{n:04}\n"))
        .collect();
    let ran = setup.run_with_input(&["batch", "-"], commands.as_bytes());
    assert_eq!(ran.status, 0, "{ran:?}");
    let table = setup.ok(&["link", "check", "--table"]);
    assert_eq!(table.lines().count(), 1101);
    let picture = setup.ok(&["link", "graph"]);
    assert_eq!(picture.matches(">link-").count(), 1100);
}

#[test]
fn a_graph_is_drawn_in_both_forms() {
    let setup = Setup::with_bucket();
    setup.ok(&["bucket", "create", "/vol1/alone"]);
    setup.ok(&["bucket", "link", "/vol1/bucket1", "/s3v/good"]);
    setup.run(&["bucket", "link", "/vol1/none", "/s3v/bad"]);
    let text = setup.ok(&["link", "graph", "--format", "dot"]);
    assert!(text.starts_with("digraph links {\n"), "{text}");
    for part in [
        "label=\"/s3v/bad\\ndangling\"",
        "label=\"/s3v/good\"",
        "label=\"/vol1/bucket1\"",
        "label=\"/vol1/none\\nmissing\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("alone"));
    assert!(
        setup
            .ok(&["link", "graph", "--all"])
            .contains(">alone</text>")
    );

    let read = |name: &str| std::fs::read_to_string(setup.folder.path().join(name)).unwrap();
    setup.ok(&["link", "graph", "/s3v", "--output", "links.svg"]);
    let picture = read("links.svg");
    assert!(picture.starts_with("<svg xmlns="), "{picture}");
    assert!(
        picture.contains("<title>Links of /s3v</title>"),
        "{picture}"
    );
    assert!(picture.contains("2 links, 1 bucket, 1 not ok"), "{picture}");
    setup.ok(&["link", "graph", "-o", "links.gv"]);
    assert_eq!(read("links.gv"), text);

    let ran = setup.run(&["link", "graph", "-o", "no/such/folder.svg"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.starts_with("chainring: no/such/folder.svg: "),
        "{ran:?}"
    );
    assert_eq!(setup.run(&["link", "graph", "--format", "png"]).status, 2);
}

#[test]
fn a_graph_of_nothing_says_so() {
    let setup = Setup::new();
    let ran = setup.run(&["link", "graph", "-o", "links.svg"]);
    assert_eq!(ran.status, 0);
    assert_eq!(ran.err, "warning: there are no links to draw\n");
    assert!(setup.ok(&["link", "graph"]).contains(">no links</text>"));
    setup.refused(&["link", "graph", "/none"], "VOLUME_NOT_FOUND");
}
