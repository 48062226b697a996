//! The login over TCP: S11, S30, S33 and S34 of docs/security.md. Nothing is answered without proof, every
//! proof is good for one frame in one place, and failures tell nothing.

use super::{Daemon, code, with_daemon};
use crate::base::limits::ADMIN_LOGINS_PER_PEER_MAX;
use chainring_protocol::auth::{Session, Transcript};
use chainring_protocol::client::{Client, ClientError};
use chainring_protocol::codec::Codec;
use chainring_protocol::frame::{Builder, Frame, Header, Kind};
use chainring_protocol::message::{
    Authenticate, BucketCreate, BucketName, Hello, KeyPut, S3SecretGet, S3SecretSet, StatusGet,
    UserCreate, VolumeCreate,
};
use chainring_protocol::{Call, Failure, Opcode, ResultCode, Secret};
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn s33_an_administrator_is_served_but_gets_no_secrets() {
    with_daemon(|daemon| {
        let mut client = daemon.login("ADMIN", "right-secret").unwrap();
        client.call(&StatusGet {}).unwrap();
        let bucket = BucketName::new("s3v", "bucket");
        client.call(&BucketCreate::new(bucket.clone())).unwrap();
        let put = KeyPut {
            bucket,
            key: "k".to_owned(),
            size: None,
            content_type: None,
        };
        let bytes = vec![5; 6 << 20];
        let mut source = &bytes[..];
        let mut upload = client.upload(&put).unwrap();
        while upload.send_from(&mut source).unwrap() > 0 {}
        assert_eq!(upload.finish().unwrap().size, 6 << 20);

        let denied = ResultCode::PermissionDenied;
        let get = S3SecretGet {
            user: None,
            another: false,
        };
        assert_eq!(code(client.call(&get)), denied);
        let set = S3SecretSet {
            user: None,
            access_key: None,
            secret: Some(Secret::new("new-secret".to_owned())),
            keep_old: None,
        };
        assert_eq!(code(client.call(&set)), denied);
        let create = UserCreate {
            admin: true,
            ..UserCreate::new("eve")
        };
        assert_eq!(code(client.call(&create)), denied);
    });
}

#[test]
fn s34_a_wrong_secret_and_an_unknown_key_are_answered_alike() {
    with_daemon(|daemon| {
        let wrong = daemon.login("ADMIN", "wrong-secret").unwrap_err();
        let unknown = daemon.login("NOBODY", "right-secret").unwrap_err();
        assert_eq!(wrong.to_string(), "PERMISSION_DENIED the login is wrong");
        assert_eq!(wrong.to_string(), unknown.to_string());
        assert!(matches!(
            Client::connect(daemon.tcp_stream(), "test"),
            Err(ClientError::AuthenticationRequired)
        ));
    });
}

/// S34: one address has few places for those who have not logged in, so it cannot take all of them
/// from others nor guess in parallel. Who logs in makes room.
#[test]
fn s34_an_address_has_few_logins_at_once() {
    with_daemon(|daemon| {
        let is_closed = |stream: &mut TcpStream| matches!(stream.read(&mut [0]), Ok(0) | Err(_));
        let mut raws: Vec<Raw> = (0..ADMIN_LOGINS_PER_PEER_MAX)
            .map(|_| Raw::connect(&daemon))
            .collect();
        for _ in 0..20 {
            assert!(is_closed(&mut daemon.tcp_stream()));
        }
        let mut known = raws.pop().unwrap();
        let frame = known.frame(&Authenticate {});
        known.stream.write_all(&frame).unwrap();
        assert_eq!(known.result(), Ok(ResultCode::Ok));
        // The place is free now, and the one who logged in is served on.
        let mut next = Raw::connect(&daemon);
        assert!(is_closed(&mut daemon.tcp_stream()));
        let frame = next.frame(&Authenticate {});
        next.stream.write_all(&frame).unwrap();
        assert_eq!(next.result(), Ok(ResultCode::Ok));
        let frame = known.frame(&StatusGet {});
        known.stream.write_all(&frame).unwrap();
        assert_eq!(known.result(), Ok(ResultCode::Ok));
    });
}

/// While two secrets are good for an access key, the session is that of the one the client knows.
#[test]
fn either_of_two_secrets_logs_in() {
    with_daemon(|daemon| {
        for secret in ["right-secret", "old-secret"] {
            let mut client = daemon.login("ADMIN", secret).unwrap();
            client.call(&StatusGet {}).unwrap();
            client.call(&StatusGet {}).unwrap();
        }
    });
}

/// A session whose access key is gone is told so and closed, also in the middle of an upload.
#[test]
fn a_session_ends_with_its_access_key() {
    with_daemon(|daemon| {
        let mut idle = daemon.login("REVOKED", "right-secret").unwrap();
        let mut busy = daemon.login("REVOKED", "right-secret").unwrap();
        let create = |name: &str| BucketCreate::new(BucketName::new("s3v", name));
        idle.call(&create("bucket")).unwrap();
        let put = KeyPut {
            bucket: BucketName::new("s3v", "bucket"),
            key: "k".to_owned(),
            size: None,
            content_type: None,
        };
        let mut upload = busy.upload(&put).unwrap();
        upload.send_from(&mut &[1; 100][..]).unwrap();
        daemon.client().call(&create("revoked")).unwrap();

        assert_eq!(code(upload.finish()), ResultCode::PermissionDenied);
        let told = idle.call(&StatusGet {}).unwrap_err().to_string();
        assert!(
            told.starts_with("PERMISSION_DENIED the access key was revoked"),
            "{told}"
        );
        assert!(matches!(idle.call(&StatusGet {}), Err(ClientError::Io(_))));
    });
}

/// A client by hand, so that it can do what the real one does not.
struct Raw {
    stream: TcpStream,
    session: Session,
    next: u32,
}

impl Raw {
    fn connect(daemon: &Daemon) -> Self {
        let mut stream = daemon.tcp_stream();
        let hello = Hello {
            version_min: 1,
            version_max: 1,
            nonce: [1; 32],
            key_id: "ADMIN".to_owned(),
            software: String::new(),
            act_as: None,
        };
        let mut asked = Vec::new();
        let builder = Builder::new(&mut asked);
        hello.encode(builder.out).unwrap();
        let header = Header::new(Kind::Request, 0, Opcode::Hello.number());
        builder.finish(header, None).unwrap();
        stream.write_all(&asked).unwrap();
        let answered = read_frame(&mut stream).unwrap();
        let secret = Secret::new("right-secret".to_owned());
        let session = Session::new(&secret, &Transcript::new(&asked, &answered));
        Self {
            stream,
            session,
            next: 1,
        }
    }

    fn logged_in(daemon: &Daemon) -> Self {
        let mut raw = Self::connect(daemon);
        let frame = raw.frame(&Authenticate {});
        raw.stream.write_all(&frame).unwrap();
        assert_eq!(raw.result(), Ok(ResultCode::Ok));
        raw
    }

    /// The next frame, signed.
    fn frame<C: Call>(&mut self, call: &C) -> Vec<u8> {
        let mut out = Vec::new();
        let builder = Builder::new(&mut out);
        call.encode(builder.out).unwrap();
        let header = Header::new(Kind::Request, self.next, C::OPCODE.number());
        self.next += 1;
        builder
            .finish(header, Some(&mut self.session.client))
            .unwrap();
        out
    }

    /// The result of the next answer; an unsigned one's failure in full.
    fn result(&mut self) -> Result<ResultCode, Failure> {
        let bytes = read_frame(&mut self.stream).unwrap();
        let frame = Frame::parse(&bytes).unwrap().unwrap();
        match frame.tag() {
            Some(tag) => {
                self.session.daemon.verify(frame.covered(), tag).unwrap();
                Ok(ResultCode::from_number(frame.header.result).unwrap())
            }
            None => Err(Failure::from_frame(frame.header.result, frame.body()).unwrap()),
        }
    }

    /// Sends `bytes`, is told that the login is wrong, and that is the end.
    fn expect_the_end(mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        let failure = self.result().unwrap_err();
        assert_eq!(failure.code, ResultCode::PermissionDenied);
        assert_eq!(self.stream.read(&mut [0]).unwrap(), 0);
    }
}

fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(frame) = Frame::parse(&bytes).unwrap() {
            return Some(frame.bytes().to_vec());
        }
        // One at a time, to read nothing of the next frame.
        let mut byte = [0];
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
}

fn create(name: &str) -> VolumeCreate {
    VolumeCreate::new(name)
}

#[test]
fn s11_a_replayed_a_changed_and_an_unsigned_frame_end_the_connection() {
    with_daemon(|daemon| {
        let mut raw = Raw::logged_in(&daemon);
        let first = raw.frame(&create("vol1"));
        raw.stream.write_all(&first).unwrap();
        assert_eq!(raw.result(), Ok(ResultCode::Ok));
        raw.expect_the_end(&first);

        // The tag of a look at a volume does not serve to delete it.
        let mut raw = Raw::logged_in(&daemon);
        let mut changed = raw.frame(&create("vol2"));
        changed[12] = 4;
        raw.expect_the_end(&changed);

        let mut raw = Raw::logged_in(&daemon);
        let mut changed = raw.frame(&create("vol3"));
        changed[25] ^= 1;
        raw.expect_the_end(&changed);

        let mut raw = Raw::logged_in(&daemon);
        let mut unsigned = raw.frame(&create("vol4"));
        unsigned[6] = 0;
        unsigned.truncate(unsigned.len() - 32);
        raw.expect_the_end(&unsigned);

        let mut raw = Raw::logged_in(&daemon);
        let skipped = raw.frame(&create("vol5"));
        let next = raw.frame(&create("vol6"));
        drop(skipped);
        raw.expect_the_end(&next);

        let names = daemon.client().call(&StatusGet {}).unwrap().volumes;
        assert_eq!(names, 2, "s3v and vol1");
    });
}

#[test]
fn s11_a_right_tag_alone_is_no_login() {
    with_daemon(|daemon| {
        let mut raw = Raw::connect(&daemon);
        let frame = raw.frame(&create("vol1"));
        raw.stream.write_all(&frame).unwrap();
        assert_eq!(raw.result(), Ok(ResultCode::PermissionDenied));
        let frame = raw.frame(&Authenticate {});
        raw.stream.write_all(&frame).unwrap();
        assert_eq!(raw.result(), Ok(ResultCode::Ok));
        // Once is enough.
        let frame = raw.frame(&Authenticate {});
        raw.stream.write_all(&frame).unwrap();
        assert_eq!(raw.result(), Ok(ResultCode::InvalidRequest));
    });
}

/// A connection's tags are of no use on another one, whose nonce differs.
#[test]
fn s11_the_frames_of_one_connection_do_not_serve_on_another() {
    with_daemon(|daemon| {
        let mut one = Raw::connect(&daemon);
        let other = Raw::connect(&daemon);
        let frame = one.frame(&Authenticate {});
        other.expect_the_end(&frame);
    });
}
