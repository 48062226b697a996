//! A synchronous client over anything that reads and writes.
//!
//! ```no_run
//! use chainring_protocol::client::Client;
//! use chainring_protocol::message::VolumeCreate;
//! # fn main() -> Result<(), chainring_protocol::client::ClientError> {
//! let socket = std::os::unix::net::UnixStream::connect("chainring-data/admin.sock")?;
//! let mut client = Client::connect(socket, "example 1.0")?;
//! let volume = client.call(&VolumeCreate::new("vol1"))?;
//! println!("{} was created", volume.name);
//! # Ok(())
//! # }
//! ```

mod error;
mod stream;
mod wire;

use crate::auth::{Session, Transcript};
use crate::codec::Codec;
use crate::frame::{Header, Kind};
use crate::limits::TAG_BYTES;
use crate::message::{Authenticate, Authentication, Hello, HelloReply};
use crate::operation::{Call, Opcode};
use crate::result_code::Failure;
use crate::secret::Secret;
use crate::{ResultCode, VERSION};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::marker::PhantomData;
use wire::Wire;

pub use error::ClientError;
pub use stream::{Download, DownloadError, Upload};

/// How a client proves who it is over TCP.
#[derive(Debug)]
pub struct Login {
    /// The access key.
    pub key_id: String,
    /// Its secret.
    pub secret: Secret,
    /// 32 random bytes, new for every connection.
    pub nonce: [u8; TAG_BYTES],
    /// The user as whom everything is to be done; the one who logs in when absent.
    pub act_as: Option<String>,
}

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client<S> {
    wire: Wire<S>,
    next_request: u32,
    /// Answers that came while another one was waited for.
    early: BTreeMap<u32, Answer>,
    /// Uploads that were given up; their answers interest nobody.
    abandoned: BTreeSet<u32>,
    hello: HelloReply,
}

/// A request that was sent and not answered yet.
#[derive(Debug)]
#[must_use = "the answer has to be waited for"]
pub struct Pending<C> {
    request: u32,
    call: PhantomData<C>,
}

/// A response's result and body.
type Answer = (u16, Vec<u8>);

impl<S: Read + Write> Client<S> {
    /// Says hello over a socket that needs no authentication, the daemon's unix socket.
    pub fn connect(stream: S, software: &str) -> Result<Self, ClientError> {
        Self::connect_as(stream, software, None)
    }

    /// The same, to do everything as a user of the store; only administrators may.
    pub fn connect_as(
        stream: S,
        software: &str,
        act_as: Option<&str>,
    ) -> Result<Self, ClientError> {
        let (client, _) = Self::hello(stream, software, "", [0; TAG_BYTES], act_as)?;
        if client.hello.authentication != Authentication::None {
            return Err(ClientError::AuthenticationRequired);
        }
        Ok(client)
    }

    /// Says hello and proves knowledge of the secret, as the daemon must do in turn. A daemon that
    /// does not ask for it is refused.
    pub fn connect_with_login(
        stream: S,
        software: &str,
        login: &Login,
    ) -> Result<Self, ClientError> {
        let (mut client, transcript) = Self::hello(
            stream,
            software,
            &login.key_id,
            login.nonce,
            login.act_as.as_deref(),
        )?;
        if client.hello.authentication != Authentication::HmacSha256 {
            return Err(ClientError::AuthenticationNotOffered);
        }
        client.wire.session = Some(Session::new(&login.secret, &transcript));
        client.call(&Authenticate {})?;
        Ok(client)
    }

    fn hello(
        stream: S,
        software: &str,
        key_id: &str,
        nonce: [u8; TAG_BYTES],
        act_as: Option<&str>,
    ) -> Result<(Self, Transcript), ClientError> {
        let hello = Hello {
            version_min: VERSION,
            version_max: VERSION,
            nonce,
            key_id: key_id.to_owned(),
            software: software.to_owned(),
            act_as: act_as.map(str::to_owned),
        };
        let mut wire = Wire::new(stream);
        wire.queue(
            Header::new(Kind::Request, 0, Hello::OPCODE.number()),
            |out| Ok(hello.encode(out)?),
        )?;
        let sent = wire.queued().to_vec();
        wire.flush()?;
        let header = wire.receive()?;
        let transcript = Transcript::new(&sent, wire.frame());
        if header.kind != Kind::Response {
            return Err(ClientError::Unexpected(
                "a frame before the answer to hello",
            ));
        }
        check(header.result, wire.body())?;
        let hello = HelloReply::from_bytes(wire.body())?;
        if hello.version != VERSION {
            return Err(ClientError::Unexpected("a version that was not offered"));
        }
        let client = Self {
            wire,
            next_request: 1,
            early: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            hello,
        };
        Ok((client, transcript))
    }

    /// What the daemon said of itself.
    pub const fn daemon(&self) -> &HelloReply {
        &self.hello
    }

    /// Asks and waits for the answer.
    pub fn call<C: Call>(&mut self, call: &C) -> Result<C::Reply, ClientError> {
        let pending = self.submit(call)?;
        self.wait(pending)
    }

    /// Asks without waiting. The daemon may carry out requests in flight in any order.
    pub fn submit<C: Call>(&mut self, call: &C) -> Result<Pending<C>, ClientError> {
        let request = self.open(call)?;
        Ok(Pending {
            request,
            call: PhantomData,
        })
    }

    /// Waits for the answer to an earlier request.
    pub fn wait<C: Call>(&mut self, pending: Pending<C>) -> Result<C::Reply, ClientError> {
        let (result, body) = match self.early.remove(&pending.request) {
            Some(answer) => answer,
            None => self.answer(pending.request)?,
        };
        check(result, &body)?;
        Ok(C::Reply::from_bytes(&body)?)
    }

    /// Queues a request's frame.
    fn open<C: Call>(&mut self, call: &C) -> Result<u32, ClientError> {
        let request = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        let header = Header::new(Kind::Request, request, C::OPCODE.number());
        self.wire.queue(header, |out| Ok(call.encode(out)?))?;
        Ok(request)
    }

    /// Receives until the answer to `request` is there.
    fn answer(&mut self, request: u32) -> Result<Answer, ClientError> {
        self.wire.flush()?;
        loop {
            let header = self.next_of(request)?;
            match header.kind {
                Kind::Response => return Ok((header.result, self.wire.body().to_vec())),
                // Of an upload that is over.
                Kind::Credit => {}
                _ => return Err(ClientError::Unexpected("a frame that fits no request")),
            }
        }
    }

    /// The next frame of `request`; answers to others are put aside.
    fn next_of(&mut self, request: u32) -> Result<Header, ClientError> {
        loop {
            let header = self.wire.receive()?;
            if header.request == request {
                return Ok(header);
            }
            match header.kind {
                // The daemon speaks of the connection itself, and is about to close it.
                Kind::Response if header.request == 0 => check(header.result, self.wire.body())?,
                Kind::Response if self.abandoned.remove(&header.request) => {}
                Kind::Response if header.request < self.next_request => {
                    let answer = (header.result, self.wire.body().to_vec());
                    self.early.insert(header.request, answer);
                }
                // Of a stream that was given up.
                Kind::Data | Kind::End | Kind::Credit => {}
                _ => return Err(ClientError::Unexpected("an answer to no request")),
            }
        }
    }
}

impl<S> Client<S> {
    /// What the frames go through, to set its timeouts.
    pub const fn stream(&self) -> &S {
        self.wire.stream()
    }

    /// Queues the frame that gives a stream up.
    fn cancel(&mut self, request: u32, opcode: Opcode) {
        let header = Header::new(Kind::Cancel, request, opcode.number());
        let queued = self.wire.queue(header, |_| Ok(()));
        debug_assert!(queued.is_ok(), "a frame without a body is never too long");
    }
}

/// Turns a failure in a response into an error.
fn check(result: u16, body: &[u8]) -> Result<(), ClientError> {
    if result == ResultCode::Ok.number() {
        Ok(())
    } else {
        Err(ClientError::Refused(Failure::from_frame(result, body)?))
    }
}
