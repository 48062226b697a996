//! The engine's errors in the model's words.

use crate::model::{Outcome, Refusal};
use chainringd::io::IoErrorKind;
use chainringd::log::LogError;
use chainringd::namespace::{NamespaceError, ResolveError};
use chainringd::store::StoreError;
use std::fmt::Display;

/// Why an operation ended early: with an answer.
pub struct Stop(Outcome);

pub(super) type Result<T> = std::result::Result<T, Stop>;

pub(super) fn refuse<T>(refusal: Refusal) -> Result<T> {
    Err(Stop(Outcome::Refused(refusal)))
}

pub(super) fn fail<T>(words: impl Display) -> Result<T> {
    Err(Stop(Outcome::Failed(words.to_string())))
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        stop.0
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::NoSuchKey => Outcome::Refused(Refusal::NoSuchKey),
            StoreError::NoSuchUpload => Outcome::Refused(Refusal::NoSuchUpload),
            StoreError::InvalidPart(_) => Outcome::Refused(Refusal::InvalidPart),
            StoreError::PreconditionFailed => Outcome::Refused(Refusal::Precondition),
            StoreError::BucketGone => Outcome::Refused(Refusal::NoBucket),
            StoreError::Log(error) => of_log(&error),
            other => Outcome::Failed(other.to_string()),
        })
    }
}

fn of_log(error: &LogError) -> Outcome {
    match error {
        LogError::NoSpace => Outcome::Full,
        LogError::Io(error) if error.kind == IoErrorKind::NoSpace => Outcome::Full,
        other => Outcome::Failed(other.to_string()),
    }
}

impl From<NamespaceError> for Stop {
    fn from(error: NamespaceError) -> Self {
        let refusal = match error {
            NamespaceError::VolumeNotFound(_) => Refusal::NoVolume,
            NamespaceError::VolumeAlreadyExists(_) | NamespaceError::BucketAlreadyExists(_) => {
                Refusal::Exists
            }
            NamespaceError::VolumeNotEmpty(_) => Refusal::NotEmpty,
            NamespaceError::VolumeIsPermanent(_) => Refusal::Permanent,
            NamespaceError::BucketNotFound(_) => Refusal::NoBucket,
            NamespaceError::NotALink(_) => Refusal::NotALink,
            NamespaceError::Log(error) => return Self(of_log(&error)),
            other => return Self(Outcome::Failed(other.to_string())),
        };
        Self(Outcome::Refused(refusal))
    }
}

impl From<ResolveError> for Stop {
    fn from(error: ResolveError) -> Self {
        let refusal = match error {
            ResolveError::VolumeNotFound => Refusal::NoVolume,
            ResolveError::BucketNotFound => Refusal::NoBucket,
            ResolveError::Dangling { .. } => Refusal::Dangling,
            ResolveError::Loop { .. } => Refusal::Loop,
            ResolveError::TooDeep { .. } => Refusal::TooDeep,
            other => return Self(Outcome::Failed(other.to_string())),
        };
        Self(Outcome::Refused(refusal))
    }
}
