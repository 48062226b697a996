//! One request at a time, for what is not measured: buckets, and whether a server answers.

use crate::request::Expected;
use crate::response::{Response, Wrong};
use crate::sign::{Credentials, Request, Signer, UNSIGNED};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

/// Why there is no right answer.
#[derive(Debug, thiserror::Error)]
pub enum SimpleError {
    /// The socket.
    #[error("{0}")]
    Socket(#[from] std::io::Error),
    /// The answer.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// None came.
    #[error("closed by the server before the answer was complete")]
    Closed,
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a request without a body and waits for the answer with this status; returns the length of
/// its body.
pub fn ask(
    server: SocketAddr,
    credentials: &Credentials,
    method: &str,
    path: &str,
    status: u16,
) -> Result<u64, SimpleError> {
    let signer = Signer::new(credentials.clone(), SystemTime::now());
    let head = signer.head(&Request {
        method,
        host: &server.to_string(),
        path,
        query: &[],
        payload: UNSIGNED,
        content_length: (method == "PUT").then_some(0),
    });
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&head)?;
    let expected = Expected {
        status,
        length: None,
        bodiless: method == "HEAD" || status == 204,
    };
    let (mut response, mut buffer) = (Response::default(), vec![0; 64 * 1024]);
    loop {
        let got = stream.read(&mut buffer)?;
        if got == 0 {
            return Err(SimpleError::Closed);
        }
        let bytes = buffer.get(..got).unwrap_or_default();
        if let Some(length) = response.take(bytes, &expected)? {
            return Ok(length);
        }
    }
}

/// Makes a bucket.
pub fn create_bucket(
    server: SocketAddr,
    credentials: &Credentials,
    bucket: &str,
) -> Result<(), SimpleError> {
    ask(server, credentials, "PUT", &format!("/{bucket}"), 200).map(|_| ())
}
