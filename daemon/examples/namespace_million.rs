//! A namespace of many links on a real disk: time to make them, size of the index, look-ups, starts.
//!
//! ```text
//! cargo run --release --example namespace_million -- /var/tmp/folder 1000000
//! ```
//!
//! The folder must not exist yet; it is left behind. One in a thousand names is a bucket, the others
//! are links to one of the buckets, half of them over another link. The figures are in
//! `docs/decisions/002-namespace-index.md`.

use chainringd::base::Timestamp;
use chainringd::io::sim::Rng;
use chainringd::io::{Clock, RealClock, UringDisk, entropy, runtime};
use chainringd::namespace::{
    CannedAcl, Command, FirstUser, LinkOptions, Namespace, NamespaceConfig, NamespaceReader,
    SecretsKey,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

type Ns = Namespace<UringDisk, RealClock>;

/// Commands under way at once.
const AT_ONCE: usize = 512;
/// The time at which names are resolved.
const NOW: Timestamp = Timestamp(1);
/// Look-ups measured.
const LOOKUPS: usize = 2_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("a folder"));
    let count: usize = arguments
        .next()
        .map_or(1_000_000, |n| n.parse().expect("a number"));
    runtime::run_on_core(0, run(&folder, count)).expect("io_uring");
}

fn config(folder: &Path) -> NamespaceConfig {
    let index = folder.join("namespace/index");
    NamespaceConfig::new(
        "namespace",
        [1; 16],
        Some(index),
        Rc::new(|b: &mut [u8]| entropy(b)),
        SecretsKey::new([1; 32]),
    )
}

fn name(n: usize) -> String {
    format!("entry-{n:07}")
}

fn command(n: usize) -> Command {
    let (volume, name_of_it, owner) = ("s3v".to_owned(), name(n), "admin".to_owned());
    if n.is_multiple_of(1000) {
        return Command::CreateBucket {
            volume,
            name: name_of_it,
            owner,
            acl: CannedAcl::Private,
            object_lock: false,
            protected: false,
            quota_bytes: None,
            quota_namespace: None,
        };
    }
    let bucket = n - n % 1000;
    let source = if n % 1000 > 500 { n - 500 } else { bucket };
    Command::CreateLink {
        source: (volume.clone(), name(source)),
        volume,
        name: name_of_it,
        owner,
        strict: false,
        options: LinkOptions::default(),
    }
}

fn since(start: Duration) -> Duration {
    RealClock.monotonic() - start
}

async fn run(folder: &Path, count: usize) {
    std::fs::create_dir(folder).expect("a new folder");
    let disk = UringDisk::open(folder).expect("a disk");
    let first = FirstUser {
        name: "admin".to_owned(),
        access_key: None,
        secret: None,
    };
    let made = Namespace::create(disk.clone(), RealClock, config(folder), first).await;
    let (namespace, credential) = made.expect("created");
    runtime::spawn(namespace.run());
    fill(&namespace, count).await;
    one_by_one(&namespace).await;
    print_sizes(folder);
    look_up(&namespace.reader(), count, &credential.access_key);
    delete_a_source(&namespace).await;
    let start = RealClock.monotonic();
    namespace.close().await.expect("closed");
    println!("close                          {:?}", since(start));
    drop(namespace);
    let namespace = open("index as it was left", &disk, folder).await;
    drop(namespace); // not closed: the next start cannot use the index
    let namespace = open("index rebuilt", &disk, folder).await;
    print_sizes(folder);
    look_up(&namespace.reader(), count, &credential.access_key);
    compare(count);
}

async fn open(what: &str, disk: &UringDisk, folder: &Path) -> Ns {
    let (start, used) = (RealClock.monotonic(), processor_time());
    let opened = Namespace::open(disk.clone(), RealClock, config(folder)).await;
    let used = Duration::from_nanos(processor_time() - used);
    println!(
        "start, {what}: {:?}, {used:?} of the processor",
        since(start)
    );
    opened.expect("opened")
}

/// What maps of the standard library need for the same on this machine at this moment.
fn compare(count: usize) {
    let value = vec![0u8; 100];
    let hashed: HashMap<String, Vec<u8>> = (0..count).map(|n| (name(n), value.clone())).collect();
    let mut rng = Rng::new(1);
    let names: Vec<String> = (0..200_000).map(|_| name(rng.below(count))).collect();
    measure("HashMap, random names", &names, &|name| {
        assert!(
            hashed
                .get(name)
                .is_some_and(|value| value.first() == Some(&0))
        );
    });
    let sorted: BTreeMap<String, Vec<u8>> = hashed.into_iter().collect();
    measure("BTreeMap, random names", &names, &|name| {
        assert!(
            sorted
                .get(name)
                .is_some_and(|value| value.first() == Some(&0))
        );
    });
}

fn measure(what: &str, names: &[String], f: &dyn Fn(&str)) {
    let start = processor_time();
    for round in 0..LOOKUPS {
        f(names.get(round % names.len()).map_or("", String::as_str));
    }
    let took = (processor_time() - start) as f64 / LOOKUPS as f64;
    println!("{what:30} {took:.0} ns");
}

async fn fill(namespace: &Ns, count: usize) {
    let start = RealClock.monotonic();
    let mut running = FuturesUnordered::new();
    for n in 0..count {
        if running.len() == AT_ONCE {
            let reply: Option<Result<_, _>> = running.next().await;
            reply.expect("one runs").expect("done");
        }
        running.push(namespace.apply(command(n)));
    }
    while let Some(reply) = running.next().await {
        reply.expect("done");
    }
    let took = since(start);
    let rate = count as f64 / took.as_secs_f64();
    println!("{count} durable commands, {AT_ONCE} at once: {took:?}, {rate:.0}/s");
}

async fn one_by_one(namespace: &Ns) {
    let start = RealClock.monotonic();
    for n in 0..200 {
        let command = Command::CreateLink {
            source: ("s3v".to_owned(), name(0)),
            volume: "s3v".to_owned(),
            name: format!("single-{n}"),
            owner: "admin".to_owned(),
            strict: false,
            options: LinkOptions::default(),
        };
        namespace.apply(command).await.expect("done");
    }
    println!(
        "one command after the other    {:?} each",
        since(start) / 200
    );
}

fn print_sizes(folder: &Path) {
    let index = std::fs::metadata(folder.join("namespace/index"))
        .expect("index")
        .len();
    println!("index                          {} MiB", index >> 20);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status
        .lines()
        .filter(|l| l.starts_with("Rss") || l.starts_with("VmHWM"))
    {
        println!("{line}");
    }
}

/// Nanoseconds this thread has run: others may want the processor too.
fn processor_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = stat.split_whitespace().next().expect("three numbers");
    first.parse().expect("a number")
}

fn look_up(reader: &NamespaceReader, count: usize, access_key: &str) {
    let mut rng = Rng::new(1);
    let names: Vec<String> = (0..LOOKUPS.min(200_000))
        .map(|_| name(rng.below(count)))
        .collect();
    measure("resolve, random names", &names, &|name| {
        reader.resolve("s3v", name, NOW).expect("found");
    });
    measure("resolve, one link", &names, &|_| {
        reader.resolve("s3v", "entry-0000777", NOW).expect("found");
    });
    measure("resolve, one bucket", &names, &|_| {
        reader.resolve("s3v", "entry-0000000", NOW).expect("found");
    });
    measure("user_by_access_key", &names, &|_| {
        reader.user_by_access_key(access_key).expect("sound");
    });
    measure("not there", &names, &|_| {
        reader.resolve("s3v", "none", NOW).expect_err("not there");
    });
}

async fn delete_a_source(namespace: &Ns) {
    let expect = (namespace
        .reader()
        .resolve("s3v", &name(0), NOW)
        .expect("found"))
    .bucket;
    let start = RealClock.monotonic();
    let deletion = Command::DeleteBucket {
        volume: "s3v".to_owned(),
        name: name(0),
        expect,
    };
    namespace.apply(deletion).await.expect("deleted");
    println!("delete a source of 1,200 links {:?}", since(start));
    let bucket = command(0);
    namespace.apply(bucket).await.expect("made again");
}
