//! The Versity S3 gateway over a folder: objects are files, their metadata extended attributes.
//!
//! It writes through the page cache and flushes nothing; there is no option for it.

use super::Peer;
use crate::compare::ground::Launch;
use std::error::Error;
use std::process::Command;

/// Versity's gateway with its back end for files.
#[derive(Clone, Copy, Debug)]
pub struct Versity;

impl Peer for Versity {
    fn id(&self) -> String {
        "versity".to_owned()
    }

    fn program(&self) -> &'static str {
        "versitygw"
    }

    fn durability(&self) -> &'static str {
        "default, and there is no other: flushes nothing"
    }

    fn flushes(&self) -> bool {
        false
    }

    fn command(&self, launch: &Launch) -> Result<Command, Box<dyn Error>> {
        let mut command = Command::new(&launch.program);
        command
            .args(["--port", &launch.address.to_string()])
            .args(["--access", &launch.credentials.access_key])
            .args(["--secret", &launch.credentials.secret])
            .args(["--region", &launch.credentials.region])
            // Without it every request has its own connection.
            .args(["--quiet", "--keep-alive"])
            .arg("posix")
            .arg(&launch.dir);
        Ok(command)
    }
}
