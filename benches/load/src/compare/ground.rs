//! The ground that every server stands on: its programs, its folder, its CPUs, its address.

use super::CompareArgs;
use super::peers::Peer;
use crate::process::Process;
use crate::sign::Credentials;
use crate::simple::ask;
use crate::suite::servers::{Server, free_address, spawn};
use rustix::process::{Pid, Signal, kill_process};
use std::error::Error;
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long it may take to end when it is asked to.
const FAREWELL: Duration = Duration::from_secs(20);

/// What a server is started with.
#[derive(Debug)]
pub struct Launch {
    /// The program's file.
    pub program: PathBuf,
    /// A folder of its own.
    pub dir: PathBuf,
    /// Where it is to serve S3.
    pub address: SocketAddr,
    /// More addresses, for those who need them.
    pub others: Vec<SocketAddr>,
    /// Its CPUs.
    pub cpus: Vec<usize>,
    /// Its first user.
    pub credentials: Credentials,
    /// Folder with the programs of this project.
    pub own_programs: PathBuf,
}

/// A server that runs.
pub struct Running {
    /// What it is.
    pub peer: Box<dyn Peer>,
    /// What it was started with.
    pub launch: Launch,
    server: Option<Server>,
}

/// Where a program is: named by a flag, of this project, or installed.
pub fn find(args: &CompareArgs, program: &str) -> Result<PathBuf, String> {
    let named = args.program.iter().find_map(|pair| {
        let (name, path) = pair.split_once('=')?;
        (name == program).then(|| PathBuf::from(path))
    });
    let installed = args.peers_dir.join("bin").join(program);
    let path = named.unwrap_or_else(|| {
        let own = args.programs.join(program);
        if own.is_file() { own } else { installed }
    });
    if path.is_file() {
        return Ok(path);
    }
    let reason = super::install::reason(&args.peers_dir, program);
    Err(reason.unwrap_or_else(|| {
        format!(
            "{} does not exist; `chainring-load install` makes it",
            path.display()
        )
    }))
}

impl Running {
    /// Starts a server in a folder of its own and waits until it answers.
    pub fn start(peer: Box<dyn Peer>, args: &CompareArgs) -> Result<Self, Box<dyn Error>> {
        let dir = args.dir.join(peer.id());
        std::fs::create_dir_all(&dir)?;
        let others = (0..8).map(|_| free_address()).collect::<Result<_, _>>()?;
        let launch = Launch {
            program: find(args, peer.program())?,
            dir: dir.canonicalize()?,
            address: free_address()?,
            others,
            cpus: peer.cpus(&args.server_cpus, &args.client_cpus),
            credentials: peer.credentials(),
            own_programs: args.programs.clone(),
        };
        let mut running = Self {
            peer,
            launch,
            server: None,
        };
        running.go()?;
        running.peer.prepare(&running.launch)?;
        Ok(running)
    }

    /// Starts it (again) on what its folder holds. Returns the time until it answered.
    pub fn go(&mut self) -> Result<Duration, Box<dyn Error>> {
        let began = Instant::now();
        let mut command = self.peer.command(&self.launch)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())?;
        command.stdout(log.try_clone()?).stderr(log);
        self.server = Some(Server::of(spawn(command, &self.launch.cpus)?));
        while let Err(error) = self.answers() {
            let has_ended = self.server.as_mut().is_none_or(Server::has_ended);
            if has_ended || began.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
                let lines: Vec<&str> = log.lines().rev().take(8).collect();
                let lines: Vec<&str> = lines.into_iter().rev().collect();
                return Err(format!("it does not answer: {error}\n{}", lines.join("\n")).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(began.elapsed())
    }

    fn answers(&self) -> Result<(), Box<dyn Error>> {
        if self.peer.is_floor() {
            TcpStream::connect(self.launch.address)?;
        } else {
            ask(
                self.launch.address,
                &self.launch.credentials,
                "GET",
                "/",
                200,
            )?;
        }
        Ok(())
    }

    /// Ends it in order, or by force when that takes too long.
    pub fn stop(&mut self) -> Result<(), Box<dyn Error>> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        let pid = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or("no process id")?, Signal::TERM)?;
        let patience = Instant::now() + FAREWELL;
        while !server.has_ended() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process(self.server.as_ref().map_or(0, Server::id))
    }

    /// Ends it and removes what it stored.
    pub fn clear(mut self) -> Result<(), Box<dyn Error>> {
        self.stop()?;
        // What it said is of interest only when something failed; there may be none of warp's.
        let _ = std::fs::remove_file(self.log_file());
        remove(&self.launch.dir.with_extension("warp"))?;
        remove(&self.launch.dir)
    }

    fn log_file(&self) -> PathBuf {
        self.launch.dir.with_extension("log")
    }
}

/// Removes a folder.
pub fn remove(dir: &Path) -> Result<(), Box<dyn Error>> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", dir.display()).into())
        }
        _ => Ok(()),
    }
}
