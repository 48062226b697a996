//! What is printed of each message. JSON fields have the names and the order that Ozone gives them.

mod acl;
mod bucket;
mod key;
mod link;
mod link_rows;
mod scrub;
mod status;
mod tenant;
mod upload;
mod user;
mod volume;

pub use acl::AclView;
pub use bucket::BucketView;
pub use key::KeyView;
pub use link_rows::{GenerationView, LinkRow, LinkStatsRow};
pub use scrub::ScrubView;
pub use status::StatusView;
pub use tenant::{TenantUserView, TenantUsersView, TenantView};
pub use upload::UploadView;
pub use user::UserView;
pub use volume::VolumeView;

/// Ozone's number for "no quota".
const NO_QUOTA: i64 = -1;

fn quota(limit: Option<u64>) -> i64 {
    limit.map_or(NO_QUOTA, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

fn quota_text(limit: i64, text: impl FnOnce(u64) -> String) -> String {
    u64::try_from(limit).map_or_else(|_| "none".to_owned(), text)
}

fn or_dash(count: Option<u64>, text: impl FnOnce(u64) -> String) -> String {
    count.map_or_else(|| "-".to_owned(), text)
}

fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
