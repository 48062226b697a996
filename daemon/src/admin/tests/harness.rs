//! What the tests of the admin side share: a daemon that serves on a unix socket and a TCP port while
//! a test runs on a thread of its own, and clients of it.

use crate::admin::{Backend, Server};
use crate::io::runtime::run;
use crate::io::{UnixListener, net, reply, spawn, timeout};
use chainring_protocol::client::{Client, ClientError, Login};
use chainring_protocol::{ResultCode, Secret};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::Duration;

/// A test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a daemon under test listens.
#[derive(Clone)]
pub(super) struct Daemon {
    socket: PathBuf,
    tcp: SocketAddr,
}

impl Daemon {
    pub(super) fn stream(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(super) fn client(&self) -> Client<UnixStream> {
        Client::connect(self.stream(), "test 1.0").unwrap()
    }

    pub(super) fn tcp_stream(&self) -> TcpStream {
        let stream = TcpStream::connect(self.tcp).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A client that logs in over TCP.
    pub(super) fn login(
        &self,
        key_id: &str,
        secret: &str,
    ) -> Result<Client<TcpStream>, ClientError> {
        let login = Login {
            key_id: key_id.to_owned(),
            secret: Secret::new(secret.to_owned()),
            nonce: [9; 32],
            act_as: None,
        };
        Client::connect_with_login(self.tcp_stream(), "test", &login)
    }
}

/// Runs `test` on a thread of its own while a server serves the backend that `start` makes in a new
/// folder; `stop` then ends what `start` began.
pub(super) fn serve<B, S, Starting, Stopping>(
    start: impl FnOnce(PathBuf) -> Starting + Send + 'static,
    stop: impl FnOnce(S) -> Stopping + Send + 'static,
    test: impl FnOnce(Daemon) + Send + 'static,
) where
    B: Backend,
    Starting: Future<Output = (B, S)>,
    Stopping: Future<Output = ()>,
{
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let unix = UnixListener::bind(&socket).unwrap();
    let tcp = net::listen("127.0.0.1:0".parse().unwrap(), 1)
        .unwrap()
        .remove(0);
    let daemon = Daemon {
        socket,
        tcp: tcp.local_addr(),
    };
    let path = folder.path().to_owned();
    let thread = run(async move {
        let (backend, started) = start(path).await;
        let server = Server::new(backend);
        let (one, other) = (server.clone(), server.clone());
        spawn(async move { one.serve_unix(unix).await.unwrap() });
        spawn(async move { other.serve_tcp(tcp).await.unwrap() });
        let (done, answer) = reply();
        let thread = std::thread::spawn(move || {
            // The runtime's wakers abort when they are used while a panic unwinds.
            let outcome = catch_unwind(AssertUnwindSafe(|| test(daemon)));
            done.send(());
            outcome.unwrap_or_else(|panic| resume_unwind(panic));
        });
        let _: Option<()> = answer.await;
        // Clients are gone or idle by now: nothing may hold up the end.
        server.close();
        timeout(Duration::from_secs(10), server.drained())
            .await
            .unwrap();
        stop(started).await;
        thread
    })
    .unwrap();
    thread.join().unwrap();
}

pub(super) fn code<T: std::fmt::Debug>(outcome: Result<T, ClientError>) -> ResultCode {
    match outcome.unwrap_err() {
        ClientError::Refused(failure) => failure.code,
        other => panic!("{other:?}"),
    }
}
