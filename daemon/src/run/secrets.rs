//! The key that secrets are encrypted with: found, made for a new store, or missed.

use super::boot::{BootError, namespace_config, random};
use crate::config::Config;
use crate::io::keyfile::{self, KeyFileError};
use crate::io::{RealClock, UringDisk};
use crate::namespace::{Namespace, NamespaceError, SecretsKey};
use crate::store::superblock::Superblock;
use std::path::PathBuf;

/// Why there is no key to begin with.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// What is in it.
    #[error("{0} holds no key: 64 hexadecimal digits are one")]
    Malformed(String),
    /// The operator named a file that is not there.
    #[error(
        "the secrets key file {0} does not exist. For a new store make one: \
         (umask 077; openssl rand -hex 32 > {0})"
    )]
    NotThere(String),
    /// The store has secrets that nothing else opens.
    #[error(
        "the secrets key file {0} is missing, and without it nobody's secret can be read: put it \
         back from the backup, or name its place with --secrets-key-file"
    )]
    Missing(String),
    /// The file holds another key.
    #[error(
        "the key in {0} is not the one that the secrets of this store are encrypted with: put the \
         right one back from the backup"
    )]
    Wrong(String),
}

fn path(config: &Config) -> PathBuf {
    let named = config.secrets_key_file.clone();
    named.unwrap_or_else(|| config.data_dir.join("secrets.key"))
}

fn shown(config: &Config) -> String {
    path(config).display().to_string()
}

fn read(config: &Config) -> Result<Option<SecretsKey>, SecretsError> {
    let Some(text) = keyfile::read(&path(config))? else {
        return match config.secrets_key_file {
            Some(_) => Err(SecretsError::NotThere(shown(config))),
            None => Ok(None),
        };
    };
    let key = SecretsKey::parse(&text).ok_or_else(|| SecretsError::Malformed(shown(config)))?;
    Ok(Some(key))
}

fn make(config: &Config) -> Result<SecretsKey, SecretsError> {
    let key = SecretsKey::random(&random());
    keyfile::create(&path(config), &key.to_text())?;
    Ok(key)
}

/// The key of a store that is about to be made.
pub(super) fn of_new_store(config: &Config) -> Result<SecretsKey, SecretsError> {
    match read(config)? {
        Some(key) => Ok(key),
        None => make(config),
    }
}

/// The key of a store. One is made only for a store of the first version, whose secrets lie open.
pub(super) async fn of_store(
    config: &Config,
    disk: &UringDisk,
    superblock: &Superblock,
) -> Result<SecretsKey, BootError> {
    if let Some(key) = read(config)? {
        return Ok(key);
    }
    let unused = SecretsKey::random(&random());
    let namespace = namespace_config(config, superblock, unused);
    if Namespace::has_sealed_secrets(disk, &RealClock, &namespace).await? {
        return Err(SecretsError::Missing(shown(config)).into());
    }
    Ok(make(config)?)
}

/// Says which file holds the wrong key.
pub(super) fn explain(error: NamespaceError, config: &Config) -> BootError {
    match error {
        NamespaceError::WrongSecretsKey => SecretsError::Wrong(shown(config)).into(),
        other => other.into(),
    }
}
