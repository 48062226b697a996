//! A store with many small objects, made by PUTs like any other.

use super::CompareArgs;
use super::ground::Running;
use crate::pace::Load;
use crate::report::{Outcome, as_f64};
use crate::request::{Naming, Op, Plan, Prepared};
use crate::run::{Order, Settings, run};
use crate::simple::create_bucket;
use std::error::Error;
use std::time::{Duration, Instant};

/// Bytes of an object.
pub const SIZE: usize = 100;
/// Requests that are signed at once: they take memory.
const BATCH: usize = 200_000;
const CLIENTS: usize = 256;

/// A bucket with many objects.
#[derive(Clone, Debug)]
pub struct Population {
    /// The bucket.
    pub bucket: String,
    /// How many objects are in it.
    pub objects: usize,
}

impl Population {
    /// Makes the bucket and the objects.
    pub fn make(
        running: &Running,
        args: &CompareArgs,
        bucket: &str,
        objects: usize,
    ) -> Result<Self, Box<dyn Error>> {
        let launch = &running.launch;
        create_bucket(launch.address, &launch.credentials, bucket)?;
        let population = Self {
            bucket: bucket.to_owned(),
            objects,
        };
        let began = Instant::now();
        let mut from = 0;
        while from < objects {
            let keys = BATCH.min(objects - from);
            let naming = Naming::Folders { stride: 1, from };
            let plan = population.plan(running, Op::Put, keys, naming);
            let prepared = Prepared::objects(&plan, &launch.credentials);
            let settings = settings(running, args, CLIENTS, Order::Once);
            let outcome = run(&settings, &prepared)?;
            if let Some(failure) = outcome.failure {
                return Err(format!("cannot fill {bucket}: {failure}").into());
            }
            from += keys;
            let rate = as_f64(u64::try_from(from)?) / began.elapsed().as_secs_f64();
            eprintln!("{from} of {objects} objects in {bucket}, {rate:.0}/s");
        }
        Ok(population)
    }

    /// Asks for keys spread over all of them.
    pub fn ask(
        &self,
        running: &Running,
        args: &CompareArgs,
        op: Op,
        clients: usize,
    ) -> Result<Outcome, Box<dyn Error>> {
        let keys = args.keys.min(self.objects).max(1);
        let naming = Naming::Folders {
            stride: self.objects / keys,
            from: 0,
        };
        let plan = self.plan(running, op, keys, naming);
        let prepared = Prepared::objects(&plan, &running.launch.credentials);
        let outcome = run(&settings(running, args, clients, Order::Random), &prepared)?;
        match &outcome.failure {
            Some(failure) => Err(failure.clone().into()),
            None => Ok(outcome),
        }
    }

    fn plan(&self, running: &Running, op: Op, keys: usize, naming: Naming) -> Plan {
        Plan {
            op,
            host: running.launch.address.to_string(),
            bucket: self.bucket.clone(),
            keys,
            naming,
            size: SIZE,
            page: 1000,
            sign_payload: false,
        }
    }
}

fn settings(running: &Running, args: &CompareArgs, clients: usize, order: Order) -> Settings {
    Settings {
        server: running.launch.address,
        pid: Some(running.process().0),
        client_cpus: args.client_cpus.clone(),
        connections: clients,
        load: Load::Closed,
        warm_up: Duration::from_secs_f64(args.seconds() / 4.0),
        duration: Duration::from_secs_f64(args.seconds()),
        order,
    }
}
