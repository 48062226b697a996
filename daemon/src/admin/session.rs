//! Who is at the other end, and whether that is proven.

use super::backend::{Backend, Caller, Login};
use super::socket::Socket;
use crate::base::limits::ADMIN_REQUESTS_MAX;
use crate::io::entropy;
use crate::io::unix::PeerCredentials;
use chainring_protocol::auth::{Session, Signer, Transcript};
use chainring_protocol::frame::Frame;
use chainring_protocol::message::{Authentication, Hello, HelloReply};
use chainring_protocol::{Access, Failure, Opcode, ResultCode, Secret, VERSION};

const SOFTWARE: &str = concat!("chainringd ", env!("CARGO_PKG_VERSION"));

/// How far a connection has got.
pub(super) enum Stage {
    /// Nothing was said yet.
    New,
    /// Over TCP, hello was said; every frame must carry a tag from here on.
    Challenged(Proof),
    /// A caller who may ask. Over TCP with what proves it.
    Known {
        proof: Option<Proof>,
        caller: Caller,
    },
    /// On the unix socket, somebody who may ask nothing.
    Stranger,
}

/// What a client over TCP claims, and what its frames must be signed with for that.
pub(super) struct Proof {
    signer: Signer,
    access_key: String,
    secret: Secret,
    /// The user the access key belongs to, if it may log in at all.
    user: Option<String>,
}

impl Proof {
    /// Whether the access key still belongs to that administrator and still has that secret.
    fn still_good<B: Backend>(&self, backend: &B) -> bool {
        let now = backend.login(&self.access_key);
        now.is_some_and(|login| {
            Some(&login.user) == self.user.as_ref() && login.secret == self.secret
        })
    }
}

/// The answer to hello, or why there is none.
pub(super) fn greet(socket: &Socket, hello: &Hello) -> Result<HelloReply, Failure> {
    if !(hello.version_min..=hello.version_max).contains(&VERSION) {
        return Err(Failure::new(
            ResultCode::NotSupportedOperation,
            format!(
                "this daemon speaks version {VERSION} of the admin protocol, the client versions {} \
                 to {}",
                hello.version_min, hello.version_max
            ),
        ));
    }
    let mut nonce = [0; 32];
    let authentication = match socket {
        Socket::Unix(_) => Authentication::None,
        Socket::Tcp(_) => {
            entropy(&mut nonce);
            Authentication::HmacSha256
        }
    };
    Ok(HelloReply {
        version: VERSION,
        authentication,
        nonce,
        requests_max: u16::try_from(ADMIN_REQUESTS_MAX).unwrap_or(u16::MAX),
        software: SOFTWARE.to_owned(),
    })
}

/// The stage of a TCP connection after hello, and what signs the daemon's frames from then on. An
/// access key that may not log in gets a secret that nobody
/// knows, so that it is told from a wrong secret by nothing.
pub(super) fn challenge<B: Backend>(
    backend: &B,
    hello: &Hello,
    asked: &[u8],
    answered: &[u8],
) -> (Stage, Signer) {
    let transcript = Transcript::new(asked, answered);
    let mut unguessable = [0; 32];
    entropy(&mut unguessable);
    let unguessable = unguessable
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (user, secret) = match backend.login(&hello.key_id) {
        Some(Login { user, secret }) => (Some(user), secret),
        None => (None, Secret::new(unguessable)),
    };
    let Session { client, daemon } = Session::new(&secret, &transcript);
    let proof = Proof {
        signer: client,
        access_key: hello.key_id.clone(),
        secret,
        user,
    };
    (Stage::Challenged(proof), daemon)
}

impl Stage {
    /// The stage of a unix socket after hello: the kernel says who is there.
    pub(super) fn of_unix(peer: PeerCredentials) -> Self {
        if peer.is_own_user_or_root() {
            Self::Known {
                proof: None,
                caller: Caller::Local {
                    uid: peer.uid,
                    pid: peer.pid,
                },
            }
        } else {
            Self::Stranger
        }
    }

    /// Checks a frame's tag, or that it has none where there is nothing to sign with. A failure ends
    /// the connection.
    pub(super) fn verify(&mut self, frame: &Frame<'_>) -> Result<(), Failure> {
        let signer = match self {
            Self::Challenged(proof) => Some(&mut proof.signer),
            Self::Known { proof, .. } => proof.as_mut().map(|proof| &mut proof.signer),
            Self::New | Self::Stranger => None,
        };
        let right = match (signer, frame.tag()) {
            (None, None) => true,
            (Some(signer), Some(tag)) => signer.verify(frame.covered(), tag).is_ok(),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if right {
            Ok(())
        } else {
            Err(Failure::new(ResultCode::PermissionDenied, WRONG_LOGIN))
        }
    }

    /// Who asks for `opcode`, or why that may not be.
    pub(super) fn caller<B: Backend>(
        &self,
        backend: &B,
        opcode: Opcode,
    ) -> Result<&Caller, Failure> {
        let refuse = |code, text| Err(Failure::new(code, text));
        match self {
            Self::New => refuse(ResultCode::InvalidRequest, "hello comes first"),
            Self::Challenged(_) => refuse(ResultCode::PermissionDenied, "log in first"),
            Self::Stranger => refuse(
                ResultCode::PermissionDenied,
                "only root and the daemon's user may administer the store",
            ),
            Self::Known { proof: Some(_), .. } if opcode.access() == Access::LocalAdmin => refuse(
                ResultCode::PermissionDenied,
                "secrets travel over the unix socket only",
            ),
            // Revoked or demoted meanwhile.
            Self::Known {
                proof: Some(proof), ..
            } if !proof.still_good(backend) => refuse(
                ResultCode::PermissionDenied,
                "the login is not good any more",
            ),
            Self::Known { caller, .. } => Ok(caller),
        }
    }

    /// A frame with a right tag asked to be let in.
    pub(super) fn authenticate(&mut self) -> Result<(), Failure> {
        match std::mem::replace(self, Self::New) {
            Self::Challenged(proof) if let Some(user) = proof.user.clone() => {
                *self = Self::Known {
                    proof: Some(proof),
                    caller: Caller::User(user),
                };
                Ok(())
            }
            other => {
                *self = other;
                Err(Failure::new(
                    ResultCode::InvalidRequest,
                    "there is nothing to log in to now",
                ))
            }
        }
    }
}

/// All that whoever fails to log in is told.
pub(super) const WRONG_LOGIN: &str = "the login is wrong";
