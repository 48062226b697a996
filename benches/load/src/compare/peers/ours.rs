//! Chainring itself.

use super::Peer;
use crate::compare::ground::Launch;
use crate::compare::kind::{Kind, Way};
use std::error::Error;
use std::process::Command;

/// Chainring, with flags.
#[derive(Clone, Debug)]
pub struct Chainring {
    /// Behind its name in tables.
    pub suffix: &'static str,
    /// More flags.
    pub flags: Vec<String>,
    /// Whether it gets the client's CPUs as well.
    pub has_all_cpus: bool,
    /// Whether it answers a PUT when it is on the device.
    pub flushes: bool,
}

impl Chainring {
    /// As it is when nothing is set.
    #[must_use]
    pub const fn strict() -> Self {
        Self {
            suffix: "",
            flags: Vec::new(),
            has_all_cpus: false,
            flushes: true,
        }
    }

    /// On the servers' and the client's CPUs.
    #[must_use]
    pub const fn two_cores() -> Self {
        Self {
            suffix: "-all-cpus",
            flags: Vec::new(),
            has_all_cpus: true,
            flushes: true,
        }
    }

    /// Hashes one upload after the other, as a build without vector instructions does.
    #[must_use]
    pub fn scalar_md5() -> Self {
        Self {
            suffix: "-scalar-md5",
            flags: vec!["--scalar-md5".to_owned()],
            has_all_cpus: false,
            flushes: true,
        }
    }

    /// Answers before the flush.
    #[must_use]
    pub fn relaxed() -> Self {
        Self {
            suffix: "-relaxed",
            flags: vec!["--durability=relaxed".to_owned()],
            has_all_cpus: false,
            flushes: false,
        }
    }
}

impl Peer for Chainring {
    fn id(&self) -> String {
        format!("chainring{}", self.suffix)
    }

    fn program(&self) -> &'static str {
        "chainringd"
    }

    fn durability(&self) -> &'static str {
        if self.flushes {
            "default: answers when object and metadata are flushed, many uploads with one flush"
        } else {
            "answers when it is written, flushes soon after"
        }
    }

    fn flushes(&self) -> bool {
        self.flushes
    }

    fn can(&self, kind: &Kind) -> bool {
        // In all ways only as it is when nothing is set.
        self.suffix.is_empty() || kind.way == Way::Direct && kind.objects == 0
    }

    fn cpus(&self, servers: &[usize], client: &[usize]) -> Vec<usize> {
        let mut cpus = servers.to_vec();
        if self.has_all_cpus {
            cpus.extend(client);
            cpus.sort_unstable();
            cpus.dedup();
        }
        cpus
    }

    fn command(&self, launch: &Launch) -> Result<Command, Box<dyn Error>> {
        let mut command = Command::new(&launch.program);
        command
            .arg("--data-dir")
            .arg(&launch.dir)
            .args(["--s3-listen", &launch.address.to_string()])
            .args(["--cores", &launch.cpus.len().to_string()])
            .args(&self.flags)
            .env("CHAINRING_ACCESS_KEY", &launch.credentials.access_key)
            .env("CHAINRING_SECRET_KEY", &launch.credentials.secret)
            .env("CHAINRING_LOG", "warn");
        Ok(command)
    }

    fn link(&self, launch: &Launch, from: &str, to: &str) -> Result<(), Box<dyn Error>> {
        let output = Command::new(launch.own_programs.join("chainring"))
            .arg("--admin-socket")
            .arg(launch.dir.join("admin.sock"))
            .args(["bucket", "link"])
            .args([format!("/s3v/{to}"), format!("/s3v/{from}")])
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(format!("no link: {}", text.trim()).into())
    }
}
