//! Chainring itself.

use super::Peer;
use crate::compare::ground::Launch;
use crate::compare::kind::Kind;
use std::error::Error;
use std::process::Command;

/// Chainring, with flags.
#[derive(Clone, Debug)]
pub struct Chainring {
    /// Behind its name in tables.
    pub suffix: &'static str,
    /// More flags.
    pub flags: Vec<String>,
    /// How many of the servers' CPUs it gets; all of them without a number.
    pub cores: Option<usize>,
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
            cores: None,
            flushes: true,
        }
    }

    /// Answers before the flush.
    #[must_use]
    pub fn relaxed() -> Self {
        Self {
            suffix: "-relaxed",
            flags: vec!["--durability=relaxed".to_owned()],
            cores: None,
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
        // Through links only as it is when nothing is set.
        kind.way == crate::compare::kind::Way::Direct || self.suffix.is_empty()
    }

    fn cpus(&self, all: &[usize]) -> Vec<usize> {
        let count = self.cores.unwrap_or(all.len());
        all.iter().copied().take(count).collect()
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
