//! The admin listeners over real sockets, against the synchronous client and against raw bytes. The
//! backend holds everything in memory and can be told to be slow or to panic.

mod engine;
mod harness;
mod login;
mod raw;
mod requests;
mod streams;

use super::{Backend, Body, Caller, Download, Identity, Login};
use crate::io::sleep;
use crate::namespace::Name;
use chainring_protocol::client::Client;
use chainring_protocol::limits::DATA_BYTES_MAX;
use chainring_protocol::message::{BucketCreate, BucketName, KeyGet, KeyInfo, KeyPut};
use chainring_protocol::testing::FakeStore;
use chainring_protocol::{Failure, Reply, Request, ResultCode, Secret};
use std::cell::RefCell;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use harness::{Daemon, code};

impl Daemon {
    /// A client, and /s3v/bucket.
    fn with_bucket(&self) -> (Client<UnixStream>, BucketName) {
        let mut client = self.client();
        let bucket = BucketName::new("s3v", "bucket");
        client.call(&BucketCreate::new(bucket.clone())).unwrap();
        (client, bucket)
    }
}

/// Runs `test` while a daemon serves that holds everything in memory.
fn with_daemon(test: impl FnOnce(Daemon) + Send + 'static) {
    let start = |_| async { (FakeBackend::default(), ()) };
    harness::serve(start, |()| async {}, test);
}

#[derive(Default)]
struct FakeBackend(Rc<RefCell<FakeStore>>);

struct FakeDownload {
    bytes: Vec<u8>,
    at: usize,
}

impl Backend for FakeBackend {
    type Download = FakeDownload;

    fn login(&self, access_key: &str) -> Option<Login> {
        let secret = match access_key {
            "REVOKED"
                if self
                    .0
                    .borrow()
                    .resolve(&BucketName::new("s3v", "revoked"))
                    .is_ok() =>
            {
                return None;
            }
            "ADMIN" | "REVOKED" => "right-secret",
            _ => return None,
        };
        Some(Login {
            user: "admin".to_owned(),
            secrets: ["old-secret", secret]
                .map(|secret| Secret::new(secret.to_owned()))
                .into(),
        })
    }

    fn caller(&self, identity: &Identity) -> Result<Caller, Failure> {
        Ok(Caller {
            identity: identity.clone(),
            name: Name::new("admin").unwrap(),
            id: String::new(),
            groups: Vec::new(),
            admin: true,
            tenant: None,
            tenant_admin: false,
            delegated: false,
        })
    }

    async fn call(&self, caller: &Caller, request: Request) -> Result<Reply, Failure> {
        if let Request::VolumeInfoGet(call) = &request {
            assert_ne!(call.name, "panic", "as the test wishes");
            if call.name == "slow" {
                sleep(Duration::from_millis(20)).await;
            }
        }
        self.0.borrow_mut().call(&caller.name, request)
    }

    async fn upload<B: Body>(
        &self,
        _: &Caller,
        put: KeyPut,
        body: &mut B,
    ) -> Result<KeyInfo, Failure> {
        self.0.borrow().resolve(&put.bucket)?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await? {
            assert_ne!(piece, b"panic", "as the test wishes");
            bytes.extend(piece);
        }
        match self.0.borrow_mut().put(&put, bytes)? {
            Reply::Key(info) => Ok(info),
            _ => Err(Failure::new(ResultCode::InternalError, "no key")),
        }
    }

    async fn download(&self, _: &Caller, get: KeyGet) -> Result<(KeyInfo, FakeDownload), Failure> {
        let (info, bytes) = self.0.borrow().get(&get.bucket, &get.key)?;
        Ok((info, FakeDownload { bytes, at: 0 }))
    }
}

impl Download for FakeDownload {
    async fn read(&mut self, out: &mut Vec<u8>) -> Result<bool, Failure> {
        if self.bytes.starts_with(b"damaged") && self.at > 0 {
            return Err(Failure::new(
                ResultCode::InternalError,
                "a checksum is wrong",
            ));
        }
        let rest = &self.bytes[self.at..];
        let piece = &rest[..rest.len().min(DATA_BYTES_MAX as usize)];
        self.at += piece.len();
        out.extend_from_slice(piece);
        Ok(!piece.is_empty())
    }
}
