//! The admin listeners, on the core that runs the namespace's writer.

use super::boot::BootError;
use super::core::DaemonCore;
use crate::admin::{About, Engine, Server};
use crate::config::Config;
use crate::io::{Clock, RealClock, UnixListener, UringDisk, net, spawn_vital};
use crate::log::Durability;
use crate::shard::core::NAMESPACE_CORE;
use chainring_protocol::message::Durability as ShownDurability;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

/// The admin side of a core: nothing on all but one.
pub struct Admin(Option<Server<Engine<UringDisk, RealClock>>>);

impl Admin {
    /// Listens where the settings say, and serves in the background.
    pub fn start(core: &Rc<DaemonCore>, config: &Config, about: About) -> Result<Self, BootError> {
        if core.index() != NAMESPACE_CORE {
            return Ok(Self(None));
        }
        let failed = |address: String| move |error| BootError::Listen { address, error };
        let path = &config.admin_socket;
        let unix = UnixListener::bind(path).map_err(failed(path.display().to_string()))?;
        let tcp = match config.admin_listen {
            None => None,
            Some(address) => net::listen(address, 1)
                .map_err(failed(address.to_string()))?
                .pop(),
        };
        let server = Server::new(Engine::new(core.clone(), about));
        let serving = server.clone();
        spawn_vital("admin socket", async move {
            ended("unix socket", serving.serve_unix(unix).await);
        });
        if let Some(tcp) = tcp {
            let serving = server.clone();
            spawn_vital("admin port", async move {
                ended("TCP port", serving.serve_tcp(tcp).await);
            });
        }
        Ok(Self(Some(server)))
    }

    /// Accepts nobody any more; connections end once they have nothing in progress.
    pub fn close(&self) {
        if let Some(server) = &self.0 {
            server.close();
        }
    }

    /// Resolves when no connection is left.
    pub async fn drained(&self) {
        if let Some(server) = &self.0 {
            server.drained().await;
        }
    }
}

/// What `chainring status` says of this daemon.
pub fn about(config: &Config, store: [u8; 16], durability: Durability, s3: SocketAddr) -> About {
    About {
        store,
        pid: std::process::id(),
        started: RealClock.monotonic(),
        durability: match durability {
            Durability::Strict => ShownDurability::Strict,
            Durability::Relaxed { .. } => ShownDurability::Relaxed,
        },
        s3_endpoint: format!("http://{s3}"),
        data_dir: config.data_dir.display().to_string(),
        expire_uploads: config.expire_uploads.0,
    }
}

/// The store can be served without being administered, so the daemon goes on.
fn ended(what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "the admin {what} takes no connections any more");
    }
}
