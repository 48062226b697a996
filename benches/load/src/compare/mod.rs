//! Chainring and its rivals side by side: on the same CPUs of the same machine, asked by the same
//! client, one after the other in rounds, so that what the rest of the machine does hits all alike.

mod args;
pub mod ground;
pub mod install;
pub mod judge;
pub mod kind;
pub mod measure;
pub mod peers;
pub mod plot;
pub mod population;
pub mod record;
pub mod system;
pub mod table;
pub mod warp;

pub use args::CompareArgs;
use ground::Running;
use kind::Kind;
use measure::Subject;
use peers::Peer;
use population::Population;
use record::{Machine, Missing, Record, Sample, ServerNote};
use std::error::Error;
use std::ops::Range;
use std::process::Command;
use std::time::{Duration, Instant};

/// Makes the measurements and writes the report. Returns whether every answer was right.
pub fn compare(args: &CompareArgs) -> Result<bool, Box<dyn Error>> {
    std::fs::create_dir_all(&args.report)?;
    std::fs::create_dir_all(&args.dir)?;
    let file = args.report.join("report.json");
    let mut record = Record::load(&file)?.unwrap_or_default();
    record.missing.clear();
    let machine = machine(args);
    if !record.samples.is_empty() && record.machine != machine {
        return Err(format!(
            "{} was made on another machine or with other settings; name another --report",
            file.display()
        )
        .into());
    }
    record.machine = machine;
    let peers = present(args, &args.peers(), &mut record)?;
    let began = Instant::now();
    for size in args.sizes() {
        let kinds = args.kinds(size, &mut record);
        for round in 0..args.rounds() {
            let block = Block {
                args,
                kinds: &kinds,
                wants: &|_, _| true,
                rounds: round..round + 1,
                file: &file,
                began,
            };
            block.measure(&peers, &mut record)?;
            table::write(args, &record)?;
        }
    }
    if args.prefill > 0 {
        let kinds = args.kinds_of_full_store();
        let block = Block {
            args,
            kinds: &kinds,
            wants: &|_, _| true,
            // Filling it takes too long to do it for every round.
            rounds: 0..args.rounds(),
            file: &file,
            began,
        };
        block.measure(&peers, &mut record)?;
    }
    record.save(&file)?;
    table::write(args, &record)?;
    eprintln!("the report is in {}", args.report.display());
    Ok(record.samples.iter().all(|s| s.figures.failures == 0))
}

/// The machine and how it is shared.
pub fn machine(args: &CompareArgs) -> Machine {
    let (processor, kernel, file_system) = system::names(&args.dir);
    Machine {
        processor,
        kernel,
        file_system,
        server_cpus: args.server_cpus.clone(),
        client_cpus: args.client_cpus.clone(),
        seconds: args.seconds(),
    }
}

/// The servers whose programs there are; the others are noted as missing.
pub fn present(
    args: &CompareArgs,
    ids: &[String],
    record: &mut Record,
) -> Result<Vec<String>, Box<dyn Error>> {
    let mut found = Vec::new();
    for id in ids {
        let peer = peers::named(id)?;
        match ground::find(args, peer.program()) {
            Ok(program) => {
                let note = ServerNote {
                    id: peer.id(),
                    version: version(&program, &*peer),
                    durability: peer.durability().to_owned(),
                    flushes: peer.flushes(),
                    is_floor: peer.is_floor(),
                };
                record.servers.retain(|old| old.id != note.id);
                record.servers.push(note);
                found.push(id.clone());
            }
            Err(why) => {
                eprintln!("{id} does not take part: {why}");
                record.missing.push(Missing {
                    name: id.clone(),
                    why,
                });
            }
        }
    }
    if let Err(why) = ground::find(args, "warp") {
        eprintln!("no measurements with warp: {why}");
        record.missing.push(Missing {
            name: "warp".to_owned(),
            why,
        });
    }
    for (name, why) in install::NOT_TO_BE_HAD {
        record.missing.push(Missing {
            name: (*name).to_owned(),
            why: (*why).to_owned(),
        });
    }
    Ok(found)
}

fn version(program: &std::path::Path, peer: &dyn Peer) -> String {
    if peer.is_floor() {
        return "an example of this project".to_owned();
    }
    let output = Command::new(program).arg(peer.version_flag()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let known = install::version_of(peer.program());
    let said = lines.take(1).collect::<String>();
    match known {
        Some(known) => format!("{} {known}", peer.program()),
        None => said,
    }
}

/// All that is measured with objects of one size: every server begins with an empty store.
pub struct Block<'a> {
    /// How.
    pub args: &'a CompareArgs,
    /// What is measured.
    pub kinds: &'a [Kind],
    /// Which of it of a server, besides what it can.
    pub wants: &'a dyn Fn(&str, &Kind) -> bool,
    /// The rounds that the stores live for.
    pub rounds: Range<usize>,
    /// Where samples are kept.
    pub file: &'a std::path::Path,
    /// When all began.
    pub began: Instant,
}

impl Block<'_> {
    /// Measures all servers in turn, in rounds.
    pub fn measure(&self, peers: &[String], record: &mut Record) -> Result<(), Box<dyn Error>> {
        let mut subjects = Vec::new();
        for id in peers {
            let peer = peers::named(id)?;
            let rounds = self.rounds.clone();
            let mut cells = rounds.flat_map(|r| self.kinds.iter().map(move |kind| (r, kind)));
            if !cells.any(|(round, kind)| {
                let is_asked = peer.can(kind) && (self.wants)(id, kind);
                is_asked && !record.has(id, kind, round)
            }) {
                continue;
            }
            self.say(&format!("starting {id}"));
            ground::remove(&self.args.dir.join(id))?;
            match self.start(peer) {
                Ok(running) => subjects.push(Subject::new(running)),
                Err(error) => {
                    self.say(&format!("{id} does not start: {error}"));
                    record.skip(id, "everything".to_owned(), error.to_string());
                }
            }
        }
        if subjects.is_empty() {
            return Ok(());
        }
        let device_file = self.args.dir.join("device-floor");
        let mut device = crate::device::Device::prepare(&device_file)?;
        for round in self.rounds.clone() {
            record
                .device
                .push(device.measure(Duration::from_millis(500))?);
            for kind in self.kinds {
                // Each round begins with another server.
                for turn in 0..subjects.len() {
                    let at = (turn + round) % subjects.len();
                    let Some(subject) = subjects.get_mut(at) else {
                        continue;
                    };
                    self.sample(subject, kind, round, record)?;
                }
            }
        }
        for subject in subjects {
            subject.running.clear()?;
        }
        std::fs::remove_file(device_file)?;
        Ok(())
    }

    /// Starts a server, and fills its store if that belongs to what is measured.
    fn start(&self, peer: Box<dyn Peer>) -> Result<Running, Box<dyn Error>> {
        let running = Running::start(peer, self.args)?;
        let objects = self.kinds.first().map_or(0, |kind| kind.objects);
        if objects > 0 {
            Population::make(&running, self.args, "population", objects)?;
        }
        Ok(running)
    }

    fn sample(
        &self,
        subject: &mut Subject,
        kind: &Kind,
        round: usize,
        record: &mut Record,
    ) -> Result<(), Box<dyn Error>> {
        let server = subject.running.peer.id();
        let is_asked = subject.running.peer.can(kind) && (self.wants)(&server, kind);
        if !is_asked || record.has(&server, kind, round) {
            return Ok(());
        }
        let measured = match ground::find(self.args, "warp") {
            Ok(program) if kind.work.warp().is_some() => {
                warp::measure(subject, self.args, &program, kind, round)
            }
            _ => subject.measure(self.args, kind, round),
        };
        match measured {
            Ok(figures) => {
                let cpu = figures
                    .cpu_us
                    .map_or_else(String::new, |cpu| format!(", {cpu:.1} us of CPU each"));
                self.say(&format!(
                    "round {} of {}, {}: {server} {:.0}/s{cpu}",
                    round + 1,
                    self.args.rounds(),
                    kind.name(),
                    figures.requests_per_second
                ));
                if let Some(failure) = &figures.failure {
                    self.say(&format!("  {} failures: {failure}", figures.failures));
                }
                record.samples.push(Sample {
                    server,
                    kind: *kind,
                    round,
                    figures,
                });
            }
            Err(error) => {
                self.say(&format!("{}: {server}: {error}", kind.name()));
                record.skip(&server, kind.name(), error.to_string());
            }
        }
        Ok(record.save(self.file)?)
    }

    fn say(&self, words: &str) {
        eprintln!("{:>6.0} s  {words}", self.began.elapsed().as_secs_f64());
    }
}
