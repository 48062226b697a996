//! The whole daemon on the store.

use crate::Cli;
use crate::figures::{Started, resident};
use chainring_load::process::Process;
use chainring_load::request::Expected;
use chainring_load::response::Response;
use chainring_load::sign::{Credentials, Request, Signer, UNSIGNED};
use rustix::process::{Pid, Signal, kill_process};
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime};

/// The bucket of all the objects.
pub const MANY: &str = "many";
/// The small one.
pub const FEW: &str = "few";

/// A daemon that serves the store. It is killed when this goes.
pub struct Daemon {
    child: Child,
    /// Where it listens.
    pub s3: SocketAddr,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already when all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The keys of the store's first user.
pub fn credentials() -> Credentials {
    Credentials {
        access_key: "CHAINRINGBENCH00".to_owned(),
        secret: "objects-bench-secret-objects-bench-secret".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

impl Daemon {
    /// Starts it and waits until it is ready.
    pub fn start(program: &Path, cli: &Cli) -> Result<Self, Box<dyn Error>> {
        let s3 = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let credentials = credentials();
        let mut child = Command::new("taskset")
            .args(["-c", &cli.cpu.to_string()])
            .arg(program)
            .arg("--data-dir")
            .arg(&cli.dir)
            .args(["--s3-listen", &s3.to_string(), "--cores", "1"])
            .args(["--shards", &cli.shards.to_string()])
            .env("CHAINRING_ACCESS_KEY", &credentials.access_key)
            .env("CHAINRING_SECRET_KEY", &credentials.secret)
            .env("CHAINRING_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take();
        let daemon = Self { child, s3 };
        let mut first = String::new();
        BufReader::new(output.ok_or("no output of the daemon")?).read_line(&mut first)?;
        if first.contains("is ready") {
            Ok(daemon)
        } else {
            Err("the daemon did not start; its words are above".into())
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it end in order.
    pub fn stop(mut self) -> Result<(), Box<dyn Error>> {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or("no process id")?, Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the daemon ended with {status}").into())
        }
    }

    /// Makes a bucket, or an empty object.
    fn put(&self, path: &str) -> Result<(), Box<dyn Error>> {
        let signer = Signer::new(credentials(), SystemTime::now());
        let head = signer.head(&Request {
            method: "PUT",
            host: &self.s3.to_string(),
            path,
            query: &[],
            payload: UNSIGNED,
            content_length: Some(0),
        });
        let mut stream = TcpStream::connect(self.s3)?;
        stream.write_all(&head)?;
        let expected = Expected {
            status: 200,
            length: None,
            bodiless: false,
        };
        let (mut response, mut buffer) = (Response::default(), [0; 4096]);
        loop {
            let got = stream.read(&mut buffer)?;
            let bytes = buffer.get(..got).filter(|bytes| !bytes.is_empty());
            let bytes = bytes.ok_or_else(|| format!("no answer about {path}"))?;
            if response.take(bytes, &expected)?.is_some() {
                return Ok(());
            }
        }
    }
}

/// Makes the store and its buckets, with an object in each: the index then tells which bucket is
/// which.
pub fn make_store(program: &Path, cli: &Cli) -> Result<(), Box<dyn Error>> {
    let daemon = Daemon::start(program, cli)?;
    for bucket in [MANY, FEW] {
        daemon.put(&format!("/{bucket}"))?;
        daemon.put(&format!("/{bucket}/first"))?;
    }
    daemon.stop()
}

/// Starts the daemon, waits until it is ready, and lets it end in order.
pub fn start(program: &Path, cli: &Cli) -> Result<Started, Box<dyn Error>> {
    let began = Instant::now();
    let daemon = Daemon::start(program, cli)?;
    let seconds = began.elapsed().as_secs_f64();
    let cpu_seconds = Process(daemon.id()).cpu_time()?.as_secs_f64();
    let resident_bytes = resident(&daemon.id().to_string())?;
    daemon.stop()?;
    Ok(Started {
        seconds,
        cpu_seconds,
        resident_bytes,
    })
}
