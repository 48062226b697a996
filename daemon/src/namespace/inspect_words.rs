//! What a row of the namespace's index is about, in words for an operator. Never what it says:
//! values may be secrets.

use crate::base::BucketId;
use crate::namespace::keys;

/// What the row with this key is about.
pub(crate) fn describe(key: &[u8]) -> String {
    let text = |from: usize| {
        let rest = key.get(from..).unwrap_or_default();
        let shown = String::from_utf8_lossy(rest).replace('\0', "/");
        shown.escape_debug().to_string()
    };
    match key.first().copied() {
        Some(keys::COUNTER) => "the number of the next bucket".to_owned(),
        Some(keys::VOLUME) => format!("volume /{}", text(1)),
        Some(keys::ENTRY) => format!("bucket or link /{}", text(1)),
        Some(keys::PROPERTY) => format!("a property of bucket {}", number(key)),
        Some(keys::USER) => format!("user {}", text(1)),
        Some(keys::ACCESS_KEY) => format!("access key {}", text(1)),
        Some(keys::TENANT) => format!("tenant {}", text(1)),
        Some(keys::HISTORY) => keys::past(key).map_or_else(
            || "a past source of a link".to_owned(),
            |((volume, name), turn)| format!("generation {turn} of link /{volume}/{name}"),
        ),
        Some(keys::PREFIX_ACL) => format!("the list of a prefix of bucket {}", number(key)),
        Some(keys::LINKS_TO) => format!("which link leads where: /{}", text(1)),
        Some(keys::BUCKET_ID) => format!("the name of bucket {}", number(key)),
        Some(keys::KEYS_OF) => format!("which access keys a user has: {}", text(1)),
        Some(keys::GRANTS) => format!("which links a user has delegated: {}", text(1)),
        Some(keys::TENANT_IDS) => format!("which access ids a tenant has: {}", text(1)),
        Some(keys::ENTRY_COUNT) if key.len() == 1 => {
            "the number of all buckets and links".to_owned()
        }
        Some(keys::ENTRY_COUNT) => format!("the number of buckets and links of /{}", text(1)),
        Some(keys::VOLUMES_OF) => format!("which volumes a user owns: {}", text(1)),
        _ => "a row of no known table".to_owned(),
    }
}

fn number(key: &[u8]) -> String {
    let bytes = key.get(1..9).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or_else(
        || "with an unreadable number".to_owned(),
        |bytes| BucketId(u64::from_be_bytes(bytes)).0.to_string(),
    )
}

/// The key of the long value that a row of pieces belongs to.
pub(crate) fn owner_of_pieces(key: &[u8]) -> Option<&[u8]> {
    let rest = key.strip_prefix(&[keys::PIECES])?;
    rest.get(..rest.len().checked_sub(3)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::namespace::keys::Key;
    use crate::namespace::name::Name;

    #[test]
    fn rows_are_named_for_people() {
        let name = |text| Name::new(text).unwrap();
        let entry = Key::entry(&name("vol"), &name("b"));
        assert_eq!(describe(&entry), "bucket or link /vol/b");
        let piece = [&[keys::PIECES], &*entry, &[0, 0, 7]].concat();
        assert_eq!(owner_of_pieces(&piece), Some(&*entry));
        assert_eq!(describe(&Key::user(&name("admin"))), "user admin");
        assert_eq!(describe(&[]), "a row of no known table");
        assert_eq!(describe(&[keys::USER, 27, b'[']), "user \\u{1b}[");
    }
}
