//! A daemon in memory behind a socket in a folder of its own, and the command run against it.

use chainring_protocol::testing::FakeDaemon;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tempfile::TempDir;

/// A daemon and a folder to run commands in.
pub struct Setup {
    pub folder: TempDir,
    connections: Arc<AtomicUsize>,
    /// What the commands speak to.
    pub daemon: Arc<FakeDaemon>,
}

/// A command that ended.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Setup {
    /// The daemon's socket is where `chainring` finds it by itself.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("chainring-data")).unwrap();
        let daemon = Arc::new(FakeDaemon::default());
        let connections = serve(&folder.path().join("chainring-data/admin.sock"), &daemon);
        Self {
            folder,
            connections,
            daemon,
        }
    }

    /// How many connections there were so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// With /vol1/bucket1 in it.
    pub fn with_bucket() -> Self {
        let setup = Self::new();
        setup.ok(&["volume", "create", "/vol1"]);
        setup.ok(&["bucket", "create", "/vol1/bucket1"]);
        setup
    }

    /// The command, to be changed and run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chainring"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    /// Runs the command.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    /// Runs the command with something on standard input.
    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// Runs a command that succeeds without a word on standard error.
    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{args:?}");
        ran.out
    }

    /// Runs a command that the daemon refuses.
    pub fn refused(&self, args: &[&str], code: &str) {
        let ran = self.run(args);
        assert_eq!(ran.status, 1, "{args:?} {ran:?}");
        assert!(ran.err.starts_with(&format!("{code} ")), "{args:?} {ran:?}");
        assert_eq!(ran.out, "", "{args:?}");
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A daemon that listens at `path` as long as the tests run; counts its connections.
pub fn listen(path: &Path) -> Arc<AtomicUsize> {
    serve(path, &Arc::new(FakeDaemon::default()))
}

fn serve(path: &Path, daemon: &Arc<FakeDaemon>) -> Arc<AtomicUsize> {
    let listener = UnixListener::bind(path).unwrap();
    let daemon = Arc::clone(daemon);
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let daemon = Arc::clone(&daemon);
            thread::spawn(move || drop(daemon.serve(stream.unwrap())));
        }
    });
    connections
}

/// A daemon that listens on TCP for one user, and its address.
pub fn listen_tcp(access_key: &str, secret: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let daemon = Arc::new(FakeDaemon::with_login(access_key, secret));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let daemon = Arc::clone(&daemon);
            thread::spawn(move || drop(daemon.serve(stream.unwrap())));
        }
    });
    address
}
