//! SeaweedFS: master, volume server, filer and S3 gateway in one process.
//!
//! It appends objects to volumes through the page cache. With `fsync` for the path (`fs.configure`)
//! a volume is flushed before the answer, up to 128 writes at once; the filer's database, which
//! holds the names, is not.

use super::Peer;
use crate::compare::ground::Launch;
use serde_json::json;
use std::error::Error;
use std::io::Write;
use std::process::{Command, Stdio};

/// SeaweedFS.
#[derive(Clone, Copy, Debug)]
pub struct SeaweedFs {
    /// Whether volumes are flushed.
    pub syncs: bool,
}

impl Peer for SeaweedFs {
    fn id(&self) -> String {
        let name = if self.syncs {
            "seaweedfs-fsync"
        } else {
            "seaweedfs"
        };
        name.to_owned()
    }

    fn program(&self) -> &'static str {
        "weed"
    }

    fn durability(&self) -> &'static str {
        if self.syncs {
            "fs.configure -fsync: flushes the volume, not the filer's database of names"
        } else {
            "default: flushes nothing"
        }
    }

    fn flushes(&self) -> bool {
        self.syncs
    }

    fn version_flag(&self) -> &'static str {
        "version"
    }

    fn command(&self, launch: &Launch) -> Result<Command, Box<dyn Error>> {
        let config = launch.dir.join("s3.json");
        let users = json!({"identities": [{
            "name": "bench",
            "credentials": [{
                "accessKey": launch.credentials.access_key,
                "secretKey": launch.credentials.secret,
            }],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }]});
        std::fs::write(&config, users.to_string())?;
        let data = launch.dir.join("data");
        std::fs::create_dir_all(&data)?;
        let mut command = Command::new(&launch.program);
        command
            .arg("server")
            .arg(format!("-dir={}", data.display()))
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"])
            .args(["-volume.max=0", "-master.volumeSizeLimitMB=1024"])
            .arg(format!("-s3.port={}", launch.address.port()))
            .arg(format!("-s3.config={}", config.display()));
        let ports = [
            "s3.port.grpc",
            "master.port",
            "master.port.grpc",
            "filer.port",
            "filer.port.grpc",
            "volume.port",
            "volume.port.grpc",
        ];
        for (flag, address) in ports.into_iter().zip(&launch.others) {
            command.arg(format!("-{flag}={}", address.port()));
        }
        command.current_dir(&launch.dir);
        Ok(command)
    }

    fn prepare(&self, launch: &Launch) -> Result<(), Box<dyn Error>> {
        if !self.syncs {
            return Ok(());
        }
        let port = |at: usize| launch.others.get(at).map_or(0, std::net::SocketAddr::port);
        let mut shell = Command::new(&launch.program)
            .arg("shell")
            .arg(format!("-master=127.0.0.1:{}.{}", port(1), port(2)))
            .arg(format!("-filer=127.0.0.1:{}.{}", port(3), port(4)))
            .current_dir(&launch.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut input = shell.stdin.take().ok_or("no input of the shell")?;
        input.write_all(b"fs.configure -locationPrefix=/buckets/ -fsync -apply\nexit\n")?;
        drop(input);
        let output = shell.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if output.status.success() && text.contains("\"fsync\"") && text.contains("true") {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("fs.configure failed: {} {}", text.trim(), errors.trim()).into())
    }
}
