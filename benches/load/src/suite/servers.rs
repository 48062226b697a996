//! The servers of the suite: started, made ready, and ended with it.

use super::{SuiteArgs, credentials};
use crate::process::pin_to;
use crate::sign::Credentials;
use crate::simple::create_bucket;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that ends with this value.
#[derive(Debug)]
pub struct Server(Child);

impl Server {
    /// Takes a process over.
    #[must_use]
    pub const fn of(child: Child) -> Self {
        Self(child)
    }

    /// Whether it is gone.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; its store is thrown away in any case.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that goes with this value.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Everything the suite asks.
#[derive(Debug)]
pub struct Servers {
    /// Where the daemon serves S3.
    pub s3: SocketAddr,
    /// The daemon.
    pub daemon: Server,
    /// The responder that does nothing but answer.
    pub bare: Bare,
    /// The responder that writes to a log and answers when it is flushed.
    pub bare_log: Bare,
    /// Keys of the daemon's first user.
    pub credentials: Credentials,
    /// Whether there are links.
    pub has_link: bool,
    // Dropped last: the daemon must be gone before its folder goes.
    _folder: Folder,
}

/// A bare responder.
#[derive(Debug)]
pub struct Bare {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub server: Server,
}

const SIZES: [&str; 2] = ["4k", "1m"];

impl Servers {
    /// Starts both and makes the buckets and links.
    pub fn start(args: &SuiteArgs) -> Result<Self, Box<dyn Error>> {
        let store = args.dir.join("store");
        if store.exists() {
            return Err(format!("{} exists; remove it first", store.display()).into());
        }
        std::fs::create_dir_all(&store)?;
        let folder = Folder(args.dir.clone());
        let credentials = credentials();
        let s3 = free_address()?;
        let daemon = start_daemon(args, &store, s3, &credentials)?;
        let bare = start_bare(args, "bare_http", None)?;
        let log_folder = args.dir.join("bare-log");
        std::fs::create_dir_all(&log_folder)?;
        let bare_log = start_bare(args, "bare_log", Some(&log_folder))?;
        for size in SIZES {
            create_bucket(s3, &credentials, &format!("direct-{size}"))?;
        }
        let has_link = match create_links(args, &store) {
            Ok(()) => true,
            Err(error) => {
                eprintln!("no rows through a link: {error}");
                false
            }
        };
        Ok(Self {
            s3,
            daemon,
            bare,
            bare_log,
            credentials,
            has_link,
            _folder: folder,
        })
    }
}

/// An address of this machine on which nothing listens.
pub fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Starts a program on the servers' CPUs: a thread goes there first, and the child inherits it.
pub fn spawn(mut command: Command, cpus: &[usize]) -> Result<Child, Box<dyn Error>> {
    let cpus = cpus.to_vec();
    let program = command.get_program().to_owned();
    let started = std::thread::spawn(move || {
        pin_to(&cpus).map_err(|error| error.to_string())?;
        command.spawn().map_err(|error| error.to_string())
    });
    let started = started.join().map_err(|_| "a thread panicked")?;
    started.map_err(|error| format!("cannot start {}: {error}", program.display()).into())
}

/// Starts the daemon on a store.
pub fn start_daemon(
    args: &SuiteArgs,
    store: &Path,
    s3: SocketAddr,
    credentials: &Credentials,
) -> Result<Server, Box<dyn Error>> {
    let mut command = Command::new(args.programs.join("chainringd"));
    command
        .arg("--data-dir")
        .arg(store)
        .args(["--s3-listen", &s3.to_string()])
        .args(["--cores", &args.server_cpus.len().to_string()])
        .args(&args.daemon_flags)
        .env("CHAINRING_ACCESS_KEY", &credentials.access_key)
        .env("CHAINRING_SECRET_KEY", &credentials.secret)
        .env("CHAINRING_LOG", "warn")
        .stdout(Stdio::piped());
    let mut child = spawn(command, &args.server_cpus)?;
    let output = child.stdout.take();
    let server = Server(child);
    let mut first = String::new();
    BufReader::new(output.ok_or("no output of the daemon")?).read_line(&mut first)?;
    if first.contains("is ready") {
        Ok(server)
    } else {
        Err("the daemon did not start; its words are above".into())
    }
}

fn start_bare(
    args: &SuiteArgs,
    program: &str,
    folder: Option<&Path>,
) -> Result<Bare, Box<dyn Error>> {
    let address = free_address()?;
    let cpu = args.server_cpus.first().ok_or("no CPU for the servers")?;
    let mut command = Command::new(args.programs.join("examples").join(program));
    command
        .args([cpu.to_string(), address.port().to_string()])
        .args(folder)
        .stdout(Stdio::null());
    let server = Server(spawn(command, &[*cpu])?);
    let patience = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_err() {
        if Instant::now() > patience {
            return Err(format!("{program} does not answer").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Bare { address, server })
}

/// Runs the admin CLI.
pub fn chainring(args: &SuiteArgs, store: &Path, words: &[&str]) -> Result<(), Box<dyn Error>> {
    let output = Command::new(args.programs.join("chainring"))
        .arg("--admin-socket")
        .arg(store.join("admin.sock"))
        .args(words)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let words = words.join(" ");
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("chainring {words}: {}", text.trim()).into())
}

fn create_links(args: &SuiteArgs, store: &Path) -> Result<(), Box<dyn Error>> {
    let ask = |words: &[&str]| chainring(args, store, words);
    ask(&["volume", "create", "/vol1"])?;
    for size in SIZES {
        let source = format!("/vol1/source-{size}");
        ask(&["bucket", "create", &source])?;
        ask(&["bucket", "link", &source, &format!("/s3v/link-{size}")])?;
    }
    Ok(())
}
