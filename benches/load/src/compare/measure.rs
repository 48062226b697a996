//! One measurement with our own generator.

use super::CompareArgs;
use super::ground::Running;
use super::kind::{Kind, Way, Work};
use super::record::Figures;
use super::system;
use crate::pace::Load;
use crate::report::{Outcome, as_f64};
use crate::request::{Naming, Op, Plan, Prepared};
use crate::run::{Order, Settings, run};
use crate::simple::create_bucket;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

/// A server with what was done to it.
pub struct Subject {
    /// The server.
    pub running: Running,
    /// Buckets that exist.
    buckets: BTreeSet<String>,
    /// Buckets of which all objects were read: what is measured as warm is.
    warm: BTreeSet<String>,
    /// Keys below a prefix that the last PUTs made: what a DELETE can take away.
    fresh: BTreeMap<(u64, Way), (String, usize)>,
    /// Requests a second that PUTs reached, by size and clients.
    rates: BTreeMap<(u64, usize), f64>,
    /// The same of warm GETs.
    read_rates: BTreeMap<(u64, usize), f64>,
}

/// Requests a second that are prepared for when nothing is known yet.
const RATE_GUESS: f64 = 20_000.0;

impl Subject {
    /// A server to which nothing was done yet.
    #[must_use]
    pub const fn new(running: Running) -> Self {
        Self {
            running,
            buckets: BTreeSet::new(),
            warm: BTreeSet::new(),
            fresh: BTreeMap::new(),
            rates: BTreeMap::new(),
            read_rates: BTreeMap::new(),
        }
    }

    /// Measures once.
    pub fn measure(
        &mut self,
        args: &CompareArgs,
        kind: &Kind,
        round: usize,
    ) -> Result<Figures, Box<dyn Error>> {
        match kind.work {
            Work::Put => self.put(args, kind, round),
            Work::Delete => self.delete(args, kind, round),
            Work::GetCold => {
                self.fill(args, kind)?;
                self.cool()?;
                self.ask(args, kind, Order::Once)
            }
            Work::Get if kind.way == Way::Direct && !self.running.peer.is_canned() => {
                self.get(args, kind)
            }
            Work::GetPaced => self.get_paced(args, kind),
            _ if self.running.peer.is_canned() => self.ask_canned(args, kind),
            _ => {
                self.warm(args, kind)?;
                self.ask(args, kind, Order::Random)
            }
        }
    }

    fn plan(&self, kind: &Kind, op: Op) -> Result<Plan, Box<dyn Error>> {
        Ok(Plan {
            op,
            host: self.running.launch.address.to_string(),
            bucket: bucket(kind),
            keys: 0,
            naming: Naming::bench(),
            size: usize::try_from(kind.size)?,
            page: 1000,
            sign_payload: false,
        })
    }

    fn settings(&self, args: &CompareArgs, kind: &Kind, order: Order) -> Settings {
        let seconds = args.window(kind);
        Settings {
            server: self.running.launch.address,
            pid: Some(self.running.process().0),
            client_cpus: args.client_cpus.clone(),
            connections: kind.clients,
            load: Load::Closed,
            warm_up: Duration::from_secs_f64(seconds / 4.0),
            duration: Duration::from_secs_f64(seconds),
            order,
        }
    }

    fn prepare(&self, plan: &Plan) -> Prepared {
        Prepared::objects(plan, &self.running.launch.credentials)
    }

    /// Makes the bucket of the kind, and the link to it; returns whether it is new.
    fn bucket(&mut self, kind: &Kind) -> Result<bool, Box<dyn Error>> {
        let direct = Kind {
            way: Way::Direct,
            ..*kind
        };
        let (peer, launch) = (&self.running.peer, &self.running.launch);
        let is_new = !self.buckets.contains(&bucket(&direct));
        if is_new {
            create_bucket(launch.address, &launch.credentials, &bucket(&direct))?;
            self.buckets.insert(bucket(&direct));
        }
        if !self.buckets.contains(&bucket(kind)) {
            peer.link(launch, &bucket(kind), &bucket(&direct))?;
            self.buckets.insert(bucket(kind));
        }
        Ok(is_new)
    }

    /// Makes the objects of the kind's size, if they are not there yet.
    fn fill(&mut self, args: &CompareArgs, kind: &Kind) -> Result<(), Box<dyn Error>> {
        if !self.bucket(kind)? {
            return Ok(());
        }
        let plan = Plan {
            keys: args.keys(kind),
            ..self.plan(kind, Op::Put)?
        };
        let settings = Settings {
            connections: args.keys(kind).min(16),
            ..self.settings(args, kind, Order::Once)
        };
        let outcome = run(&settings, &self.prepare(&plan))?;
        match outcome.failure {
            Some(failure) => Err(format!("cannot fill {}: {failure}", bucket(kind)).into()),
            None => Ok(()),
        }
    }

    /// Reads all objects, if that was not done yet: twice, as a cache may take only what is asked for
    /// again.
    fn warm(&mut self, args: &CompareArgs, kind: &Kind) -> Result<(), Box<dyn Error>> {
        self.fill(args, kind)?;
        let direct = Kind {
            way: Way::Direct,
            work: Work::Get,
            ..*kind
        };
        if !self.warm.insert(bucket(&direct)) {
            return Ok(());
        }
        for _ in 0..2 {
            self.ask(args, &direct, Order::Once)?;
        }
        Ok(())
    }

    /// Restarts the server without the system's cache of its files.
    fn cool(&mut self) -> Result<(), Box<dyn Error>> {
        self.warm.clear();
        self.running.stop()?;
        system::flush(&self.running.launch.dir)?;
        system::forget(&self.running.launch.dir)?;
        self.running.go()?;
        Ok(())
    }

    fn ask(
        &self,
        args: &CompareArgs,
        kind: &Kind,
        order: Order,
    ) -> Result<Figures, Box<dyn Error>> {
        let op = kind.work.op().ok_or("no request of this generator")?;
        let plan = Plan {
            keys: args.keys(kind),
            ..self.plan(kind, op)?
        };
        let mut prepared = self.prepare(&plan);
        if order == Order::Once {
            prepared.shuffle();
        }
        let outcome = run(&self.settings(args, kind, order), &prepared)?;
        self.figures(kind, &outcome, None)
    }

    /// Measures, and remembers the rate.
    fn get(&mut self, args: &CompareArgs, kind: &Kind) -> Result<Figures, Box<dyn Error>> {
        self.warm(args, kind)?;
        let figures = self.ask(args, kind, Order::Random)?;
        self.read_rates
            .insert((kind.size, kind.clients), figures.requests_per_second);
        Ok(figures)
    }

    /// Half of the rate that the closed loop reached.
    fn get_paced(&mut self, args: &CompareArgs, kind: &Kind) -> Result<Figures, Box<dyn Error>> {
        self.warm(args, kind)?;
        let key = (kind.size, kind.clients);
        if !self.read_rates.contains_key(&key) {
            self.get(args, kind)?;
        }
        let rate = self.read_rates.get(&key).copied().unwrap_or(RATE_GUESS) / 2.0;
        let plan = Plan {
            keys: args.keys(kind),
            ..self.plan(kind, Op::Get)?
        };
        let settings = Settings {
            load: Load::Open {
                rate: rate.max(0.1),
            },
            ..self.settings(args, kind, Order::Random)
        };
        let outcome = run(&settings, &self.prepare(&plan))?;
        self.figures(kind, &outcome, None)
    }

    fn ask_canned(&self, args: &CompareArgs, kind: &Kind) -> Result<Figures, Box<dyn Error>> {
        let launch = &self.running.launch;
        let op = kind.work.op().ok_or("no request of this generator")?;
        let (host, size) = (launch.address.to_string(), usize::try_from(kind.size)?);
        let prepared = Prepared::canned(op, &host, size, &launch.credentials);
        let outcome = run(&self.settings(args, kind, Order::Random), &prepared)?;
        self.figures(kind, &outcome, None)
    }

    fn put(
        &mut self,
        args: &CompareArgs,
        kind: &Kind,
        round: usize,
    ) -> Result<Figures, Box<dyn Error>> {
        self.bucket(kind)?;
        let seconds = args.window(kind) * 1.25;
        let rate = self.rates.get(&(kind.size, kind.clients)).copied();
        let rate = rate.map_or(RATE_GUESS, |rate| rate * 1.5);
        let prefix = format!("new-{round}-{}-{:?}/", kind.clients, kind.way).to_lowercase();
        let plan = Plan {
            keys: args.fresh_keys(kind, rate * seconds),
            naming: Naming::Flat(prefix.clone()),
            ..self.plan(kind, Op::Put)?
        };
        let prepared = self.prepare(&plan);
        let mut settings = self.settings(args, kind, Order::Fresh);
        if as_f64(u64::try_from(plan.keys)?) < rate * seconds {
            // There may be too few for a warm-up.
            settings.warm_up = Duration::ZERO;
        }
        let before = self.written(kind)?;
        let outcome = run(&settings, &prepared)?;
        let asked = outcome.asked.min(plan.keys);
        self.fresh.insert((kind.size, kind.way), (prefix, asked));
        self.rates
            .insert((kind.size, kind.clients), outcome.requests_per_second);
        self.figures(kind, &outcome, Some(before))
    }

    fn delete(
        &mut self,
        args: &CompareArgs,
        kind: &Kind,
        round: usize,
    ) -> Result<Figures, Box<dyn Error>> {
        if !self.fresh.contains_key(&(kind.size, kind.way)) {
            self.put(args, kind, round)?;
        }
        let fresh = self.fresh.remove(&(kind.size, kind.way));
        let (prefix, keys) = fresh.ok_or("nothing to delete")?;
        let plan = Plan {
            keys,
            naming: Naming::Flat(prefix),
            ..self.plan(kind, Op::Delete)?
        };
        // There may be too few for a warm-up.
        let settings = Settings {
            warm_up: Duration::ZERO,
            ..self.settings(args, kind, Order::Once)
        };
        let outcome = run(&settings, &self.prepare(&plan))?;
        self.figures(kind, &outcome, None)
    }

    /// Bytes that the server and the device have written, once all of it is on the device.
    pub fn written(&self, kind: &Kind) -> Result<(u64, Option<u64>), Box<dyn Error>> {
        let dir = &self.running.launch.dir;
        if kind.work.stores() {
            system::flush(dir)?;
        }
        let process = self.running.process();
        let mut written = process.written()?;
        for child in process.descendants() {
            written += child.written().unwrap_or_default();
        }
        Ok((written, system::device_written(dir)))
    }

    fn figures(
        &self,
        kind: &Kind,
        outcome: &Outcome,
        before: Option<(u64, Option<u64>)>,
    ) -> Result<Figures, Box<dyn Error>> {
        if outcome.requests == 0 {
            let failure = outcome.failure.as_deref().unwrap_or("none was answered");
            return Err(format!("no request in the window: {failure}").into());
        }
        let stored = as_f64(outcome.answered) * as_f64(kind.size);
        let after = before.map(|_| self.written(kind)).transpose()?;
        let each = |before: u64, after: u64| as_f64(after.saturating_sub(before)) / stored;
        let process = self.running.process();
        Ok(Figures {
            seconds: outcome.seconds,
            requests: outcome.requests,
            requests_per_second: outcome.requests_per_second,
            p50_us: outcome.latency_us.p50,
            p99_us: outcome.latency_us.p99,
            p999_us: Some(outcome.latency_us.p999),
            cpu_us: outcome.server_cpu_us,
            process_bytes: before.zip(after).map(|(b, a)| each(b.0, a.0)),
            device_bytes: before.zip(after).and_then(|(b, a)| Some(each(b.1?, a.1?))),
            resident: process.resident()?,
            resident_peak: process.resident_peak()?,
            // What an open loop did not get done is in the latencies.
            failures: outcome.failures,
            failure: outcome.failure.clone(),
        })
    }
}

/// What is written and deleted is apart from what is read and listed.
fn bucket(kind: &Kind) -> String {
    let what = match kind.work {
        Work::Put | Work::Delete => "new",
        _ => "objects",
    };
    match kind.way {
        Way::Direct => format!("{what}-{}", kind.size),
        Way::Link => format!("link-{what}-{}", kind.size),
    }
}
