//! A daemon in memory that serves one connection at a time over anything that reads and writes. It
//! exists to test clients: no durability, no limits, and links resolve one hop.

mod acls;
mod extras;
mod links;
mod more;
mod scrub;
mod store;
mod tenants;
mod uploads;

use crate::auth::Session;
use crate::auth::Transcript;
use crate::codec::Codec;
use crate::frame::{Builder, Frame, Header, Kind};
use crate::limits::{DATA_BYTES_MAX, STREAM_WINDOW};
use crate::message::{Authentication, Done, Hello, HelloReply, KeyGet, KeyPut, UploadInfo};
use crate::operation::{Opcode, Reply, Request};
use crate::result_code::{Failure, ResultCode};
use crate::secret::Secret;
use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use store::{FakeStore, Outcome};

/// A daemon in memory; connections may share it from several threads.
#[derive(Default)]
pub struct FakeDaemon {
    store: Mutex<FakeStore>,
    /// Access key and secret of the one who may log in; without them no login is asked for.
    login: Option<(String, Secret)>,
}

/// One connection: what was received, and the two directions' signers.
struct Connection<S> {
    stream: S,
    received: Vec<u8>,
    session: Option<Session>,
    proven: bool,
    hello: bool,
    /// Who it wants to be.
    caller: Option<String>,
}

/// A frame, copied out of the receive buffer.
struct Received {
    header: Header,
    body: Vec<u8>,
}

impl FakeDaemon {
    /// A daemon that asks for a login, as over TCP.
    #[must_use]
    pub fn with_login(access_key: &str, secret: &str) -> Self {
        Self {
            store: Mutex::default(),
            login: Some((access_key.to_owned(), Secret::new(secret.to_owned()))),
        }
    }

    /// Begins an upload, as only S3 clients do otherwise.
    pub fn add_upload(&self, upload: UploadInfo) {
        self.store().add_upload(upload);
    }

    /// Serves one connection until its end.
    pub fn serve(&self, stream: impl Read + Write) -> io::Result<()> {
        let mut connection = Connection {
            stream,
            received: Vec::new(),
            session: None,
            proven: self.login.is_none(),
            hello: false,
            caller: None,
        };
        while let Some(frame) = connection.receive()? {
            // Anything else is of a stream that is over.
            if frame.header.kind == Kind::Request {
                self.request(&mut connection, &frame)?;
            }
        }
        Ok(())
    }

    fn store(&self) -> MutexGuard<'_, FakeStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request<S: Read + Write>(
        &self,
        connection: &mut Connection<S>,
        frame: &Received,
    ) -> io::Result<()> {
        let header = frame.header;
        let request = Opcode::from_number(header.opcode)
            .ok_or_else(|| {
                let text = format!("unknown operation {:#06x}", header.opcode);
                Failure::new(ResultCode::NotSupportedOperation, text)
            })
            .and_then(|opcode| {
                Request::from_body(opcode, &frame.body)
                    .map_err(|error| Failure::new(ResultCode::InvalidRequest, error.to_string()))
            });
        let request = match request {
            Ok(request) => request,
            Err(failure) => return connection.respond(header, Err(failure)),
        };
        match request {
            Request::Hello(hello) if !connection.hello => self.hello(connection, frame, &hello),
            _ if !connection.hello => {
                let failure = Failure::new(ResultCode::InvalidRequest, "hello comes first");
                connection.respond(header, Err(failure))
            }
            Request::Authenticate(_) => {
                connection.proven = true;
                connection.respond(header, Ok(Done {}.into()))
            }
            _ if !connection.proven => {
                let failure = Failure::new(ResultCode::PermissionDenied, "log in first");
                connection.respond(header, Err(failure))
            }
            _ if self.login.is_some() && request.opcode().access().only_local() => {
                let failure = Failure::new(
                    ResultCode::PermissionDenied,
                    "secrets travel over the unix socket only",
                );
                connection.respond(header, Err(failure))
            }
            Request::KeyPut(put) => self.put(connection, header, &put),
            Request::KeyGet(get) => self.get(connection, header, &get),
            other => {
                let caller = connection.caller.as_deref().unwrap_or("root");
                let reply = self.store().call(caller, other);
                connection.respond(header, reply)
            }
        }
    }

    fn hello<S: Read + Write>(
        &self,
        connection: &mut Connection<S>,
        frame: &Received,
        hello: &Hello,
    ) -> io::Result<()> {
        connection.hello = true;
        connection.caller.clone_from(&hello.act_as);
        let reply = HelloReply {
            version: 1,
            authentication: match self.login {
                Some(_) => Authentication::HmacSha256,
                None => Authentication::None,
            },
            nonce: [0x5a; 32],
            requests_max: 16,
            software: "fake 1.0".to_owned(),
        };
        let mut question = frame.header.to_bytes().to_vec();
        question.extend_from_slice(&frame.body);
        let answer = connection.send(
            Header::new(Kind::Response, frame.header.request, frame.header.opcode),
            &reply.to_bytes().map_err(io::Error::other)?,
        )?;
        if let Some((access_key, secret)) = &self.login {
            let unknown = Secret::new("no such key".to_owned());
            let known = *access_key == hello.key_id;
            let transcript = Transcript::new(&question, &answer);
            connection.session = Some(Session::new(
                if known { secret } else { &unknown },
                &transcript,
            ));
        }
        Ok(())
    }

    fn put<S: Read + Write>(
        &self,
        connection: &mut Connection<S>,
        header: Header,
        put: &KeyPut,
    ) -> io::Result<()> {
        if let Err(failure) = self.store().resolve(&put.bucket) {
            return connection.respond(header, Err(failure));
        }
        let mut bytes = Vec::new();
        loop {
            let frame = connection.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if frame.header.request != header.request {
                continue;
            }
            match frame.header.kind {
                Kind::Data => {
                    bytes.extend_from_slice(&frame.body);
                    let credit = Header {
                        kind: Kind::Credit,
                        ..header
                    };
                    connection.send(credit, &1u32.to_le_bytes())?;
                }
                Kind::End => {
                    let reply = self.store().put(put, bytes);
                    return connection.respond(header, reply);
                }
                _ => {
                    let failure = Failure::new(ResultCode::InvalidRequest, "it was given up");
                    return connection.respond(header, Err(failure));
                }
            }
        }
    }

    fn get<S: Read + Write>(
        &self,
        connection: &mut Connection<S>,
        header: Header,
        get: &KeyGet,
    ) -> io::Result<()> {
        let (info, bytes) = match self.store().get(&get.bucket, &get.key) {
            Ok(found) => found,
            Err(failure) => return connection.respond(header, Err(failure)),
        };
        connection.respond(header, Ok(info.into()))?;
        let mut credit = STREAM_WINDOW;
        let mut cancelled = HashSet::new();
        for piece in bytes.chunks(DATA_BYTES_MAX as usize) {
            while credit == 0 && cancelled.is_empty() {
                let frame = connection.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
                match frame.header.kind {
                    Kind::Credit => credit += u32::from_bytes(&frame.body).unwrap_or(0),
                    Kind::Cancel => drop(cancelled.insert(frame.header.request)),
                    _ => {}
                }
            }
            if !cancelled.is_empty() {
                break;
            }
            credit -= 1;
            let data = Header {
                kind: Kind::Data,
                ..header
            };
            connection.send(data, piece)?;
        }
        let end = Header {
            kind: Kind::End,
            ..header
        };
        connection.send(end, &[]).map(|_| ())
    }
}

impl<S: Read + Write> Connection<S> {
    fn receive(&mut self) -> io::Result<Option<Received>> {
        loop {
            if let Some(frame) = Frame::parse(&self.received).map_err(io::Error::other)? {
                if let Some(session) = &mut self.session {
                    let tag = frame.tag().ok_or(io::ErrorKind::InvalidData)?;
                    if session.client.verify(frame.covered(), tag).is_err() {
                        self.session = None;
                        let failure =
                            Failure::new(ResultCode::PermissionDenied, "the login is wrong");
                        self.respond(Header::new(Kind::Response, 0, 0), Err(failure))?;
                        return Ok(None);
                    }
                }
                let (header, len) = (frame.header, frame.bytes().len());
                let body = frame.body().to_vec();
                self.received.drain(..len);
                return Ok(Some(Received { header, body }));
            }
            let mut more = vec![0; 64 * 1024];
            let count = self.stream.read(&mut more)?;
            if count == 0 {
                return Ok(None);
            }
            self.received.extend(more.iter().take(count));
        }
    }

    fn send(&mut self, header: Header, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let builder = Builder::new(&mut out);
        builder.out.extend_from_slice(body);
        let signer = self.session.as_mut().map(|session| &mut session.daemon);
        builder.finish(header, signer).map_err(io::Error::other)?;
        self.stream.write_all(&out)?;
        Ok(out)
    }

    fn respond(&mut self, asked: Header, reply: Result<Reply, Failure>) -> io::Result<()> {
        let mut header = Header::new(Kind::Response, asked.request, asked.opcode);
        let mut body = Vec::new();
        match reply {
            Ok(reply) => reply.encode_body(&mut body),
            Err(failure) => {
                header.result = failure.code.number();
                failure.encode_body(&mut body)
            }
        }
        .map_err(io::Error::other)?;
        self.send(header, &body).map(|_| ())
    }
}
