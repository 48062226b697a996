//! From a form whose sender is known to one that may be carried out.

use super::delimiter::Delimiter;
use super::fields::Form;
use super::policy::Policy;
use crate::base::Timestamp;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::head::{PlainHead, RequestHead};
use crate::s3::sigv4::Identity;

/// How large a file may be, in bytes; both ends are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Least.
    pub min: u64,
    /// Most.
    pub max: u64,
}

impl Sizes {
    /// As large as it likes.
    pub const ANY: Self = Self {
        min: 0,
        max: u64::MAX,
    };

    /// What both allow.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            min: self.min.max(other.min),
            max: self.max.min(other.max),
        }
    }

    /// Fails when a whole file is too small. That it is too large is seen while it comes.
    pub fn check_least(self, size: u64) -> Result<()> {
        if size >= self.min {
            return Ok(());
        }
        Err(S3Error::from(ErrorCode::EntityTooSmall)
            .with("ProposedSize", size.to_string())
            .with("MinSizeAllowed", self.min.to_string()))
    }
}

/// A form whose policy, if it needs one, allows it. Only [`accept`] makes one.
#[derive(Debug)]
pub struct Accepted {
    /// The fields.
    pub form: Form,
    /// What they say as headers.
    pub head: PlainHead,
    /// What ends the file.
    pub delimiter: Delimiter,
    /// Not for others to say: a form that nobody judged cannot be taken for one that was.
    sizes: Sizes,
}

impl Accepted {
    /// How large the file may be.
    #[must_use]
    pub const fn sizes(&self) -> Sizes {
        self.sizes
    }
}

/// Judges a form that was sent to `bucket` by whom its signature says. Without a signature there is
/// no policy, and what the form may do is what anybody may do there.
pub fn accept<U>(
    form: Form,
    delimiter: Delimiter,
    sender: &Identity<U>,
    bucket: &str,
    now: Timestamp,
) -> Result<Accepted> {
    let sizes = match sender {
        Identity::User(_) => Policy::parse(form.required("policy")?)?.judge(&form, bucket, now)?,
        Identity::Anonymous => Sizes::ANY,
    };
    Ok(Accepted {
        head: form.as_head()?,
        form,
        delimiter,
        sizes,
    })
}

/// Refuses headers that would say in a PUT what belongs into the fields of a form, where the policy
/// sees it, or that promise something of the whole body, which nobody checks.
pub fn check_head<H: RequestHead>(head: &H) -> Result<()> {
    const FINE: [&[u8]; 4] = [
        b"x-amz-date",
        b"x-amz-expected-bucket-owner",
        b"x-amz-user-agent",
        b"x-amz-request-id",
    ];
    for (name, value) in head.headers() {
        let unsigned = name == b"x-amz-content-sha256" && value == b"UNSIGNED-PAYLOAD";
        let concerned = (name.starts_with(b"x-amz-") && !FINE.contains(&name) && !unsigned)
            || name == b"content-md5";
        if concerned {
            let message = "With a form, this is said by a field of the form.";
            let (name, value) = (
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            );
            return Err(S3Error::argument(name, value, message));
        }
    }
    Ok(())
}
