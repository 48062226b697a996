//! Finding the daemon.

use crate::args::Global;
use crate::error::Error;
use chainring_protocol::Secret;
use chainring_protocol::client::{Client, ClientError, Login};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Looked for when nobody says where the daemon is.
const SOCKETS: [&str; 2] = ["chainring-data/admin.sock", "/run/chainring/admin.sock"];

/// A daemon that says nothing for so long is taken for dead.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

const SOFTWARE: &str = concat!("chainring ", env!("CARGO_PKG_VERSION"));

/// The same while it does what may take long.
const LONG_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// Either kind of connection.
pub trait Stream: Read + Write {
    /// How long to wait for bytes.
    fn wait_at_most(&self, time: Duration) -> io::Result<()>;
}

impl Stream for UnixStream {
    fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }
}

impl Stream for TcpStream {
    fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }
}

/// Asks for what may take long.
pub fn with_patience<T>(
    daemon: &mut Connection,
    ask: impl FnOnce(&mut Connection) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    daemon.stream().wait_at_most(LONG_TIMEOUT)?;
    let answer = ask(daemon);
    daemon.stream().wait_at_most(ANSWER_TIMEOUT)?;
    answer
}

/// A connected client.
pub type Connection = Client<Box<dyn Stream>>;

/// The way to the daemon for one command or many: they share a connection, which is made when the
/// first of them needs it.
pub struct Session {
    global: Global,
    connection: Option<Connection>,
}

impl Session {
    /// Not connected yet.
    pub const fn new(global: Global) -> Self {
        Self {
            global,
            connection: None,
        }
    }

    /// The connection.
    pub fn daemon(&mut self) -> Result<&mut Connection, Error> {
        match self.connection {
            Some(ref mut connection) => Ok(connection),
            ref mut none => Ok(none.insert(connect(&self.global)?)),
        }
    }

    /// After a failure: a connection that is of no further use is closed, so that the next command
    /// makes a new one.
    pub fn look_at(&mut self, error: &Error) {
        if error.ends_connection() {
            self.connection = None;
        }
    }
}

/// Connects as the command line and the environment say.
fn connect(global: &Global) -> Result<Connection, Error> {
    match &global.tcp {
        Some(address) => over_tcp(address, global),
        None => over_unix(global.admin_socket.as_deref(), global.act_as.as_deref()),
    }
}

fn over_unix(named: Option<&Path>, act_as: Option<&str>) -> Result<Connection, Error> {
    let from_env = std::env::var_os("CHAINRING_ADMIN_SOCKET").filter(|path| !path.is_empty());
    let candidates: Vec<PathBuf> = match (named, from_env) {
        (Some(path), _) => vec![path.to_owned()],
        (None, Some(path)) => vec![path.into()],
        (None, None) => SOCKETS.map(PathBuf::from).to_vec(),
    };
    let mut tried = Vec::new();
    for path in candidates {
        match UnixStream::connect(&path) {
            Ok(stream) => {
                stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
                stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
                let stream: Box<dyn Stream> = Box::new(stream);
                return Ok(Client::connect_as(stream, SOFTWARE, act_as)?);
            }
            Err(error) => tried.push((path, error)),
        }
    }
    Err(Error::NoDaemon { tried })
}

fn over_tcp(address: &str, global: &Global) -> Result<Connection, Error> {
    let key_id = global
        .key_id
        .clone()
        .or_else(|| std::env::var("CHAINRING_ACCESS_KEY").ok())
        .ok_or_else(|| {
            Error::Usage("--tcp needs an access key: --key-id or CHAINRING_ACCESS_KEY".to_owned())
        })?;
    let secret = std::env::var("CHAINRING_SECRET_KEY")
        .map(Secret::new)
        .map_err(|_| {
            Error::Usage("--tcp needs the access key's secret in CHAINRING_SECRET_KEY".to_owned())
        })?;
    let failed = |error| Error::Tcp {
        address: address.to_owned(),
        error,
    };
    let stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    stream
        .set_read_timeout(Some(ANSWER_TIMEOUT))
        .map_err(failed)?;
    stream
        .set_write_timeout(Some(ANSWER_TIMEOUT))
        .map_err(failed)?;
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|error| failed(std::io::Error::other(error)))?;
    let login = Login {
        key_id,
        secret,
        nonce,
        act_as: global.act_as.clone(),
    };
    let stream: Box<dyn Stream> = Box::new(stream);
    Ok(Client::connect_with_login(stream, SOFTWARE, &login)?)
}
