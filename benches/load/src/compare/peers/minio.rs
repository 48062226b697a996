//! MinIO on one folder.
//!
//! It writes small objects with their metadata into one file, opened for synchronous writes or
//! flushed with `fdatasync`, and the parts of larger ones past the page cache with `fdatasync`; then
//! it renames the file. The folders that name it are flushed only with `MINIO_FS_OSYNC`, which has
//! it flush the whole system.

use super::Peer;
use crate::compare::ground::Launch;
use std::error::Error;
use std::process::Command;

/// MinIO.
#[derive(Clone, Copy, Debug)]
pub struct Minio {
    /// Whether names are flushed too.
    pub syncs: bool,
}

impl Peer for Minio {
    fn id(&self) -> String {
        if self.syncs { "minio-osync" } else { "minio" }.to_owned()
    }

    fn program(&self) -> &'static str {
        "minio"
    }

    fn durability(&self) -> &'static str {
        if self.syncs {
            "MINIO_FS_OSYNC: flushes the files of the object, then the whole system"
        } else {
            "default: flushes the files of the object, not the folders that name them"
        }
    }

    fn flushes(&self) -> bool {
        true
    }

    fn command(&self, launch: &Launch) -> Result<Command, Box<dyn Error>> {
        let mut command = Command::new(&launch.program);
        command
            .args(["server", "--quiet"])
            .args(["--address", &launch.address.to_string()])
            .arg(&launch.dir)
            .env("MINIO_ROOT_USER", &launch.credentials.access_key)
            .env("MINIO_ROOT_PASSWORD", &launch.credentials.secret)
            .env("MINIO_REGION", &launch.credentials.region)
            .env("MINIO_BROWSER", "off")
            .env("MINIO_UPDATE", "off")
            .env("MINIO_FS_OSYNC", if self.syncs { "on" } else { "off" });
        Ok(command)
    }
}
