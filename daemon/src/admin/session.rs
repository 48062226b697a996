//! Who is at the other end, and whether that is proven.

use super::backend::{Backend, Caller, Identity, Login};
use super::socket::Socket;
use crate::base::limits::ADMIN_REQUESTS_MAX;
use crate::io::entropy;
use crate::io::unix::PeerCredentials;
use chainring_protocol::auth::{Session, Signer, Transcript};
use chainring_protocol::frame::Frame;
use chainring_protocol::limits::TAG_BYTES;
use chainring_protocol::message::{Authentication, Hello, HelloReply};
use chainring_protocol::{Failure, Opcode, ResultCode, Secret, VERSION};

const SOFTWARE: &str = concat!("chainringd ", env!("CARGO_PKG_VERSION"));

/// Secrets a login may be proven with: the one of today, and the one before it while both are good.
const SECRETS: usize = 2;

/// How far a connection has got.
pub(super) enum Stage {
    /// Nothing was said yet.
    New,
    /// Over TCP, hello was said; every frame must carry a tag from here on.
    Challenged(Challenge),
    /// The tag was right; to be let in has to be asked for.
    Proven(Proof),
    /// Somebody who may ask. Over TCP with what proves it.
    Known {
        proof: Option<Proof>,
        identity: Identity,
    },
    /// On the unix socket, somebody who may ask nothing.
    Stranger,
}

/// What the first tag of a client over TCP may be made with.
pub(super) struct Challenge {
    access_key: String,
    /// The user the access key belongs to; `None` when nobody may log in with it.
    user: Option<String>,
    candidates: [(Secret, Session); SECRETS],
}

/// Which secret a client over TCP knows, and what its frames must be signed with for that.
pub(super) struct Proof {
    signer: Signer,
    access_key: String,
    secret: Secret,
    user: String,
}

impl Proof {
    /// Whether the access key still belongs to that user and the secret is still good for it.
    fn still_good<B: Backend>(&self, backend: &B) -> bool {
        let now = backend.login(&self.access_key);
        now.is_some_and(|login| login.user == self.user && login.secrets.contains(&self.secret))
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
    if hello.act_as.is_some() && matches!(socket, Socket::Tcp(_)) {
        return Err(Failure::new(
            ResultCode::PermissionDenied,
            "an administrator may act as another user on the unix socket only",
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

/// The stage of a TCP connection after hello. An access key that may not log in gets secrets that
/// nobody knows, and one that has a single secret gets another such, so that neither is told from a
/// wrong secret by anything.
pub(super) fn challenge<B: Backend>(
    backend: &B,
    hello: &Hello,
    asked: &[u8],
    answered: &[u8],
) -> Stage {
    let transcript = Transcript::new(asked, answered);
    let login = backend.login(&hello.key_id);
    let (user, secrets) = match login {
        Some(Login { user, secrets }) => (Some(user), secrets),
        None => (None, Vec::new()),
    };
    let mut secrets = secrets.into_iter();
    let candidates = std::array::from_fn(|_| {
        let secret = secrets.next().unwrap_or_else(unguessable);
        let session = Session::new(&secret, &transcript);
        (secret, session)
    });
    Stage::Challenged(Challenge {
        access_key: hello.key_id.clone(),
        user,
        candidates,
    })
}

fn unguessable() -> Secret {
    let mut bytes = [0; 32];
    entropy(&mut bytes);
    Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Challenge {
    /// Checks the first tag. What comes out proves who is there, and signs the daemon's frames.
    fn answer(self, covered: &[u8], tag: &[u8; TAG_BYTES]) -> Option<(Proof, Signer)> {
        let mut found = None;
        // All of them, whichever was right.
        for (secret, mut session) in self.candidates {
            if session.client.verify(covered, tag).is_ok() {
                found = Some((secret, session));
            }
        }
        let (secret, Session { client, daemon }) = found?;
        let proof = Proof {
            signer: client,
            access_key: self.access_key,
            secret,
            user: self.user?,
        };
        Some((proof, daemon))
    }
}

impl Stage {
    /// The stage of a unix socket after hello: the kernel says who is there.
    pub(super) fn of_unix(peer: PeerCredentials, act_as: Option<String>) -> Self {
        if peer.is_own_user_or_root() {
            Self::Known {
                proof: None,
                identity: Identity::Local {
                    uid: peer.uid,
                    pid: peer.pid,
                    act_as,
                },
            }
        } else {
            Self::Stranger
        }
    }

    /// Whether whom the connection stands for is somebody.
    pub(super) fn check<B: Backend>(&self, backend: &B) -> Result<(), Failure> {
        match self {
            Self::Known { identity, .. } => backend.caller(identity).map(drop),
            _ => Ok(()),
        }
    }

    /// Checks a frame's tag, or that it has none where there is nothing to sign with. The first
    /// right tag brings what signs the daemon's frames from then on. A failure ends the connection.
    pub(super) fn verify(&mut self, frame: &Frame<'_>) -> Result<Option<Signer>, Failure> {
        let wrong = || Failure::new(ResultCode::PermissionDenied, WRONG_LOGIN);
        let signer = match self {
            Self::New | Self::Stranger | Self::Known { proof: None, .. } => {
                return match frame.tag() {
                    None => Ok(None),
                    Some(_) => Err(wrong()),
                };
            }
            Self::Challenged(_) => {
                let Self::Challenged(challenge) = std::mem::replace(self, Self::Stranger) else {
                    return Err(wrong());
                };
                let tag = frame.tag().ok_or_else(wrong)?;
                let (proof, daemon) = challenge.answer(frame.covered(), tag).ok_or_else(wrong)?;
                *self = Self::Proven(proof);
                return Ok(Some(daemon));
            }
            Self::Proven(proof) => &mut proof.signer,
            Self::Known {
                proof: Some(proof), ..
            } => &mut proof.signer,
        };
        let tag = frame.tag().ok_or_else(wrong)?;
        signer.verify(frame.covered(), tag).map_err(|_| wrong())?;
        Ok(None)
    }

    /// Whether whoever logged in may go on: not once the access key was revoked or belongs to
    /// somebody else, or the secret was changed.
    pub(super) fn still_good<B: Backend>(&self, backend: &B) -> bool {
        match self {
            Self::Known {
                proof: Some(proof), ..
            } => proof.still_good(backend),
            _ => true,
        }
    }

    /// Who asks for `opcode`, or why that may not be.
    pub(super) fn caller<B: Backend>(
        &self,
        backend: &B,
        opcode: Opcode,
    ) -> Result<Caller, Failure> {
        let refuse = |code, text| Err(Failure::new(code, text));
        match self {
            Self::New => refuse(ResultCode::InvalidRequest, "hello comes first"),
            Self::Challenged(_) | Self::Proven(_) => {
                refuse(ResultCode::PermissionDenied, "log in first")
            }
            Self::Stranger => refuse(
                ResultCode::PermissionDenied,
                "only root and the daemon's user may use this socket",
            ),
            Self::Known { proof: Some(_), .. } if opcode.access().only_local() => refuse(
                ResultCode::PermissionDenied,
                "secrets travel over the unix socket only",
            ),
            Self::Known { identity, .. } => {
                let caller = backend.caller(identity)?;
                if opcode.access().only_admins() && !caller.admin {
                    let text = format!("{} is for administrators only", opcode.as_str());
                    return Err(Failure::new(ResultCode::PermissionDenied, text));
                }
                Ok(caller)
            }
        }
    }

    /// The access key that somebody claims, or is known to have.
    pub(super) fn claimed(&self) -> Option<String> {
        match self {
            Self::Challenged(challenge) => Some(challenge.access_key.clone()),
            Self::Known {
                identity: Identity::AccessKey(access_key),
                ..
            } => Some(access_key.clone()),
            _ => None,
        }
    }

    /// A frame with a right tag asked to be let in.
    pub(super) fn authenticate(&mut self) -> Result<(), Failure> {
        match std::mem::replace(self, Self::New) {
            Self::Proven(proof) => {
                let identity = Identity::AccessKey(proof.access_key.clone());
                *self = Self::Known {
                    proof: Some(proof),
                    identity,
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

/// What a session is told that ends because its access key is no longer what it was.
pub(super) const NOT_GOOD_ANY_MORE: &str =
    "the access key was revoked or its secret was changed: log in again";
