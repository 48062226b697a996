//! Settings: flags, environment, and a TOML file. A flag beats the environment, which beats the
//! file, which beats the default. Unknown keys in the file are refused.

mod values;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use values::{Patience, Size};

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DurabilityArg {
    /// After its bytes and metadata are on stable media.
    #[default]
    Strict,
    /// After it is written; a flush follows within a second. A power cut may take the last second.
    Relaxed,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// S3 storage with bucket links. Started without any option it makes a store in
/// ./chainring-data and serves S3 on 127.0.0.1:9878.
#[derive(Debug, Default, Parser)]
#[command(name = "chainringd", version, max_term_width = 100, after_help = HELP)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Flags {
    /// Something else than to serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings file (TOML). Its keys are the long options below, with underscores.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the store; made if it does not exist [default: ./chainring-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address S3 is served on [default: 127.0.0.1:9878]
    #[arg(long, value_name = "ADDR:PORT")]
    pub s3_listen: Option<SocketAddr>,
    /// Unix socket for the admin CLI [default: DATA_DIR/admin.sock]
    #[arg(long, value_name = "PATH")]
    pub admin_socket: Option<PathBuf>,
    /// Also serve the admin protocol on TCP, with key authentication [default: off]
    #[arg(long, value_name = "ADDR:PORT")]
    pub admin_listen: Option<SocketAddr>,
    /// File of the key that secrets are encrypted with: 64 hexadecimal digits; must exist
    /// [default: DATA_DIR/secrets.key, made at the first start]
    #[arg(long, value_name = "PATH")]
    pub secrets_key_file: Option<PathBuf>,
    /// Cores to use, one pinned thread each [default: all that this process may run on]
    #[arg(long, value_name = "N")]
    pub cores: Option<usize>,
    /// Shards of a new store; fixed from then on [default: the number of cores]
    #[arg(long, value_name = "N")]
    pub shards: Option<u16>,
    /// Host name for virtual-host style requests (BUCKET.DOMAIN); may be given several times
    #[arg(long = "domain", value_name = "NAME")]
    pub domains: Vec<String>,
    /// Region that signatures must name [default: us-east-1]
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// When a write is acknowledged [default: strict]
    #[arg(long, value_enum)]
    pub durability: Option<DurabilityArg>,
    /// Memory for objects that were read and may be read again, all cores together: bytes, or with
    /// K, M, G or T behind (powers of 1024); 0 for none [default: an eighth of the machine's memory]
    #[arg(long, value_name = "SIZE")]
    pub cache_size: Option<Size>,
    /// End multipart uploads of which nothing has come for so long, unless their bucket says
    /// otherwise: 12h, 7d, or off for never [default: 7d]
    #[arg(long, value_name = "DURATION")]
    pub expire_uploads: Option<Patience>,
    /// Form of the log on stderr [default: text]
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,
    /// Write a line of JSON about each request and each admin operation to this file [default: off]
    #[arg(long, value_name = "PATH")]
    pub audit_log: Option<PathBuf>,
    /// Begin a new audit log when it has this many bytes [default: 268435456]
    #[arg(long, value_name = "BYTES")]
    pub audit_max_bytes: Option<u64>,
    /// Older audit logs to keep, as PATH.1, PATH.2 and so on [default: 8]
    #[arg(long, value_name = "N")]
    pub audit_keep: Option<u32>,
    /// Serve metrics for Prometheus on this address, at /metrics, to anybody [default: off]
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// Bytes per second that the search for rot may read from the device, all shards together; 0
    /// for no search [default: 16M]
    #[arg(long, value_name = "SIZE")]
    pub scrub_rate: Option<Size>,
    /// Time between the beginnings of two searches for rot: 12h, 7d; `off` for only when one is asked
    /// for [default: 7d]
    #[arg(long, value_name = "TIME")]
    pub scrub_every: Option<Patience>,
    /// For comparisons: compute the MD5 of one body after the other.
    #[arg(long, hide = true)]
    pub scalar_md5: bool,
    /// For tests: garbage stays where it is.
    #[arg(long, hide = true)]
    pub no_compaction: bool,
    /// For tests: bytes of a segment of a shard's log, a multiple of 4096.
    #[arg(long, hide = true, value_name = "SIZE")]
    pub segment_bytes: Option<Size>,
    /// For tests: bytes of log after which a shard's index is saved; looked at all the time.
    #[arg(long, hide = true, value_name = "SIZE")]
    pub checkpoint_bytes: Option<Size>,
}

/// What the daemon's program does beside serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Check a store that no daemon has open, without changing a byte of it
    Verify(VerifyArgs),
}

/// How a store is to be checked.
#[derive(Clone, Debug, Args)]
#[command(after_help = VERIFY_HELP)]
pub struct VerifyArgs {
    /// Folder of the store
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Also compute the MD5 of every body and compare it with the ETag
    #[arg(long)]
    pub deep: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

const VERIFY_HELP: &str = "\
Exit status: 0 sound; 1 differences were found; 2 something could not be checked.";

const HELP: &str = "\
Environment:
  CHAINRING_ACCESS_KEY, CHAINRING_SECRET_KEY
          Keys of the first user when a store is made. Without them random keys are made and
          shown once.
  CHAINRING_LOG
          What is logged, for example `info` (the default) or `chainringd=debug`.

Examples:
  chainringd
  chainringd --data-dir /srv/chainring --s3-listen 0.0.0.0:9878 --domain s3.example.com
  chainringd --config /etc/chainring.toml";

/// The settings file. Every key is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data_dir: Option<PathBuf>,
    s3_listen: Option<SocketAddr>,
    admin_socket: Option<PathBuf>,
    admin_listen: Option<SocketAddr>,
    secrets_key_file: Option<PathBuf>,
    cores: Option<usize>,
    shards: Option<u16>,
    domains: Vec<String>,
    region: Option<String>,
    durability: Option<DurabilityArg>,
    cache_size: Option<Size>,
    expire_uploads: Option<Patience>,
    scrub_rate: Option<Size>,
    scrub_every: Option<Patience>,
    log_format: Option<LogFormat>,
    audit_log: Option<PathBuf>,
    audit_max_bytes: Option<u64>,
    audit_keep: Option<u32>,
    metrics_listen: Option<SocketAddr>,
}

/// The settings in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Folder of the store.
    pub data_dir: PathBuf,
    /// Address S3 is served on.
    pub s3_listen: SocketAddr,
    /// Unix socket of the admin protocol.
    pub admin_socket: PathBuf,
    /// TCP address of the admin protocol.
    pub admin_listen: Option<SocketAddr>,
    /// File of the key that secrets are encrypted with; `None` means `secrets.key` in the data
    /// folder.
    pub secrets_key_file: Option<PathBuf>,
    /// Cores to use; `None` means all.
    pub cores: Option<usize>,
    /// Shards of a new store; `None` means one per core.
    pub shards: Option<u16>,
    /// Host names for virtual-host style, in lower case.
    pub domains: Vec<String>,
    /// Region that signatures must name.
    pub region: String,
    /// When a write is acknowledged.
    pub durability: DurabilityArg,
    /// Bytes of memory for objects that were read, all cores together; `None` means a share of the
    /// machine's memory.
    pub cache_size: Option<u64>,
    /// For how long uploads may rest, where their bucket says nothing else.
    pub expire_uploads: Patience,
    /// Form of the log.
    pub log_format: LogFormat,
    /// The audit log, if one is written.
    pub audit: Option<AuditConfig>,
    /// Address metrics are served on.
    pub metrics_listen: Option<SocketAddr>,
    /// Bytes per second that the search for rot may read, all shards together; 0: none.
    pub scrub_rate: u64,
    /// Time between the beginnings of two searches for rot.
    pub scrub_every: Patience,
    /// Whether the MD5 of one body after the other is computed, for comparisons.
    pub scalar_md5: bool,
    /// Whether garbage stays where it is, for tests.
    pub no_compaction: bool,
    /// Bytes of a segment that is made, for tests.
    pub segment_bytes: Option<u64>,
    /// Bytes of log between two checkpoints, for tests.
    pub checkpoint_bytes: Option<u64>,
}

/// Settings of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// Its file.
    pub path: PathBuf,
    /// Bytes from which on a new file is begun.
    pub max_bytes: u64,
    /// Older files to keep.
    pub keep: u32,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings file {path}: {error}")]
    Unreadable {
        /// Its path.
        path: String,
        /// The system's words.
        error: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("in the settings file {path}: {message}")]
    Malformed {
        /// Its path.
        path: String,
        /// Where and why.
        message: String,
    },
    /// A value is out of its range.
    #[error("{0}")]
    OutOfRange(String),
}

/// Bytes of an audit log when nothing else is said.
const AUDIT_BYTES: u64 = 256 * 1024 * 1024;
/// Fewest bytes of an audit log: less than that would be nothing but beginnings.
const AUDIT_BYTES_MIN: u64 = 64 * 1024;
/// Older audit logs that are kept when nothing else is said.
const AUDIT_KEEP: u32 = 8;
/// Most older audit logs.
const AUDIT_KEEP_MAX: u32 = 10_000;

/// Bytes per second that the search for rot reads when nothing is said: a terabyte in 18 hours.
const SCRUB_RATE: u64 = 16 * 1024 * 1024;

/// Most shards of a store.
pub const SHARDS_MAX: u16 = 1024;

impl Config {
    /// Puts flags, file and defaults together.
    pub fn load(flags: Flags) -> Result<Self, ConfigError> {
        let file = match &flags.config {
            Some(path) => read_file(path)?,
            None => File::default(),
        };
        let data_dir = flags
            .data_dir
            .or(file.data_dir)
            .unwrap_or_else(|| PathBuf::from("./chainring-data"));
        let admin_socket = flags
            .admin_socket
            .or(file.admin_socket)
            .unwrap_or_else(|| data_dir.join("admin.sock"));
        let domains = if flags.domains.is_empty() {
            file.domains
        } else {
            flags.domains
        };
        let audit = flags.audit_log.or(file.audit_log).map(|path| AuditConfig {
            path,
            max_bytes: flags
                .audit_max_bytes
                .or(file.audit_max_bytes)
                .unwrap_or(AUDIT_BYTES),
            keep: flags.audit_keep.or(file.audit_keep).unwrap_or(AUDIT_KEEP),
        });
        let config = Self {
            data_dir,
            admin_socket,
            s3_listen: flags
                .s3_listen
                .or(file.s3_listen)
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 9878))),
            admin_listen: flags.admin_listen.or(file.admin_listen),
            secrets_key_file: flags.secrets_key_file.or(file.secrets_key_file),
            cores: flags.cores.or(file.cores),
            shards: flags.shards.or(file.shards),
            domains: domains.iter().map(|d| d.to_ascii_lowercase()).collect(),
            region: flags
                .region
                .or(file.region)
                .unwrap_or_else(|| "us-east-1".to_owned()),
            durability: flags.durability.or(file.durability).unwrap_or_default(),
            cache_size: flags.cache_size.or(file.cache_size).map(|size| size.0),
            scrub_rate: flags
                .scrub_rate
                .or(file.scrub_rate)
                .map_or(SCRUB_RATE, |rate| rate.0),
            scrub_every: flags.scrub_every.or(file.scrub_every).unwrap_or_default(),
            expire_uploads: flags
                .expire_uploads
                .or(file.expire_uploads)
                .unwrap_or_default(),
            log_format: flags.log_format.or(file.log_format).unwrap_or_default(),
            audit,
            metrics_listen: flags.metrics_listen.or(file.metrics_listen),
            scalar_md5: flags.scalar_md5,
            no_compaction: flags.no_compaction,
            segment_bytes: flags.segment_bytes.map(|size| size.0),
            checkpoint_bytes: flags.checkpoint_bytes.map(|size| size.0),
        };
        config.check()
    }

    fn check(self) -> Result<Self, ConfigError> {
        if self.cores == Some(0) {
            return Err(ConfigError::OutOfRange(
                "cores must be at least 1".to_owned(),
            ));
        }
        if self.shards.is_some_and(|n| n == 0 || n > SHARDS_MAX) {
            let message = format!("shards must be between 1 and {SHARDS_MAX}");
            return Err(ConfigError::OutOfRange(message));
        }
        // An extent with its head has to fit.
        let segment = 4 * 1024 * 1024..=1024 * 1024 * 1024;
        if self
            .segment_bytes
            .is_some_and(|n| !segment.contains(&n) || n % 4096 != 0)
        {
            let message = "segment_bytes must be a multiple of 4096 between 4M and 1G";
            return Err(ConfigError::OutOfRange(message.to_owned()));
        }
        if let Some(audit) = &self.audit {
            audit.check(&self.data_dir)?;
        }
        if self.region.is_empty() {
            return Err(ConfigError::OutOfRange(
                "region must not be empty".to_owned(),
            ));
        }
        Ok(self)
    }
}

impl AuditConfig {
    fn check(&self, data_dir: &Path) -> Result<(), ConfigError> {
        let message = if self.max_bytes < AUDIT_BYTES_MIN {
            format!("audit_max_bytes must be at least {AUDIT_BYTES_MIN}")
        } else if self.keep > AUDIT_KEEP_MAX {
            format!("audit_keep must be at most {AUDIT_KEEP_MAX}")
        } else if self.path.starts_with(data_dir) {
            "the audit log must not lie in the data folder".to_owned()
        } else {
            return Ok(());
        };
        Err(ConfigError::OutOfRange(message))
    }
}

fn read_file(path: &Path) -> Result<File, ConfigError> {
    let shown = path.display().to_string();
    let text = crate::io::startup::read_text(path).map_err(|error| ConfigError::Unreadable {
        path: shown.clone(),
        error,
    })?;
    toml::from_str(&text).map_err(|error| ConfigError::Malformed {
        path: shown,
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused() {
        let error = toml::from_str::<File>("data_dri = \"/x\"").unwrap_err();
        assert!(error.to_string().contains("data_dri"), "{error}");
        let file: File = toml::from_str("durability = \"relaxed\"\ncores = 2").unwrap();
        assert_eq!(file.durability, Some(DurabilityArg::Relaxed));
    }

    #[test]
    fn defaults_are_those_of_the_readme() {
        let config = Config::load(Flags::default()).unwrap();
        assert_eq!(config.s3_listen.to_string(), "127.0.0.1:9878");
        assert_eq!(
            config.admin_socket,
            PathBuf::from("./chainring-data/admin.sock")
        );
        assert_eq!(config.durability, DurabilityArg::Strict);
    }

    #[test]
    fn senseless_numbers_are_refused() {
        for flags in [
            Flags {
                cores: Some(0),
                ..Flags::default()
            },
            Flags {
                shards: Some(0),
                ..Flags::default()
            },
            Flags {
                shards: Some(5000),
                ..Flags::default()
            },
            Flags {
                audit_log: Some("audit".into()),
                audit_max_bytes: Some(1000),
                ..Flags::default()
            },
            Flags {
                audit_log: Some("./chainring-data/audit".into()),
                ..Flags::default()
            },
        ] {
            assert!(Config::load(flags).is_err());
        }
    }
}
