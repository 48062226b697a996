//! What it costs to know afterwards what a request was: the counters, the counters of a link, the
//! line of the audit log. Prints the best of many rounds in nanoseconds per request, which is what
//! one processor does when nothing disturbs it.
//!
//! ```text
//! cargo run --release --example observe_cost -- /var/tmp/folder
//! ```
//!
//! The folder must not exist yet; it is left behind. `docs/operations.md` has figures of the parts.

use chainringd::io::lines::{self, Rotation};
use chainringd::io::{Clock, RealClock, UringDisk, entropy, mailbox, runtime};
use chainringd::namespace::{
    CannedAcl, Command, FirstUser, LinkOptions, Namespace, NamespaceConfig, Resolved, SecretsKey,
};
use chainringd::s3::access::Caller;
use chainringd::s3::observe::{End, Observation};
use chainringd::s3::path::ResourcePath;
use chainringd::s3::reply::RequestIds;
use chainringd::s3::route::Operation;
use chainringd::shard::audit::Line;
use chainringd::shard::{Audit, Core, Topology};
use chainringd::store::ReadCache;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

const REQUESTS: u32 = 10_000;
const ROUNDS: u32 = 200;

type DiskCore = Core<UringDisk, RealClock>;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("a folder"));
    runtime::run_on_core(0, run(&folder)).expect("io_uring");
}

async fn run(folder: &Path) {
    std::fs::create_dir(folder).expect("a new folder");
    let disk = UringDisk::open(folder).expect("a disk");
    let first = FirstUser {
        name: "admin".to_owned(),
        access_key: None,
        secret: None,
    };
    let index = Some(folder.join("index"));
    let random = Rc::new(|bytes: &mut [u8]| entropy(bytes));
    let config = NamespaceConfig::new(
        "namespace",
        [1; 16],
        index,
        random,
        SecretsKey::new([1; 32]),
    );
    let made = Namespace::create(disk, RealClock, config, first).await;
    let (namespace, _) = made.expect("created");
    runtime::spawn(namespace.run());
    fill(&namespace).await;
    let names = namespace.reader();
    let now = RealClock.now();
    let resolve = |name| names.resolve("s3v", name, now).expect("resolved");
    let (bucket, link) = (resolve("bucket1"), resolve("link-to-bucket1"));
    let (inbox, _mail) = mailbox();
    let topology = Arc::new(Topology {
        owners: Vec::new(),
        readers: Vec::new(),
        inboxes: vec![inbox],
        names: names.clone(),
    });
    let core = || {
        Core::new(
            0,
            topology.clone(),
            Vec::new(),
            None,
            RealClock,
            ReadCache::new(0),
        )
    };
    let plain = core();
    measure("two clocks", || {
        std::hint::black_box((RealClock.now_micros(), RealClock.monotonic()));
        std::hint::black_box(RealClock.monotonic());
    });
    report("bucket", &plain, "bucket1", &bucket);
    report("link", &plain, "link-to-bucket1", &link);
    let rotation = Rotation {
        max_bytes: 64 << 20,
        keep: 0,
    };
    let (log, writer) = lines::open(folder.join("audit"), rotation, Line::lost).expect("a log");
    let audited = core();
    audited.start_audit(Audit::new(&log));
    report("bucket, audited", &audited, "bucket1", &bucket);
    report("link, audited", &audited, "link-to-bucket1", &link);
    audited.audit().expect("audited").close();
    writer.finish();
    println!("{:?}", log.stats());
}

async fn fill(namespace: &Namespace<UringDisk, RealClock>) {
    let volume = || "s3v".to_owned();
    let bucket = Command::CreateBucket {
        volume: volume(),
        name: "bucket1".to_owned(),
        owner: "admin".to_owned(),
        acl: CannedAcl::Private,
        object_lock: false,
        protected: false,
        quota_bytes: None,
        quota_namespace: None,
    };
    let link = Command::CreateLink {
        volume: volume(),
        name: "link-to-bucket1".to_owned(),
        source: (volume(), "bucket1".to_owned()),
        owner: "admin".to_owned(),
        strict: true,
        options: LinkOptions::default(),
    };
    for command in [bucket, link] {
        namespace.apply(command).await.expect("applied");
    }
}

/// Observes requests for one key by this name.
fn report(what: &str, core: &Rc<DiskCore>, name: &str, bucket: &Resolved) {
    let ids = RequestIds::new(0, RealClock.now());
    let path = ResourcePath::Object {
        bucket: name.to_owned().into(),
        key: "some/key/with/a/path/object-000123.bin".into(),
    };
    let peer = ([192, 0, 2, 7], 50_312).into();
    measure(what, || {
        let observed = Observation::begin(core, ids.next(), peer);
        observed.operation(Operation::GetObject);
        observed.access_key("AKIAIOSFODNN7EXAMPLE");
        observed.caller(&Caller::Anonymous);
        observed.names(core, ("s3v", name), Some(bucket));
        let end = End {
            path: Some(&path),
            raw_path: b"",
            status: 200,
            code: None,
            bytes_in: 0,
            bytes_out: 4096,
            cut_off: false,
        };
        observed.finish(core, &end);
    });
}

fn measure(what: &str, mut request: impl FnMut()) {
    let mut best = u128::MAX;
    for _ in 0..ROUNDS {
        let start = RealClock.monotonic();
        for _ in 0..REQUESTS {
            request();
        }
        best = best.min((RealClock.monotonic() - start).as_nanos());
    }
    println!("{what:16} {:5} ns", best / u128::from(REQUESTS));
}
