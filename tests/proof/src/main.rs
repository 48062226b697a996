//! `chainring-proof run` runs the programmes and prints a line for each; `chainring-proof replay`
//! shows one seed again.

use chainring_proof::programme::{ALL, Depth, Programme};
use chainring_proof::runner::{self, Plan, Report};
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
usage: chainring-proof run [--long SECONDS] [--only PROGRAMME] [--seed FIRST] [--count N] [--jobs N]
       chainring-proof replay PROGRAMME SEED [--deep]
       chainring-proof list

run       does the ordinary number of cases of every programme
  --long  gives the programmes that time together, and looks deeper in each case
  --seed  begins at this seed instead of 0
replay    does one case and tells what happened in it";

struct Options {
    long: Option<u64>,
    only: Vec<String>,
    first: u64,
    count: Option<u64>,
    jobs: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["run", rest @ ..] => options(rest).and_then(|options| run(&options)),
        ["replay", name, seed, rest @ ..] => replay(name, seed, rest == ["--deep"]),
        ["list"] => {
            ALL.iter()
                .for_each(|programme| println!("{}", programme.name));
            Ok(true)
        }
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn options(words: &[&str]) -> Result<Options, String> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options {
        long: None,
        only: Vec::new(),
        first: 0,
        count: None,
        jobs,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        let number = || value.parse().map_err(|_| format!("{value} is no number"));
        match *word {
            "--long" => options.long = Some(number()?),
            "--only" => options.only.push(find(value)?.name.to_owned()),
            "--seed" => options.first = number()?,
            "--count" => options.count = Some(number()?),
            "--jobs" => options.jobs = usize::try_from(number()?).unwrap_or(1),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(options)
}

fn find(name: &str) -> Result<&'static Programme, String> {
    let found = ALL.iter().find(|programme| programme.name == name);
    found.ok_or_else(|| format!("no programme {name}; `chainring-proof list` names them"))
}

fn run(options: &Options) -> Result<bool, String> {
    // A panic is part of a report; its place is shown when it is replayed.
    std::panic::set_hook(Box::new(|_| {}));
    let wanted =
        |p: &&Programme| options.only.is_empty() || options.only.iter().any(|n| n == p.name);
    let programmes: Vec<&Programme> = ALL.iter().filter(wanted).collect();
    let mut good = true;
    for programme in &programmes {
        let share = |seconds: u64| {
            Duration::from_secs(seconds) / u32::try_from(programmes.len()).unwrap_or(1)
        };
        let plan = Plan {
            first: options.first,
            count: options.count.unwrap_or(programme.ordinary),
            time: options.long.map(share),
            depth: if options.long.is_some() {
                Depth::Deep
            } else {
                Depth::Ordinary
            },
            jobs: options.jobs,
        };
        let report = runner::run(programme, &plan);
        good &= report.failures.is_empty();
        show(programme, &report, plan.depth);
    }
    Ok(good)
}

/// One line, which `tests/run` collects, and the failures.
fn show(programme: &Programme, report: &Report, depth: Depth) {
    for (seed, error) in &report.failures {
        let deep = if depth == Depth::Deep { " --deep" } else { "" };
        println!(
            "FAILED: chainring-proof replay {} {seed}{deep}\n{error}\n",
            programme.name
        );
    }
    println!(
        "programme {:<14} {:>9} cases {:>3} failures  seeds {}..{}  {} s",
        programme.name,
        report.cases,
        report.failures.len(),
        report.seeds.0,
        report.seeds.1,
        report.took.as_secs()
    );
}

fn replay(name: &str, seed: &str, deep: bool) -> Result<bool, String> {
    let programme = find(name)?;
    let seed = seed.parse().map_err(|_| format!("{seed} is no number"))?;
    let depth = if deep { Depth::Deep } else { Depth::Ordinary };
    let (lines, result) = runner::replay(programme, seed, depth);
    lines.iter().for_each(|line| println!("{line}"));
    match result {
        Ok(cases) => println!("{name} {seed}: {cases} cases, no failure"),
        Err(error) => {
            println!("{name} {seed} failed: {error}");
            return Ok(false);
        }
    }
    Ok(true)
}
