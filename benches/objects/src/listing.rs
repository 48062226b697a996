//! Pages of listings, asked of the daemon over HTTP: in the bucket of all the objects and in the
//! small one, in turn.

use crate::Cli;
use crate::daemon::{self, Daemon, credentials};
use crate::figures::ListingFigures;
use crate::phases::{self, key};
use chainring_load::pace::Load;
use chainring_load::request::{Expected, Op, Prepared, Random};
use chainring_load::run::{Order, Settings, run};
use chainring_load::sign::{Request, Signer, sha256_hex};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Different pages that are asked for.
const PAGES: usize = 500;
const ROUNDS: usize = 3;

/// What is asked for.
#[derive(Clone, Copy)]
enum Kind {
    /// 1,000 objects from anywhere.
    Objects,
    /// The same, with keys percent-encoded as the SDKs ask for it.
    Encoded,
    /// The 1,000 folders that hold all objects.
    Folders,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Objects, Self::Encoded, Self::Folders];

    const fn name(self) -> &'static str {
        match self {
            Self::Objects => "LIST, 1,000 objects",
            Self::Encoded => "LIST, 1,000 objects, encoding-type=url",
            Self::Folders => "LIST, 1,000 folders",
        }
    }
}

/// Starts the daemon and measures.
pub fn measure(program: &Path, cli: &Cli) -> Result<Vec<ListingFigures>, Box<dyn Error>> {
    let daemon = Daemon::start(program, cli)?;
    let buckets = [(daemon::FEW, phases::FEW), (daemon::MANY, cli.n)];
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        for (bucket, objects) in buckets {
            rows.push((kind, objects, prepare(&daemon, kind, bucket), Vec::new()));
        }
    }
    for _ in 0..ROUNDS {
        for (_, _, prepared, found) in &mut rows {
            let outcome = run(&settings(&daemon, cli)?, prepared)?;
            if let Some(failure) = outcome.failure {
                return Err(format!("a listing failed: {failure}").into());
            }
            let cpu = outcome.server_cpu_us.ok_or("no CPU time")?;
            found.push((cpu, outcome.latency_us.p50, outcome.answer_bytes));
        }
    }
    daemon.stop()?;
    let median = |found: &[(f64, f64, f64)], of: fn(&(f64, f64, f64)) -> f64| {
        let mut all: Vec<f64> = found.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let figures = rows.iter().map(|(kind, bucket, _, found)| ListingFigures {
        what: kind.name().to_owned(),
        bucket: *bucket,
        cpu_us: median(found, |f| f.0),
        p50_us: median(found, |f| f.1),
        bytes: median(found, |f| f.2),
    });
    Ok(figures.collect())
}

fn settings(daemon: &Daemon, cli: &Cli) -> Result<Settings, Box<dyn Error>> {
    Ok(Settings {
        server: daemon.s3,
        pid: Some(daemon.id()),
        client_cpus: vec![cli.client_cpu],
        connections: 1,
        load: Load::Closed,
        warm_up: Duration::from_millis(500),
        duration: Duration::try_from_secs_f64(cli.list_seconds)?,
        order: Order::Random,
    })
}

fn prepare(daemon: &Daemon, kind: Kind, bucket: &str) -> Prepared {
    let signer = Signer::new(credentials(), SystemTime::now());
    let payload = sha256_hex(b"");
    let mut random = Random::new(1);
    let heads = (0..PAGES).map(|_| {
        // Not so near to the end that the page would be short, in the small bucket either.
        let after = key(random.next() / 5 * 4);
        let query: &[(&str, &str)] = match kind {
            Kind::Objects => &[("list-type", "2"), ("start-after", &after)],
            Kind::Encoded => &[
                ("encoding-type", "url"),
                ("list-type", "2"),
                ("start-after", &after),
            ],
            Kind::Folders => &[
                ("delimiter", "/"),
                ("list-type", "2"),
                ("prefix", "photos/"),
            ],
        };
        let head = signer.head(&Request {
            method: "GET",
            host: &daemon.s3.to_string(),
            path: &format!("/{bucket}"),
            query,
            payload: &payload,
            content_length: None,
        });
        head.into_boxed_slice()
    });
    Prepared {
        op: Op::List,
        heads: heads.collect(),
        body: Vec::new(),
        expected: Expected {
            status: 200,
            length: None,
            bodiless: false,
        },
    }
}
