//! Why an operation failed. The names are those of Apache Ozone wherever Ozone has one; the numbers
//! are ours, and never change or get reused.

use crate::codec::{Codec, Malformed, TooLong, encode_text};
use crate::limits::FAILURE_TEXT_BYTES_MAX;
use std::fmt;
use std::str::FromStr;

macro_rules! result_codes {
    ($($(#[$meta:meta])* $variant:ident = $number:literal $name:literal,)*) => {
        /// The outcome of an operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum ResultCode {
            $($(#[$meta])* $variant = $number,)*
        }

        impl ResultCode {
            /// Every code, by number.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that scripts match on, for example `BUCKET_NOT_FOUND`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The number in a frame's header.
            #[must_use]
            pub const fn number(self) -> u16 {
                self as u16
            }

            /// The code of a number; `None` for one that this version does not know.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl FromStr for ResultCode {
            type Err = UnknownResultCode;

            fn from_str(name: &str) -> Result<Self, UnknownResultCode> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownResultCode),
                }
            }
        }
    };
}

result_codes! {
    /// It was done.
    Ok = 0 "OK",
    /// There is no such volume.
    VolumeNotFound = 1 "VOLUME_NOT_FOUND",
    /// The volume exists.
    VolumeAlreadyExists = 2 "VOLUME_ALREADY_EXISTS",
    /// The volume has buckets or links.
    VolumeNotEmpty = 3 "VOLUME_NOT_EMPTY",
    /// Something, a tenant for example, needs the volume.
    VolumeIsReferenced = 4 "VOLUME_IS_REFERENCED",
    /// The name breaks the rules for volume names.
    InvalidVolumeName = 5 "INVALID_VOLUME_NAME",
    /// The owner has as many volumes as are allowed.
    UserTooManyVolumes = 6 "USER_TOO_MANY_VOLUMES",
    /// There is no such bucket or link, or the link dangles.
    BucketNotFound = 7 "BUCKET_NOT_FOUND",
    /// A bucket or link has that name.
    BucketAlreadyExists = 8 "BUCKET_ALREADY_EXISTS",
    /// The bucket has objects.
    BucketNotEmpty = 9 "BUCKET_NOT_EMPTY",
    /// The bucket is protected and links point at it.
    BucketIsLinked = 10 "BUCKET_IS_LINKED",
    /// The name breaks the rules for bucket names.
    InvalidBucketName = 11 "INVALID_BUCKET_NAME",
    /// There are as many buckets as are allowed.
    TooManyBuckets = 12 "TOO_MANY_BUCKETS",
    /// There is no such key.
    KeyNotFound = 13 "KEY_NOT_FOUND",
    /// The key is empty, too long or not UTF-8.
    InvalidKeyName = 14 "INVALID_KEY_NAME",
    /// The caller may not do that.
    PermissionDenied = 15 "PERMISSION_DENIED",
    /// The request makes no sense.
    InvalidRequest = 16 "INVALID_REQUEST",
    /// The daemon cannot do that, for example because it is older than the client.
    NotSupportedOperation = 17 "NOT_SUPPORTED_OPERATION",
    /// Following the link comes back to where it began.
    DetectedLoopInBucketLinks = 18 "DETECTED_LOOP_IN_BUCKET_LINKS",
    /// Following the link takes too many steps.
    LinkTooDeep = 19 "LINK_TOO_DEEP",
    /// The link's time is over.
    LinkExpired = 20 "LINK_EXPIRED",
    /// The link changed since the caller looked (compare-and-swap lost).
    LinkChanged = 21 "LINK_CHANGED",
    /// A quota is used up.
    QuotaExceeded = 22 "QUOTA_EXCEEDED",
    /// The quota itself makes no sense.
    QuotaError = 23 "QUOTA_ERROR",
    /// There is no such user.
    UserNotFound = 24 "USER_NOT_FOUND",
    /// The user has no secret.
    S3SecretNotFound = 25 "S3_SECRET_NOT_FOUND",
    /// The user has a secret, and it is not shown again.
    S3SecretAlreadyExists = 26 "S3_SECRET_ALREADY_EXISTS",
    /// There is no such tenant.
    TenantNotFound = 27 "TENANT_NOT_FOUND",
    /// The tenant exists.
    TenantAlreadyExists = 28 "TENANT_ALREADY_EXISTS",
    /// The tenant has users or buckets.
    TenantNotEmpty = 29 "TENANT_NOT_EMPTY",
    /// The access id is taken.
    TenantUserAccessIdAlreadyExists = 30 "TENANT_USER_ACCESS_ID_ALREADY_EXISTS",
    /// There is no such access id.
    AccessIdNotFound = 31 "ACCESS_ID_NOT_FOUND",
    /// It took too long.
    Timeout = 32 "TIMEOUT",
    /// The daemon failed.
    InternalError = 33 "INTERNAL_ERROR",
    /// The user exists.
    UserAlreadyExists = 34 "USER_ALREADY_EXISTS",
    /// The disk that holds the store is full.
    DiskOutOfSpace = 35 "DISK_OUT_OF_SPACE",
    /// A key has that name.
    KeyAlreadyExists = 36 "KEY_ALREADY_EXISTS",
    /// There is no such upload, or it does not rest.
    NoSuchMultipartUpload = 37 "NO_SUCH_MULTIPART_UPLOAD_ERROR",
}

/// The name is not a result code's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a result code")]
pub struct UnknownResultCode;

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused or failed operation: a code for programs, words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {message}")]
pub struct Failure {
    /// What went wrong.
    pub code: ResultCode,
    /// A sentence that says more; lower-case, no full stop.
    pub message: String,
}

impl Failure {
    /// A failure. A message over the limit is cut.
    #[must_use]
    pub fn new(code: ResultCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > FAILURE_TEXT_BYTES_MAX {
            message.truncate(message.floor_char_boundary(FAILURE_TEXT_BYTES_MAX));
        }
        Self { code, message }
    }

    /// The failure that a frame with this result number and body reports. A number that a newer
    /// daemon sent is kept in the message.
    pub fn from_frame(number: u16, body: &[u8]) -> Result<Self, Malformed> {
        let message = String::from_bytes(body)?;
        Ok(ResultCode::from_number(number).map_or_else(
            || {
                Self::new(
                    ResultCode::InternalError,
                    format!("result code {number}, unknown to this client: {message}"),
                )
            },
            |code| Self::new(code, message.as_str()),
        ))
    }

    /// Appends the body of the frame that reports this failure.
    pub fn encode_body(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        encode_text(&self.message, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_dense_and_unique() {
        for (position, &code) in ResultCode::ALL.iter().enumerate() {
            assert_eq!(usize::from(code.number()), position);
            assert_eq!(ResultCode::from_number(code.number()), Some(code));
            assert_eq!(code.as_str().parse(), Ok(code));
            assert!(
                code.as_str()
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            );
        }
        assert_eq!(ResultCode::from_number(999), None);
        assert_eq!("NOPE".parse::<ResultCode>(), Err(UnknownResultCode));
    }

    #[test]
    fn a_failure_keeps_an_unknown_number_and_cuts_a_long_message() {
        let body = "later".to_owned().to_bytes().unwrap();
        let failure = Failure::from_frame(999, &body).unwrap();
        assert_eq!(failure.code, ResultCode::InternalError);
        assert!(failure.message.contains("999") && failure.message.contains("later"));

        let long = Failure::new(ResultCode::Timeout, "ä".repeat(4000));
        assert!(long.message.len() <= FAILURE_TEXT_BYTES_MAX);
    }
}
