//! Unix sockets, whose peers the kernel identifies.

use super::connection::Connection;
use super::net::recover;
use compio::buf::IntoInner;
use compio::driver::op::Accept;
use rustix::fs::Mode;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};
use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BACKLOG: i32 = 128;

/// A listening Unix socket that only its owner (and root) may connect to. Its file goes with it.
pub struct UnixListener {
    socket: Arc<OwnedFd>,
    path: PathBuf,
    /// Device and number of the socket's file, to remove no other.
    file: (u64, u64),
}

impl UnixListener {
    /// Listens at `path`. A socket file that a killed process left behind is replaced; one that
    /// somebody listens on, and anything that is not a socket, is an error.
    pub fn bind(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        let family = AddressFamily::UNIX;
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // The file gets the mode the socket has when it is bound, so it is never open to others,
        // not even for a moment.
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        bind(&socket, &SocketAddrUnix::new(path)?)?;
        listen(&socket, BACKLOG)?;
        let metadata = std::fs::symlink_metadata(path)?;
        Ok(Self {
            socket: Arc::new(socket),
            path: path.to_owned(),
            file: (metadata.dev(), metadata.ino()),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next connection; see [`super::net::TcpListener::accept`].
    pub async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (result, op) = compio::runtime::submit(Accept::new(self.socket.clone()))
                .await
                .into();
            match result {
                Ok(_) => return UnixStream::new(OwnedFd::from(op.into_inner().0)),
                Err(error) => recover(error).await?,
            }
        }
    }
}

impl Drop for UnixListener {
    fn drop(&mut self) {
        let now = std::fs::symlink_metadata(&self.path);
        if now.is_ok_and(|now| (now.dev(), now.ino()) == self.file) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    let metadata = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.file_type().is_socket() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// Who is at the other end of a Unix socket, as the kernel recorded it when they connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCredentials {
    /// The user.
    pub uid: u32,
    /// The process; 0 when it lives in another process namespace, as in a container.
    pub pid: i32,
}

/// rustix has a safe function for this, which takes the process for a number other than 0.
#[expect(unsafe_code, reason = "no sound safe interface")]
fn credentials(socket: &OwnedFd) -> io::Result<PeerCredentials> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut size = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    // SAFETY: the kernel writes at most `size` bytes, which is what `peer` has; any bytes are valid
    // for it.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut size,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(PeerCredentials {
        uid: peer.uid,
        pid: peer.pid,
    })
}

impl PeerCredentials {
    /// Whether this is the user the process runs as, or root.
    #[must_use]
    pub fn is_own_user_or_root(&self) -> bool {
        self.uid == 0 || self.uid == rustix::process::geteuid().as_raw()
    }
}

/// An accepted connection on a Unix socket.
pub struct UnixStream {
    connection: Connection,
    peer: PeerCredentials,
}

impl UnixStream {
    fn new(socket: OwnedFd) -> io::Result<Self> {
        let peer = credentials(&socket)?;
        let connection = Connection::new(socket);
        Ok(Self { connection, peer })
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> PeerCredentials {
        self.peer
    }
}

impl Deref for UnixStream {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::connection::Bytes;
    use crate::io::runtime::run;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream as Client;

    #[test]
    fn serves_and_knows_its_peer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{mode:o}");
        let client = std::thread::spawn({
            let path = path.clone();
            move || {
                let mut client = Client::connect(path).unwrap();
                client.write_all(b"ping").unwrap();
                let mut answer = String::new();
                client.read_to_string(&mut answer).unwrap();
                answer
            }
        });
        run(async {
            let stream = listener.accept().await.unwrap();
            assert_eq!(stream.peer().uid, rustix::process::getuid().as_raw());
            let own = i32::try_from(std::process::id()).unwrap();
            assert_eq!(stream.peer().pid, own);
            let (received, bytes) = stream.recv(b"> ".to_vec()).await;
            assert_eq!(received.unwrap(), 4);
            let (sent, _) = stream.send_all(Bytes::from(bytes)).await;
            sent.unwrap();
        })
        .unwrap();
        assert_eq!(client.join().unwrap(), "> ping");
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn replaces_a_stale_socket_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let stale = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let used = UnixListener::bind(&path).err().unwrap();
        assert_eq!(used.kind(), io::ErrorKind::AddrInUse);
        drop(stale);
        assert!(path.exists());
        drop(UnixListener::bind(&path).unwrap());

        std::fs::write(&path, "precious").unwrap();
        let other = UnixListener::bind(&path).err().unwrap();
        assert_eq!(other.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
