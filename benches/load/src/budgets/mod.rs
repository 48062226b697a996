//! What Chainring promises, measured: every promise with its target, the figure found, and whether it
//! is kept.
//!
//! The targets are for a quiet machine. On a busy one everything is dearer, the floors included, so
//! the ratio to a floor of the same round stands beside each figure.

mod rows;
mod stages;

use crate::compare::kind::{Kind, Way, Work};
use crate::compare::record::Record;
use crate::compare::{Block, CompareArgs, machine, peers, present};
use clap::Args;
use rows::Found;
use std::error::Error;
use std::time::Instant;

/// Options of the budgets.
#[derive(Clone, Debug, Args)]
pub struct BudgetArgs {
    /// How it is measured. Sizes, clients and operations are those of the promises.
    #[command(flatten)]
    pub compare: CompareArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

const fn kind(work: Work, size: u64, clients: usize) -> Kind {
    Kind {
        work,
        size,
        clients,
        way: Way::Direct,
        objects: 0,
    }
}

const GET: Kind = kind(Work::Get, 4 * KIB, 32);
const GET_ALONE: Kind = kind(Work::Get, 4 * KIB, 1);
const GET_COLD: Kind = kind(Work::GetCold, 4 * KIB, 32);
const HEAD: Kind = kind(Work::Head, 4 * KIB, 32);
const PUT: Kind = kind(Work::Put, 4 * KIB, 64);
const GET_LARGE: Kind = kind(Work::Get, MIB, 16);
const PUT_LARGE: Kind = kind(Work::Put, MIB, 16);

const fn through_link(kind: Kind) -> Kind {
    Kind {
        way: Way::Link,
        ..kind
    }
}

const US: &str = "chainring";
const ALL_CPUS: &str = "chainring-all-cpus";
const SCALAR: &str = "chainring-scalar-md5";
const MEMORY: &str = "memory";
const BARE: &str = "bare";
const BARE_LOG: &str = "bare-log";

/// What is asked of a server: the promises of Chainring, the floors of each, and the durable PUT of
/// the others.
fn wants(server: &str, kind: &Kind) -> bool {
    match server {
        US => true,
        ALL_CPUS => *kind == GET,
        SCALAR => *kind == PUT_LARGE,
        BARE => *kind == GET || *kind == GET_ALONE || *kind == HEAD || *kind == GET_LARGE,
        MEMORY => matches!(kind.work, Work::Get | Work::Head),
        BARE_LOG => kind.work == Work::Put,
        _ => *kind == PUT,
    }
}

/// Measures and prints. Returns whether every promise that was measured is kept.
pub fn budgets(args: &BudgetArgs) -> Result<bool, Box<dyn Error>> {
    let compare = &args.compare;
    std::fs::create_dir_all(&compare.report)?;
    std::fs::create_dir_all(&compare.dir)?;
    let file = compare.report.join("budgets.json");
    let mut record = Record::load(&file)?.unwrap_or_default();
    record.machine = machine(compare);
    record.missing.clear();
    let mut ids: Vec<String> = vec![US, ALL_CPUS, SCALAR, MEMORY, BARE, BARE_LOG]
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
    for id in compare.peers() {
        if !ids.contains(&id) && peers::named(&id).is_ok() {
            ids.push(id);
        }
    }
    let ids = present(compare, &ids, &mut record)?;
    let small = [
        GET,
        through_link(GET),
        HEAD,
        through_link(HEAD),
        GET_ALONE,
        PUT,
        through_link(PUT),
    ];
    let began = Instant::now();
    for kinds in [&small[..], &[PUT_LARGE, GET_LARGE]] {
        for round in 0..compare.rounds() {
            let block = Block {
                args: compare,
                kinds,
                wants: &wants,
                rounds: round..round + 1,
                file: &file,
                began,
            };
            block.measure(&ids, &mut record)?;
        }
    }
    let found = Found {
        spread: stages::or_say("connections over cores", stages::spread(compare)),
        cold: stages::or_say("cold reads", stages::cold(compare)),
        many: if compare.prefill > 0 {
            stages::or_say("many objects", stages::many(compare))
        } else {
            None
        },
        record,
    };
    let rows = rows::all(&found);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print!("{}", rows::table(&rows));
    }
    std::fs::write(compare.report.join("budgets.md"), rows::table(&rows))?;
    Ok(rows.iter().all(|row| row.reached != Some(false)))
}
