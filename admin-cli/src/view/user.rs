//! Users.

use super::yes_no;
use crate::output::Shown;
use crate::time::iso_8601;
use chainring_protocol::message::{AccessKeyInfo, UserInfo};
use serde::Serialize;

/// A user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    name: String,
    access_keys: Vec<AccessKeyView>,
    groups: Vec<String>,
    admin: bool,
    canonical_id: String,
    creation_time: String,
}

/// An access key of a user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessKeyView {
    access_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret_until: Option<String>,
}

impl From<AccessKeyInfo> for AccessKeyView {
    fn from(key: AccessKeyInfo) -> Self {
        Self {
            access_key: key.access_key,
            tenant: key.tenant,
            old_secret_until: key.old_secret_until.map(iso_8601),
        }
    }
}

impl UserView {
    fn keys(&self) -> String {
        let keys = self.access_keys.iter().map(|key| key.access_key.as_str());
        keys.collect::<Vec<_>>().join(", ")
    }
}

impl From<UserInfo> for UserView {
    fn from(user: UserInfo) -> Self {
        Self {
            name: user.name,
            access_keys: user.access_keys.into_iter().map(Into::into).collect(),
            groups: user.groups,
            admin: user.admin,
            canonical_id: user.id,
            creation_time: iso_8601(user.created),
        }
    }
}

impl Shown for UserView {
    const COLUMNS: &'static [&'static str] = &["NAME", "ACCESS KEYS", "GROUPS", "ADMIN", "CREATED"];

    fn row(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            Some(self.keys())
                .filter(|keys| !keys.is_empty())
                .unwrap_or_else(|| "-".to_owned()),
            self.groups.join(", "),
            yes_no(self.admin),
            self.creation_time.clone(),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        vec![
            ("user", self.name.clone()),
            ("access keys", self.keys()),
            ("groups", self.groups.join(", ")),
            ("admin", yes_no(self.admin)),
            ("canonical id", self.canonical_id.clone()),
            ("created", self.creation_time.clone()),
        ]
    }
}
