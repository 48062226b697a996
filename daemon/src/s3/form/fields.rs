//! The fields of a form, and what they say as headers would.

use crate::s3::error::{Result, S3Error};
use crate::s3::head::PlainHead;
use crate::s3::stored::CONTENT_HEADERS;

/// What stands in a key for the name of the file.
const VARIABLE: &str = "${filename}";

/// Fields that carry the signature.
const OF_SIGNATURE: [&str; 8] = [
    "awsaccesskeyid",
    "policy",
    "signature",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
];

/// Fields that begin with `x-amz-` and mean what the header of that name means in a PUT. Of what
/// else begins so, headers that are refused there are refused here, too.
const AS_HEADERS: [&str; 6] = [
    "x-amz-acl",
    "x-amz-checksum-algorithm",
    "x-amz-expected-bucket-owner",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-storage-class",
    "x-amz-tagging",
];

/// A form without its file. Each field is there once; names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, Vec<u8>)>,
}

impl Form {
    /// A form of these fields, whose key may refer to the name of the file.
    pub fn new(mut fields: Vec<(String, Vec<u8>)>, filename: &[u8]) -> Result<Self> {
        for (at, (name, value)) in fields.iter().enumerate() {
            if fields.iter().take(at).any(|(other, _)| other == name) {
                let value = String::from_utf8_lossy(value);
                let message = "A field of a form may be sent once only.";
                return Err(S3Error::argument(name.as_str(), value, message));
            }
        }
        if let Some((_, key)) = fields.iter_mut().find(|(name, _)| name == "key") {
            let text = std::str::from_utf8(key).unwrap_or_default();
            if text.contains(VARIABLE) {
                let name = base_name(filename)?;
                *key = text.replace(VARIABLE, name).into_bytes();
            }
        }
        Ok(Self { fields })
    }

    /// The fields: names in lower case, values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(n, v)| (n.as_str(), v.as_slice()))
    }

    /// The value of a field, whose name is in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// The same, as a text.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value);
        text.map(Some).map_err(|_| {
            let value = String::from_utf8_lossy(value);
            S3Error::argument(name, value, "A field of a form is not UTF-8.")
        })
    }

    /// A field that has to be there.
    pub fn required(&self, name: &'static str) -> Result<&str> {
        self.text(name)?.ok_or_else(|| {
            let message = format!(
                "Bucket POST must contain a field named '{name}'.  If it is specified, please check \
                 the order of the fields."
            );
            S3Error::argument(name, "", message)
        })
    }

    /// Whether anything in it claims to be signed.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.iter().any(|(name, _)| OF_SIGNATURE.contains(&name))
    }

    /// What the fields say of the object, as the headers of a PUT would say it.
    pub fn as_head(&self) -> Result<PlainHead> {
        let mut head = PlainHead::new("POST", "/");
        for (name, value) in self.iter() {
            let Some(header) = as_header(name)? else {
                continue;
            };
            let value = trim_blanks(value);
            let is_text = |b: &u8| (*b >= b' ' && *b != 0x7f) || *b == b'\t';
            let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if !value.iter().all(is_text) || !header.bytes().all(is_token) {
                let value = String::from_utf8_lossy(value);
                let message = "A field of a form cannot be the header that it stands for.";
                return Err(S3Error::argument(name, value, message));
            }
            if head.headers.iter().any(|(known, _)| known == header) {
                let message = "A form says the same in two fields.";
                return Err(S3Error::argument(name, "", message));
            }
            head = head.with(header, value);
        }
        Ok(head)
    }
}

/// The value of a header is what stands between blanks. A line end is none.
fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The header that a field stands for. What S3 has and we have not is refused, not overlooked.
fn as_header(name: &str) -> Result<Option<&str>> {
    if name == "acl" {
        return Ok(Some("x-amz-acl"));
    }
    let content = CONTENT_HEADERS.iter().any(|(known, _)| *known == name);
    if content || name == "content-md5" {
        return Ok(Some(name));
    }
    if OF_SIGNATURE.contains(&name) {
        return Ok(None);
    }
    let known = name.starts_with("x-amz-meta-")
        || name.starts_with("x-amz-checksum-")
        || AS_HEADERS.contains(&name);
    if known {
        return Ok(Some(name));
    }
    if name.starts_with("x-amz-") || name.starts_with("if-") {
        return Err(S3Error::not_implemented(&format!("The form field {name}")));
    }
    Ok(None)
}

/// The name of a file without the folders that some browsers send with it.
fn base_name(filename: &[u8]) -> Result<&str> {
    let folder = memchr::memrchr2(b'/', b'\\', filename);
    let start = folder.map_or(0, |at| at + 1);
    let name = filename.get(start..).unwrap_or_default();
    std::str::from_utf8(name).map_err(|_| {
        let value = String::from_utf8_lossy(name);
        S3Error::argument("filename", value, "The name of the file is not UTF-8.")
    })
}
