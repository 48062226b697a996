//! s3s-fs: objects are files below a folder.
//!
//! It writes through the page cache and flushes nothing; there is no option for it.

use super::Peer;
use crate::compare::ground::Launch;
use std::error::Error;
use std::process::Command;

/// s3s-fs.
#[derive(Clone, Copy, Debug)]
pub struct S3sFs;

impl Peer for S3sFs {
    fn id(&self) -> String {
        "s3s-fs".to_owned()
    }

    fn program(&self) -> &'static str {
        "s3s-fs"
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
            .args(["--host", &launch.address.ip().to_string()])
            .args(["--port", &launch.address.port().to_string()])
            .args(["--access-key", &launch.credentials.access_key])
            .args(["--secret-key", &launch.credentials.secret])
            .arg(&launch.dir)
            .env("RUST_LOG", "error");
        Ok(command)
    }
}
