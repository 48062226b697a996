//! Readers of the documents that requests carry. What does not fit is `MalformedXML`.

use super::tree::{Element, malformed};
use crate::base::Timestamp;
use crate::base::limits::{DELETE_OBJECTS_MAX, PARTS_MAX};
use crate::s3::checksum;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::keys::AskedKey;
use crate::s3::path::check_key;
use crate::s3::time::{parse_http, parse_iso8601};
use crate::store::meta::{ChecksumAlgorithm, Pair};

/// A part that CompleteMultipartUpload names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedPart {
    /// Its number, 1 to 10,000.
    pub number: u32,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// Its checksums as sent, base64.
    pub checksums: Vec<(ChecksumAlgorithm, String)>,
}

/// The body of CompleteMultipartUpload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompleteUpload {
    /// The parts in the order sent, at least one.
    pub parts: Vec<CompletedPart>,
}

/// Reads `CompleteMultipartUpload`.
pub fn complete_upload(document: &[u8]) -> Result<CompleteUpload> {
    let root = Element::document(document, "CompleteMultipartUpload")?;
    root.only(&["Part"])?;
    if root.children.is_empty() || root.children.len() > PARTS_MAX as usize {
        return Err(malformed());
    }
    let parts = root.children.iter().map(part).collect::<Result<_>>()?;
    Ok(CompleteUpload { parts })
}

fn part(element: &Element) -> Result<CompletedPart> {
    let mut checksums = Vec::new();
    for child in &element.children {
        let algorithm = checksum::ALGORITHMS
            .into_iter()
            .find(|a| checksum::element(*a) == child.name);
        match algorithm {
            Some(algorithm) => checksums.push((algorithm, child.leaf()?.trim().to_owned())),
            None if ["PartNumber", "ETag"].contains(&child.name.as_str()) => {}
            None => return Err(malformed()),
        }
    }
    let number = element.child_text("PartNumber")?.ok_or_else(malformed)?;
    let number: u32 = digits(number.trim())
        .and_then(|n| u32::try_from(n).ok())
        .ok_or_else(malformed)?;
    if !(1..=PARTS_MAX).contains(&number) {
        return Err(S3Error::argument(
            "partNumber",
            number.to_string(),
            "Part number must be an integer between 1 and 10000, inclusive",
        ));
    }
    let etag = element.child_text("ETag")?.ok_or_else(malformed)?;
    Ok(CompletedPart {
        number,
        etag: unquoted(etag),
        checksums,
    })
}

/// An object that DeleteObjects names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletedObject {
    key: String,
    /// The version to delete, if any.
    pub version: Option<String>,
    /// Entity tag that it must have, without quotes.
    pub etag: Option<String>,
    /// Time of modification that it must have.
    pub modified: Option<Timestamp>,
    /// Size that it must have.
    pub size: Option<u64>,
}

impl DeletedObject {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> AskedKey<'_> {
        AskedKey::new(&self.key)
    }
}

/// The body of DeleteObjects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delete {
    /// 1 to 1,000 objects.
    pub objects: Vec<DeletedObject>,
    /// Whether only failures are to be told.
    pub quiet: bool,
}

/// Reads `Delete`.
pub fn delete(document: &[u8]) -> Result<Delete> {
    let root = Element::document(document, "Delete")?;
    root.only(&["Object", "Quiet"])?;
    let quiet = match root.child_text("Quiet")?.map(str::trim) {
        None => false,
        Some(text) => boolean(text)?,
    };
    let named: Vec<&Element> = root
        .children
        .iter()
        .filter(|c| c.name == "Object")
        .collect();
    if named.is_empty() || named.len() > DELETE_OBJECTS_MAX {
        return Err(malformed());
    }
    let objects = named.into_iter().map(object).collect::<Result<_>>()?;
    Ok(Delete { objects, quiet })
}

fn object(element: &Element) -> Result<DeletedObject> {
    element.only(&["Key", "VersionId", "ETag", "LastModifiedTime", "Size"])?;
    let key = element.child_text("Key")?.ok_or_else(malformed)?;
    check_key(key)?;
    let modified = match element.child_text("LastModifiedTime")? {
        None => None,
        Some(text) => Some(
            parse_http(text)
                .or_else(|| parse_iso8601(text))
                .ok_or_else(malformed)?,
        ),
    };
    let size = match element.child_text("Size")? {
        None => None,
        Some(text) => Some(digits(text.trim()).ok_or_else(malformed)?),
    };
    Ok(DeletedObject {
        key: key.to_owned(),
        version: element.child_text("VersionId")?.map(str::to_owned),
        etag: element.child_text("ETag")?.map(unquoted),
        modified,
        size,
    })
}

/// Reads `Tagging`. Limits are checked by [`crate::s3::tagging`].
pub fn tagging(document: &[u8]) -> Result<Vec<Pair>> {
    let root = Element::document(document, "Tagging")?;
    root.only(&["TagSet"])?;
    let set = root.child("TagSet")?.ok_or_else(malformed)?;
    set.only(&["Tag"])?;
    set.children
        .iter()
        .map(|tag| {
            tag.only(&["Key", "Value"])?;
            let key = tag.child_text("Key")?.ok_or_else(malformed)?;
            let value = tag.child_text("Value")?.ok_or_else(malformed)?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Reads `CreateBucketConfiguration`: the region asked for, if any. What it may ask for beside the
/// region (bucket types, tags) is refused.
pub fn location_constraint(document: &[u8]) -> Result<Option<String>> {
    let root = Element::document(document, "CreateBucketConfiguration")?;
    for unsupported in ["Location", "Bucket", "Tags"] {
        if root.child(unsupported)?.is_some() {
            let what = format!("{unsupported} in CreateBucketConfiguration");
            return Err(S3Error::not_implemented(&what));
        }
    }
    root.only(&["LocationConstraint"])?;
    let region = root.child_text("LocationConstraint")?.map(str::trim);
    Ok(region.filter(|r| !r.is_empty()).map(str::to_owned))
}

/// Whom an access control list grants something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// A user, by canonical id.
    User(String),
    /// A predefined group, by URI.
    Group(String),
    /// A user, by mail address.
    Email(String),
}

/// A grant of an access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// What: `FULL_CONTROL`, `READ`, `WRITE`, `READ_ACP` or `WRITE_ACP`.
    pub permission: String,
}

/// The body of PutBucketAcl and PutObjectAcl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessControl {
    /// Canonical id of the owner, if named.
    pub owner: Option<String>,
    /// The grants.
    pub grants: Vec<Grant>,
}

/// Reads `AccessControlPolicy`.
pub fn access_control(document: &[u8]) -> Result<AccessControl> {
    let bad = |_| S3Error::from(ErrorCode::MalformedACLError);
    let root = Element::document(document, "AccessControlPolicy").map_err(bad)?;
    access_control_of(&root).map_err(bad)
}

fn access_control_of(root: &Element) -> Result<AccessControl> {
    root.only(&["Owner", "AccessControlList"])?;
    let owner = match root.child("Owner")? {
        None => None,
        Some(owner) => {
            owner.only(&["ID", "DisplayName"])?;
            owner.child_text("ID")?.map(str::to_owned)
        }
    };
    let list = root.child("AccessControlList")?.ok_or_else(malformed)?;
    list.only(&["Grant"])?;
    let grants = list.children.iter().map(grant).collect::<Result<_>>()?;
    Ok(AccessControl { owner, grants })
}

fn grant(element: &Element) -> Result<Grant> {
    element.only(&["Grantee", "Permission"])?;
    let grantee = element.child("Grantee")?.ok_or_else(malformed)?;
    grantee.only(&["ID", "DisplayName", "URI", "EmailAddress"])?;
    let text = |name| {
        let text = grantee.child_text(name)?.ok_or_else(malformed)?;
        Ok::<_, S3Error>(text.to_owned())
    };
    let who = match grantee.kind.as_deref() {
        Some("CanonicalUser") => Grantee::User(text("ID")?),
        Some("Group") => Grantee::Group(text("URI")?),
        Some("AmazonCustomerByEmail") => Grantee::Email(text("EmailAddress")?),
        _ => return Err(malformed()),
    };
    let permission = element.child_text("Permission")?.ok_or_else(malformed)?;
    let known = ["FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"];
    if !known.contains(&permission) {
        return Err(malformed());
    }
    Ok(Grant {
        grantee: who,
        permission: permission.to_owned(),
    })
}

fn boolean(text: &str) -> Result<bool> {
    match text {
        "true" | "True" | "1" => Ok(true),
        "false" | "False" | "0" | "" => Ok(false),
        _ => Err(malformed()),
    }
}

fn digits(text: &str) -> Option<u64> {
    let only_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    only_digits.then(|| text.parse().ok()).flatten()
}

fn unquoted(etag: &str) -> String {
    etag.trim().trim_matches('"').to_owned()
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
