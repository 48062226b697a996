//! Garage on one node.
//!
//! Objects of up to 3 KiB are in its database, larger ones in files of blocks. `metadata_fsync` has
//! it flush the database, `data_fsync` the files and their folder; both are off by default.

use super::Peer;
use crate::compare::ground::Launch;
use std::error::Error;
use std::process::Command;

/// Garage.
#[derive(Clone, Copy, Debug)]
pub struct Garage {
    /// Whether it flushes both.
    pub syncs: bool,
}

impl Peer for Garage {
    fn id(&self) -> String {
        if self.syncs { "garage-fsync" } else { "garage" }.to_owned()
    }

    fn program(&self) -> &'static str {
        "garage"
    }

    fn durability(&self) -> &'static str {
        if self.syncs {
            "metadata_fsync and data_fsync: flushes database, files and folders"
        } else {
            "default: flushes nothing"
        }
    }

    fn flushes(&self) -> bool {
        self.syncs
    }

    fn command(&self, launch: &Launch) -> Result<Command, Box<dyn Error>> {
        let config = launch.dir.join("garage.toml");
        let rpc = launch
            .others
            .first()
            .ok_or("no address for its own calls")?;
        let text = format!(
            "metadata_dir = {meta:?}\ndata_dir = {data:?}\ndb_engine = \"lmdb\"\n\
             replication_factor = 1\nmetadata_fsync = {syncs}\ndata_fsync = {syncs}\n\
             rpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\nrpc_secret = \"{secret}\"\n\
             [s3_api]\napi_bind_addr = \"{s3}\"\ns3_region = \"{region}\"\n",
            meta = launch.dir.join("meta"),
            data = launch.dir.join("data"),
            syncs = self.syncs,
            secret = "00".repeat(32),
            s3 = launch.address,
            region = launch.credentials.region,
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new(&launch.program);
        command
            .arg("-c")
            .arg(&config)
            .args(["server", "--single-node", "--default-access-key"])
            .env("GARAGE_DEFAULT_ACCESS_KEY", &launch.credentials.access_key)
            .env("GARAGE_DEFAULT_SECRET_KEY", &launch.credentials.secret)
            .env("RUST_LOG", "garage=warn");
        Ok(command)
    }
}
