//! One connection: reads frames, and starts a task for each request.

use super::audit::{self, LOGIN, Noted};
use super::backend::Backend;
use super::channel::{BrokenRule, Channel, StreamFrame};
use super::inbox::Inbox;
use super::listener::{Server, Stop};
use super::session::{self, NOT_GOOD_ANY_MORE, Stage, WRONG_LOGIN};
use super::socket::Socket;
use super::transfer::Transfer;
use crate::base::AlignedBuf;
use crate::base::limits::{
    ADMIN_LOGIN_PENALTY, ADMIN_LOGIN_TIMEOUT, ADMIN_REQUESTS_MAX, ADMIN_STREAMS_MAX,
};
use crate::io::{Elapsed, sleep, spawn, timeout};
use chainring_protocol::codec::Codec;
use chainring_protocol::frame::{Frame, FrameError, FrameFault, Header, Kind};
use chainring_protocol::message::{Done, Hello};
use chainring_protocol::{Failure, Opcode, Request, ResultCode};
use futures_util::future::{Either, select};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// How long a peer may take to hear the last words.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 * 1024;

/// Why a connection ended before its peer ended it.
enum End {
    /// The socket failed.
    Io(io::Error),
    /// The peer is told why, with the header of its last frame if there is one.
    Told(Header, Failure),
    /// The same after a pause: it may be guessing.
    WrongLogin(&'static str),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Serves a connection to its end. `logged_in` is called once its peer is known.
pub(super) async fn serve<B: Backend>(
    socket: Socket,
    server: &Server<B>,
    stop: &Stop,
    logged_in: impl FnOnce(),
) {
    let channel = Rc::new(Channel::default());
    let mut connection = Connection {
        socket: &socket,
        server,
        stop,
        channel: channel.clone(),
        inbox: Inbox::new(),
        stage: Stage::New,
    };
    let reading = async {
        let end = connection.read(logged_in).await;
        connection.finish(end).await;
    };
    // The writer ends early only when the socket fails: then nobody is left to read from.
    let writing = channel.write_to(&socket);
    match select(pin!(reading), pin!(writing)).await {
        Either::Left(((), writing)) => {
            if writing.await.is_ok() && socket.shutdown().await.is_ok() {
                // What the peer still sends must not turn our last words into a reset.
                let _ = timeout(LINGER, linger(&socket)).await;
            }
        }
        Either::Right((result, _)) => {
            tracing::debug!(peer = %socket, ?result, "admin connection lost");
            channel.cancel_streams();
            channel.close();
        }
    }
}

/// Throws away what comes until the peer is done too.
async fn linger(socket: &Socket) {
    let mut scrap = AlignedBuf::with_capacity(LINGER_BYTES);
    loop {
        let (result, buf) = socket.recv_into(scrap, 0, LINGER_BYTES).await;
        scrap = buf;
        if !matches!(result, Ok(1..)) {
            return;
        }
    }
}

struct Connection<'s, B> {
    socket: &'s Socket,
    server: &'s Server<B>,
    stop: &'s Stop,
    channel: Rc<Channel>,
    inbox: Inbox,
    stage: Stage,
}

impl<B: Backend> Connection<'_, B> {
    /// Reads frames until the peer ends the connection.
    async fn read(&mut self, logged_in: impl FnOnce()) -> Result<(), End> {
        match timeout(ADMIN_LOGIN_TIMEOUT, self.read_while(Self::is_new)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Ok(()),
            Ok(Err(end)) => return Err(end),
            Err(Elapsed) => {
                let failure = Failure::new(ResultCode::Timeout, "the login took too long");
                return Err(End::Told(Header::new(Kind::Response, 0, 0), failure));
            }
        }
        logged_in();
        self.read_while(|_| true).await.map(|_| ())
    }

    const fn is_new(&self) -> bool {
        matches!(
            self.stage,
            Stage::New | Stage::Challenged(_) | Stage::Proven(_)
        )
    }

    /// Handles frames while `going_on`; `false` when the peer ended the connection.
    async fn read_while(&mut self, going_on: impl Fn(&Self) -> bool) -> Result<bool, End> {
        while going_on(self) {
            // Requests wait here, not in memory, when there are too many of them. Streams do not
            // count: they need the frames that come.
            let limit = ADMIN_REQUESTS_MAX + self.channel.streams();
            self.channel.fewer_in_progress_than(limit).await;
            self.channel.room().await;
            if self.handle_next()? {
                continue;
            }
            let stopping = async {
                self.stop.begun().await;
                self.channel.fewer_in_progress_than(1).await;
            };
            match select(pin!(self.inbox.receive(self.socket)), pin!(stopping)).await {
                Either::Left((Ok(true), _)) => {}
                Either::Left((Ok(false), _)) | Either::Right(_) => return Ok(false),
                Either::Left((Err(error), _)) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Handles the next frame, if all of it is there.
    fn handle_next(&mut self) -> Result<bool, End> {
        let Some(frame) = self.inbox.frame().map_err(unreadable)? else {
            return Ok(false);
        };
        let len = frame.bytes().len();
        let header = frame.header;
        let claimed = self.stage.claimed();
        let verified = self.stage.verify(&frame);
        let wrong = |_| {
            let noted = Noted::begin(self.server.backend(), self.socket, LOGIN, None);
            let noted = noted.map(|noted| noted.access_key(claimed.as_deref()));
            audit::record(self.server.backend(), noted, ResultCode::PermissionDenied);
            End::WrongLogin(WRONG_LOGIN)
        };
        if let Some(daemon) = verified.map_err(wrong)? {
            self.channel.sign_with(daemon);
        }
        if !self.stage.still_good(self.server.backend()) {
            let failure = Failure::new(ResultCode::PermissionDenied, NOT_GOOD_ANY_MORE);
            return Err(End::Told(header, failure));
        }
        let delivered = match header.kind {
            Kind::Request => {
                request(
                    &mut self.stage,
                    self.socket,
                    self.server,
                    &self.channel,
                    &frame,
                );
                Ok(())
            }
            Kind::Response => Err(BrokenRule("a response of the client's")),
            Kind::Data => self
                .channel
                .deliver(header.request, StreamFrame::Data(frame.body())),
            Kind::End => self.channel.deliver(header.request, StreamFrame::End),
            Kind::Cancel => self.channel.deliver(header.request, StreamFrame::Cancel),
            Kind::Credit => match u32::from_bytes(frame.body()) {
                Ok(count) => self
                    .channel
                    .deliver(header.request, StreamFrame::Credit(count)),
                Err(_) => Err(BrokenRule("credit without a number")),
            },
        };
        self.inbox.consume(len);
        match delivered {
            Ok(()) => Ok(true),
            Err(BrokenRule(text)) => {
                let failure = Failure::new(ResultCode::InvalidRequest, text);
                Err(End::Told(header, failure))
            }
        }
    }

    /// Lets requests in progress end, says what there is to say, and lets the writer finish.
    async fn finish(&self, end: Result<(), End>) {
        self.channel.cancel_streams();
        match end {
            Ok(()) => self.channel.fewer_in_progress_than(1).await,
            Err(End::Io(error)) => {
                tracing::debug!(peer = %self.socket, %error, "admin connection failed");
            }
            Err(End::Told(asked, failure)) => {
                tracing::warn!(peer = %self.socket, %failure, "admin connection refused");
                let header = Header::new(Kind::Response, asked.request, asked.opcode);
                self.channel.send_failure(header, &failure);
            }
            Err(End::WrongLogin(text)) => {
                tracing::warn!(peer = %self.socket, "a login over TCP failed");
                sleep(ADMIN_LOGIN_PENALTY).await;
                self.channel.stop_signing();
                let failure = Failure::new(ResultCode::PermissionDenied, text);
                let header = Header::new(Kind::Response, 0, 0);
                self.channel.send_failure(header, &failure);
            }
        }
        self.channel.close();
    }
}

/// The end of a connection whose bytes are no frames.
fn unreadable(error: FrameError) -> End {
    let code = match error.fault {
        FrameFault::Version(_) => ResultCode::NotSupportedOperation,
        _ => ResultCode::InvalidRequest,
    };
    let header = Header::new(Kind::Response, error.request, error.opcode);
    End::Told(header, Failure::new(code, error.to_string()))
}

/// Handles a request: at once if it is about the connection itself, in a task otherwise.
fn request<B: Backend>(
    stage: &mut Stage,
    socket: &Socket,
    server: &Server<B>,
    channel: &Rc<Channel>,
    frame: &Frame<'_>,
) {
    let asked = frame.header;
    let backend = server.backend();
    let parsed = match Opcode::from_number(asked.opcode) {
        None => {
            let text = format!("this daemon knows no operation {:#06x}", asked.opcode);
            Err(Failure::new(ResultCode::NotSupportedOperation, text))
        }
        Some(opcode) => Request::from_body(opcode, frame.body())
            .map_err(|error| Failure::new(ResultCode::InvalidRequest, error.to_string())),
    };
    let request = match parsed {
        Ok(request) => request,
        Err(failure) => {
            let what = Opcode::from_number(asked.opcode).map_or("unknown", Opcode::as_str);
            let noted = Noted::begin(backend, socket, what, None);
            audit::record(backend, noted, failure.code);
            return channel.respond(asked, Err(failure));
        }
    };
    match request {
        Request::Hello(hello) => hello_request(stage, socket, server, channel, frame, &hello),
        Request::Authenticate(_) => {
            let reply = stage.authenticate();
            let noted = Noted::begin(backend, socket, LOGIN, None);
            let noted = noted.map(|noted| noted.access_key(stage.claimed().as_deref()));
            audit::record(backend, noted, audit::code(&reply));
            channel.respond(asked, reply.map(|()| Done {}.into()));
        }
        other => {
            let noted = Noted::begin(backend, socket, other.opcode().as_str(), Some(&other));
            match stage.caller(backend, other.opcode()) {
                Err(failure) => {
                    audit::record(backend, noted, failure.code);
                    channel.respond(asked, Err(failure));
                }
                Ok(caller) => {
                    let noted = noted.map(|noted| noted.by(&caller));
                    start(server.clone(), channel, caller, asked, other, noted);
                }
            }
        }
    }
}

fn hello_request<B: Backend>(
    stage: &mut Stage,
    socket: &Socket,
    server: &Server<B>,
    channel: &Channel,
    frame: &Frame<'_>,
    hello: &Hello,
) {
    let asked = frame.header;
    if !matches!(stage, Stage::New) {
        let failure = Failure::new(ResultCode::InvalidRequest, "hello was said already");
        return channel.respond(asked, Err(failure));
    }
    let reply = match session::greet(socket, hello) {
        Ok(reply) => reply,
        Err(failure) => return channel.respond(asked, Err(failure)),
    };
    let Socket::Unix(stream) = socket else {
        let header = Header::new(Kind::Response, asked.request, asked.opcode);
        let answered = channel.seal(header, |out| reply.encode(out));
        let answered = answered.unwrap_or_default();
        *stage = session::challenge(server.backend(), hello, frame.bytes(), &answered);
        channel.queue(answered);
        return;
    };
    let known = Stage::of_unix(stream.peer(), hello.act_as.clone());
    let checked = known.check(server.backend());
    if checked.is_ok() {
        *stage = known;
    }
    channel.respond(asked, checked.map(|()| reply.into()));
}

/// Starts the task of a request.
fn start<B: Backend>(
    server: Server<B>,
    channel: &Rc<Channel>,
    caller: super::Caller,
    asked: Header,
    request: Request,
    noted: Option<Noted>,
) {
    let begin = |streams_max: usize| {
        let stream = (channel.streams() < streams_max)
            .then(|| channel.open_stream(asked.request))
            .flatten();
        if stream.is_none() {
            let text = format!("a connection has at most {streams_max} streams, each of its own");
            let failure = Failure::new(ResultCode::InvalidRequest, text);
            channel.respond(asked, Err(failure));
        }
        stream
    };
    match request {
        Request::KeyPut(_) | Request::KeyGet(_) => {
            let Some(stream) = begin(ADMIN_STREAMS_MAX) else {
                return;
            };
            tracing::info!(%caller, ?request, "admin request");
            let transfer = Transfer {
                server,
                caller,
                channel: channel.clone(),
                stream,
                ticket: channel.begin(asked),
                asked,
                noted,
            };
            spawn(async move {
                match request {
                    Request::KeyPut(put) => transfer.upload(put).await,
                    Request::KeyGet(get) => transfer.download(get).await,
                    _ => {}
                }
            });
        }
        request => {
            let ticket = channel.begin(asked);
            if request.opcode().only_reads() {
                tracing::debug!(%caller, ?request, "admin request");
            } else {
                // Secrets do not show.
                tracing::info!(%caller, ?request, "admin request");
            }
            spawn(async move {
                let reply = server.backend().call(&caller, request).await;
                audit::record(server.backend(), noted, audit::code(&reply));
                if let Err(failure) = &reply {
                    tracing::info!(%caller, %failure, "admin request refused");
                }
                ticket.respond(reply);
            });
        }
    }
}
