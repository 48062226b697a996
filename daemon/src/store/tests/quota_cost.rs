//! What counting and quotas cost a PUT, measured in one run: with nobody to ask, in a bucket without
//! a quota, in one with a quota far away. A measurement, not a test: run it by name, optimised, with
//! `--ignored --nocapture`.

use super::{SimStore, create, object};
use crate::base::BucketId;
use crate::io::sim::{self, SimDisk};
use crate::io::{Clock, RealClock};
use crate::store::StoreError;
use crate::store::quota::{Ask, Either, Governor, Grant, Limited};
use crate::store::usage::{Counters, Usage, of_entry};
use futures_util::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::rc::{Rc, Weak};

const PUTS: u32 = 2_000;
const ROUNDS: usize = 3;

/// A quota that one lease covers.
struct Generous {
    quota: bool,
    store: RefCell<Weak<SimStore>>,
    asked: Cell<u32>,
}

impl Governor for Generous {
    fn governed(&self, _: BucketId) -> Result<bool, StoreError> {
        Ok(self.quota)
    }

    fn ask(&self, ask: Ask) -> LocalBoxFuture<'static, Result<(), StoreError>> {
        self.asked.set(self.asked.get() + 1);
        let extra = Usage {
            bytes: 1 << 40,
            objects: 1 << 40,
        };
        let both = Either {
            bytes: true,
            objects: true,
        };
        let grant = Grant {
            ask,
            extra,
            limited: Limited {
                by: both,
                domain: 1,
            },
            within: both,
        };
        if let Some(store) = self.store.borrow().upgrade() {
            store.grant(&grant);
        }
        Box::pin(async { Ok(()) })
    }
}

/// Nanoseconds per PUT.
fn puts(quota: Option<bool>) -> u128 {
    sim::run(1, async move {
        let store = create(&SimDisk::new(1)).await;
        let governor = quota.map(|quota| {
            Rc::new(Generous {
                quota,
                store: RefCell::new(Rc::downgrade(&store)),
                asked: Cell::new(0),
            })
        });
        if let Some(governor) = governor.clone() {
            store.govern(governor);
        }
        let began = RealClock.monotonic();
        for n in 0..PUTS {
            store.put(object(&format!("k{n}"), b"x")).await.unwrap();
        }
        let took = (RealClock.monotonic() - began).as_nanos() / u128::from(PUTS);
        if let Some(governor) = governor {
            assert_eq!(governor.asked.get(), u32::from(governor.quota));
        }
        took
    })
}

/// Nanoseconds of counting a change of an entry.
fn counting() -> u128 {
    let value = [0u8; 40];
    let key = crate::store::keys::object(BucketId(3), b"some/key", crate::base::VersionId::NULL);
    let mut counters = Counters::default();
    let rounds = 100_000;
    let began = RealClock.monotonic();
    for _ in 0..rounds {
        let (key, value) = (black_box(&key), black_box(&value));
        counters.changed(key, None, of_entry(key, value));
    }
    (RealClock.monotonic() - began).as_nanos() / rounds
}

#[test]
#[ignore = "a measurement"]
fn what_quotas_cost_a_put() {
    for _ in 0..ROUNDS {
        println!(
            "counting {} ns; a PUT on the simulated disk: nobody to ask {} ns, no quota {} ns, a quota far away {} ns",
            counting(),
            puts(None),
            puts(Some(false)),
            puts(Some(true)),
        );
    }
}
