//! Graphs: what is in them, and that nothing in the picture lies over anything else.

use super::layout::{BOX_HEIGHT, Layout, Path, layout};
use super::{Graph, Kind, Links, dot, svg};
use chainring_protocol::message::{
    BucketInfo, BucketName, Delegation, LinkInfo, LinkStatus, Versioning,
};

fn name(text: &str) -> BucketName {
    let (volume, bucket) = text.split_once('/').unwrap();
    BucketName::new(volume, bucket)
}

/// A link as the daemon describes it: `chain` begins with the link itself.
fn link(chain: &[&str], status: LinkStatus) -> BucketInfo {
    let chain: Vec<BucketName> = chain.iter().map(|text| name(text)).collect();
    BucketInfo {
        bucket: chain[0].clone(),
        owner: "alice".to_owned(),
        created: 0,
        modified: 0,
        id: 0,
        link: Some(LinkInfo {
            source: chain[1].clone(),
            status,
            resolved: (status == LinkStatus::Ok).then(|| chain[chain.len() - 1].clone()),
            chain,
            generation: 1,
            read_only: false,
            prefix: None,
            expires: None,
            bind: None,
            delegate: None,
            stats: None,
        }),
        versioning: Versioning::Unversioned,
        used_bytes: None,
        used_namespace: None,
        quota_in_bytes: None,
        quota_in_namespace: None,
        protected: false,
        expire_uploads: None,
    }
}

fn ok(chain: &[&str]) -> BucketInfo {
    link(chain, LinkStatus::Ok)
}

fn of(links: Vec<BucketInfo>) -> Graph {
    Links::new(links, None).graph(&[])
}

fn words(graph: &Graph) -> Vec<String> {
    let nodes = graph.nodes.iter();
    nodes
        .map(|node| format!("{} {}", node.name, node.word()))
        .collect()
}

/// Boxes do not touch, arrows go from box to box, and all is inside the picture.
fn check(graph: &Graph) -> Layout {
    let places = layout(graph);
    for (at, one) in places.boxes.iter().enumerate() {
        assert!(one.x >= 0.0 && one.x + one.width <= places.width);
        assert!(one.y >= BOX_HEIGHT / 2.0 && one.y + BOX_HEIGHT / 2.0 <= places.height);
        for other in &places.boxes[at + 1..] {
            let apart = one.x + one.width < other.x
                || other.x + other.width < one.x
                || (one.y - other.y).abs() > BOX_HEIGHT;
            assert!(apart, "{} and {}", one.id, other.id);
        }
    }
    let links = graph
        .nodes
        .iter()
        .filter(|node| node.next.is_some())
        .count();
    assert_eq!(places.arrows.len(), links);
    for arrow in &places.arrows {
        let (Path::Ahead { from, to, .. } | Path::Back { from, to, .. }) = arrow.path;
        let at = |id, x: &dyn Fn(f64, f64) -> f64, point: (f64, f64)| {
            places.boxes.iter().any(|placed| {
                placed.id == id && x(placed.x, placed.width) == point.0 && placed.y == point.1
            })
        };
        assert!(at(arrow.id, &|x, width| x + width, from));
        assert!(at(graph.node(arrow.id).next.unwrap(), &|x, _| x, to));
    }
    places
}

#[test]
fn sources_are_buckets_missing_or_unknown() {
    let links = Links::new(
        vec![
            ok(&["s3v/l1", "v/b"]),
            ok(&["s3v/l2", "s3v/l1", "v/b"]),
            link(&["s3v/l3", "v/gone"], LinkStatus::Dangling),
            link(&["s3v/l4", "w/secret"], LinkStatus::Denied),
        ],
        None,
    );
    assert_eq!(links.unsure(), [name("v/gone"), name("w/secret")]);
    let graph = links.graph(&[name("v/gone")]);
    assert_eq!(
        words(&graph),
        [
            "/s3v/l1 ok",
            "/s3v/l2 ok",
            "/s3v/l3 dangling",
            "/s3v/l4 denied",
            "/v/b bucket",
            "/v/gone missing",
            "/w/secret unknown",
        ]
    );
    assert_eq!(graph.summary(), "4 links, 1 bucket, 2 not ok");
    check(&graph);
}

#[test]
fn a_volume_has_its_links_and_those_that_lead_through_it() {
    let all = || {
        vec![
            ok(&["a/in", "v/mid", "b/bucket"]),
            ok(&["v/mid", "b/bucket"]),
            ok(&["c/other", "b/bucket"]),
            ok(&["d/far", "e/bucket"]),
        ]
    };
    let names = |volume| words(&Links::new(all(), volume).graph(&[]));
    assert_eq!(
        names(Some("v")),
        ["/a/in ok", "/b/bucket bucket", "/v/mid ok"]
    );
    assert_eq!(names(Some("a")), names(Some("v")));
    assert_eq!(names(None).len(), 6);
    assert!(Links::new(all(), Some("none")).graph(&[]).is_empty());
}

#[test]
fn loops_are_drawn_as_loops() {
    let status = LinkStatus::Loop;
    let graph = of(vec![
        link(&["v/own", "v/own"], status),
        link(&["v/l1", "v/l2", "v/l3", "v/l1"], status),
        link(&["v/l2", "v/l3", "v/l1", "v/l2"], status),
        link(&["v/l3", "v/l1", "v/l2", "v/l3"], status),
        link(&["v/to-it", "v/l2", "v/l3", "v/l1"], status),
    ]);
    let places = check(&graph);
    let back = |arrow: &&super::layout::Arrow| matches!(arrow.path, Path::Back { .. });
    assert_eq!(
        places.arrows.iter().filter(back).count(),
        2,
        "one for each loop"
    );
    let text = dot(&graph);
    assert!(text.contains("  n3 -> n3 "), "{text}");
}

/// What leads to one bucket is cut into pieces; a long chain stays in one.
#[test]
fn a_thousand_links_make_a_picture_of_good_shape() {
    let many: Vec<String> = (0..1000).map(|n| format!("s3v/link-{n:04}")).collect();
    let star = of(many.iter().map(|link| ok(&[link, "v/bucket"])).collect());
    let places = check(&star);
    let shape = places.width / places.height;
    assert!(
        (0.5..4.0).contains(&shape),
        "{} x {}",
        places.width,
        places.height
    );
    assert_eq!(
        places.boxes.len(),
        1050,
        "the bucket once for each of 50 pieces"
    );

    let apart = many.iter().enumerate();
    let apart = of(apart
        .map(|(n, link)| ok(&[link, &format!("v/b{n}")]))
        .collect());
    let places = check(&apart);
    let shape = places.width / places.height;
    assert!(
        (0.5..4.0).contains(&shape),
        "{} x {}",
        places.width,
        places.height
    );

    let chain = |at: usize| ok(&[&many[at], many.get(at + 1).map_or("v/b", |next| next)]);
    let mut chained: Vec<BucketInfo> = (0..999).map(chain).collect();
    for info in &mut chained {
        let link = info.link.as_mut().unwrap();
        link.status = LinkStatus::TooDeep;
        link.resolved = None;
    }
    check(&of(chained));
}

/// Links, buckets and prefixes with whatever anybody could write there.
#[test]
fn hostile_texts_stay_texts() {
    let mut info = ok(&["s3v/<&\">'", "v/\u{1b}]\u{202e}b\n\"];x"]);
    let link = info.link.as_mut().unwrap();
    link.prefix = Some("</text><script>alert(1)</script>\u{ffff}名前/".repeat(9));
    link.read_only = true;
    link.expires = Some(1_767_323_045_678);
    link.bind = Some(17);
    link.delegate = Some(Delegation {
        grantor: "<b>".to_owned(),
        at: 0,
        valid: true,
    });
    let graph = of(vec![info]);
    check(&graph);
    let picture = svg(&graph, "Links of <volume>");
    assert!(
        !picture.contains("<script") && !picture.contains('\u{1b}'),
        "{picture}"
    );
    assert!(!picture.contains('\u{ffff}'));
    assert!(picture.contains("read-only, until 2026-01-02, bound to #17, delegated by &lt;b&gt;"));
    assert!(picture.contains("<title>Links of &lt;volume&gt;</title>"));
    let text = dot(&graph);
    assert!(
        text.contains(r#"label="/v/\\u{1b}]\\u{202e}b\\u{a}\"];x""#),
        "{text}"
    );
}

#[test]
fn buckets_that_no_link_leads_to_can_be_added() {
    let mut links = Links::new(Vec::new(), None);
    assert!(links.graph(&[]).is_empty());
    links.add_bucket(&name("v/alone"));
    let graph = links.graph(&[]);
    assert!(matches!(graph.nodes[0].kind, Kind::Bucket));
    assert_eq!(graph.summary(), "0 links, 1 bucket, every link ok");
    check(&graph);
}
