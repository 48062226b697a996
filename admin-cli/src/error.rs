//! What can go wrong, what people are told, and the exit status.

use crate::output::{complain, printable};
use chainring_protocol::ResultCode;
use chainring_protocol::client::{ClientError, DownloadError};
use std::io;
use std::path::PathBuf;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Standard output was closed; that is how `| head` ends, and no failure.
    #[error("standard output was closed")]
    BrokenPipe,
    /// The daemon refused, or the connection failed.
    #[error("{0}")]
    Client(ClientError),
    /// Commands of a batch; why was said when it happened.
    #[error("a command failed")]
    Commands,
    /// A local file.
    #[error("{path}: {error}", path = path.display())]
    File { path: PathBuf, error: io::Error },
    /// A check found what it looks for.
    #[error("{0}")]
    Found(String),
    /// No socket answered; each with the reason.
    #[error("no daemon answers")]
    NoDaemon { tried: Vec<(PathBuf, io::Error)> },
    /// What went wrong with several things that were to be done.
    #[error("{} of them failed", .0.len())]
    Several(Vec<Self>),
    /// Another program that was run ended with this status, and has said why.
    #[error("status {0}")]
    Status(u8),
    /// Standard output or input failed.
    #[error("{0}")]
    Stdio(io::Error),
    /// The TCP address did not answer.
    #[error("{address}: {error}")]
    Tcp { address: String, error: io::Error },
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// Writing to standard output.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Stdio(error),
        }
    }
}

/// Downloading to standard output.
impl From<DownloadError> for Error {
    fn from(error: DownloadError) -> Self {
        match error {
            DownloadError::Client(error) => error.into(),
            DownloadError::Sink(error) => error.into(),
        }
    }
}

impl Error {
    /// 1 for a refused or failed command, 2 for wrong usage; of a program that was run, its own.
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::Usage(_) => 2,
            Self::Status(status) => *status,
            _ => 1,
        }
    }

    /// Whether the connection is of no further use.
    pub fn ends_connection(&self) -> bool {
        match self {
            Self::Client(error) => !matches!(
                error,
                ClientError::Refused(_) | ClientError::Source(_) | ClientError::TooLong(_)
            ),
            Self::Several(errors) => errors.iter().any(Self::ends_connection),
            _ => false,
        }
    }

    /// Tells people on standard error. `place` says which command it was, where there are several.
    pub fn report(&self, place: &str) {
        match self {
            Self::Commands | Self::Status(_) => {}
            Self::Several(errors) => errors.iter().for_each(|error| error.report(place)),
            Self::Client(ClientError::Refused(failure)) => {
                complain!("{place}{} {}", failure.code, printable(&failure.message));
                if let Some(hint) = hint(failure.code) {
                    complain!("hint: {hint}");
                }
            }
            Self::Client(ClientError::Io(error)) if timed_out(error) => {
                complain!("{place}TIMEOUT the daemon did not answer in time");
            }
            Self::NoDaemon { tried } => {
                complain!("{place}chainring: no daemon answers at");
                for (path, error) in tried {
                    complain!("  {}: {error}", path.display());
                }
                complain!(
                    "hint: start one here with `chainringd`, or say where it is with \
                     --admin-socket PATH, CHAINRING_ADMIN_SOCKET or --tcp HOST:PORT"
                );
            }
            Self::Usage(text) => {
                complain!("{place}error: {text}\n\nFor more information, try '--help'.");
            }
            other => complain!("{place}chainring: {}", printable(&other.to_string())),
        }
    }
}

fn timed_out(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// What to do about a failure, where that is not plain from its message.
const fn hint(code: ResultCode) -> Option<&'static str> {
    Some(match code {
        ResultCode::AccessIdNotFound => "`chainring tenant user list TENANT` shows the access ids",
        ResultCode::BucketIsLinked => {
            "`chainring link list --source /VOLUME/BUCKET` shows the links; `chainring bucket update \
             /VOLUME/BUCKET --protected=false` ends the protection"
        }
        ResultCode::BucketNotFound => {
            "`chainring bucket list /VOLUME` shows what is there, and which links dangle"
        }
        ResultCode::BucketNotEmpty => {
            "`chainring key list /VOLUME/BUCKET` shows what is in it; delete that first"
        }
        ResultCode::DetectedLoopInBucketLinks | ResultCode::LinkTooDeep => {
            "`chainring bucket info LINK` shows the chain; `chainring link set-source` points one of its \
             links elsewhere"
        }
        ResultCode::DiskOutOfSpace => {
            "deletes still work; space comes back when the log is compacted"
        }
        ResultCode::InvalidBucketName | ResultCode::InvalidVolumeName => {
            "a name has 3 to 63 characters of a-z 0-9 . - and begins and ends with a letter or digit"
        }
        ResultCode::LinkChanged => {
            "somebody changed the link meanwhile: `chainring link history LINK` shows who"
        }
        ResultCode::NoSuchMultipartUpload => {
            "`chainring upload list` shows the uploads that are open"
        }
        ResultCode::NotSupportedOperation => {
            "properties of a bucket are changed on the bucket, not on a link to it; whether daemon and \
             client are of one release show `chainring status` and `chainring --version`"
        }
        ResultCode::PermissionDenied => {
            "owners and access lists give rights: `getacl` shows them, `addacl` gives them; on the \
             admin socket root and the daemon's user are administrators, and no secret travels over TCP"
        }
        ResultCode::QuotaExceeded => {
            "`volume info` and `bucket info` show quotas and what is used; `setquota` raises them"
        }
        ResultCode::S3SecretAlreadyExists => {
            "a secret is shown only when it is made; `setsecret --generate` makes a new one in its \
             place, `s3 getsecret USER --new` one more access key"
        }
        ResultCode::TenantNotEmpty => {
            "`chainring tenant user list TENANT` shows the access ids; `tenant user revoke` takes one away"
        }
        ResultCode::TenantNotFound => {
            "`chainring tenant create NAME` makes a tenant, `chainring tenant list` shows them"
        }
        ResultCode::UserNotFound => {
            "`chainring user create NAME` makes a user, `chainring user list` shows them"
        }
        ResultCode::VolumeIsReferenced => "`chainring tenant delete TENANT` comes first",
        ResultCode::VolumeNotEmpty => {
            "`chainring bucket list /VOLUME` shows what is in it; delete that first"
        }
        ResultCode::VolumeNotFound => "`chainring volume create /VOLUME` makes a volume",
        _ => return None,
    })
}
