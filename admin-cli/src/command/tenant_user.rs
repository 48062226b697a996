//! `chainring tenant user ...`: access ids of tenants.

use super::list;
use super::secret::{NewSecret, print_credentials};
use crate::address;
use crate::args::Listing;
use crate::connect::Session;
use crate::error::Error;
use crate::output::Output;
use crate::view::{TenantUserView, TenantUsersView};
use chainring_protocol::message::{
    TenantUserAssign, TenantUserAssignAdmin, TenantUserInfoGet, TenantUserList, TenantUserRevoke,
    TenantUserRevokeAdmin, TenantUserSecretGet, TenantUserSecretSet,
};
use clap::Subcommand;

/// What to do with the users of tenants.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give users access ids of a tenant, and print their secrets
    ///
    /// The access id is TENANT$USER. Whoever signs with it sees the buckets and links of the tenant's
    /// volume. A secret is printed in the moment it is made and never again.
    #[command(
        after_help = "Example:\n  chainring tenant user assign alice bob --tenant tenant1\n\nIn a shell an access id needs quotes: 'tenant1$alice'."
    )]
    Assign {
        /// The users
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
        /// The tenant
        #[arg(long, short, value_parser = address::volume)]
        tenant: String,
        /// The access id of a single user [default: TENANT$USER]
        #[arg(long, short, value_name = "ID")]
        access_id: Option<String>,
    },
    /// Take an access id away: requests signed with it fail from then on
    #[command(after_help = "Example:\n  chainring tenant user revoke 'tenant1$alice'")]
    Revoke {
        /// The access id
        access_id: String,
    },
    /// Show in which tenants a user is
    Info {
        /// The user
        user: String,
    },
    /// List the access ids of a tenant
    #[command(visible_alias = "ls")]
    List {
        /// The tenant
        #[arg(value_parser = address::volume)]
        tenant: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Make a secret for an access id that has none, and print it
    #[command(visible_alias = "get-secret")]
    Getsecret {
        /// The access id
        access_id: String,
        /// Print shell commands that set the environment of S3 clients
        #[arg(long, short)]
        export: bool,
    },
    /// Set the secret of an access id, read from standard input
    #[command(
        visible_alias = "set-secret",
        after_help = "Example:\n  chainring tenant user setsecret 'tenant1$alice' --generate --keep-old 24h"
    )]
    Setsecret {
        /// The access id
        access_id: String,
        #[command(flatten)]
        secret: NewSecret,
        /// Print shell commands that set the environment of S3 clients
        #[arg(long, short)]
        export: bool,
    },
    /// Let an access id administer its tenant
    ///
    /// An administrator of a tenant may do everything in its volume, and assign and revoke users.
    #[command(
        visible_alias = "assign-admin",
        after_help = "Example:\n  chainring tenant user assignadmin 'tenant1$alice' --delegated"
    )]
    Assignadmin {
        /// The access id
        access_id: String,
        /// Let it make others administrators, too
        #[arg(long, short, num_args = 0..=1, require_equals = true, default_value_t = false,
              default_missing_value = "true", hide_default_value = true, value_name = "BOOL")]
        delegated: bool,
        /// The tenant, as `ozone tenant` has it; the access id says it already
        #[arg(long, short, value_parser = address::volume, hide = true)]
        tenant: Option<String>,
    },
    /// End that an access id administers its tenant
    #[command(visible_alias = "revoke-admin")]
    Revokeadmin {
        /// The access id
        access_id: String,
        /// The tenant, as `ozone tenant` has it; the access id says it already
        #[arg(long, short, value_parser = address::volume, hide = true)]
        tenant: Option<String>,
    },
}

impl Command {
    /// Whether it reads standard input.
    pub const fn reads_input(&self) -> bool {
        match self {
            Self::Setsecret { secret, .. } => secret.reads_input(),
            _ => false,
        }
    }
}

/// Does it. Connects only after people and pipes have said what they have to say.
pub fn run(command: Command, session: &mut Session, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Assign {
            users,
            tenant,
            access_id,
        } => assign(users, &tenant, access_id, session, output),
        Command::Revoke { access_id } => {
            let sentence = format!("revoked access id {access_id}");
            session.daemon()?.call(&TenantUserRevoke { access_id })?;
            output.say(&sentence)
        }
        Command::Info { user } => {
            let get = TenantUserInfoGet { user: user.clone() };
            let access_ids = session.daemon()?.call(&get)?.entries;
            output.show(&TenantUsersView::new(user, access_ids))
        }
        Command::List { tenant, listing } => {
            let daemon = session.daemon()?;
            list(
                &listing,
                output,
                |page| {
                    let tenant = tenant.clone();
                    Ok(daemon.call(&TenantUserList { tenant, page })?)
                },
                |user| &user.access_id,
                TenantUserView::from,
                &format!(
                    "no such users; `chainring tenant user assign USER --tenant {tenant}` assigns one"
                ),
            )
        }
        Command::Getsecret { access_id, export } => {
            let get = TenantUserSecretGet { access_id };
            let credentials = session.daemon()?.call(&get)?;
            print_credentials(&credentials, export, output)
        }
        Command::Setsecret {
            access_id,
            mut secret,
            export,
        } => {
            let set = TenantUserSecretSet {
                access_id,
                secret: secret.take()?,
                keep_old: secret.keep_old,
            };
            let credentials = session.daemon()?.call(&set)?;
            print_credentials(&credentials, export, output)
        }
        Command::Assignadmin {
            access_id,
            delegated,
            tenant,
        } => {
            belongs(&access_id, tenant.as_deref())?;
            let sentence = format!("{access_id} administers its tenant now");
            session.daemon()?.call(&TenantUserAssignAdmin {
                access_id,
                delegated,
            })?;
            output.say(&sentence)
        }
        Command::Revokeadmin { access_id, tenant } => {
            belongs(&access_id, tenant.as_deref())?;
            let sentence = format!("{access_id} does not administer its tenant any more");
            session
                .daemon()?
                .call(&TenantUserRevokeAdmin { access_id })?;
            output.say(&sentence)
        }
    }
}

/// Assigns users one after the other; those before a failure stay assigned.
fn assign(
    users: Vec<String>,
    tenant: &str,
    access_id: Option<String>,
    session: &mut Session,
    output: &mut Output,
) -> Result<(), Error> {
    if access_id.is_some() && users.len() > 1 {
        return Err(Error::Usage(
            "--access-id is for a single user; leave it out to assign several".to_owned(),
        ));
    }
    for user in users {
        let credentials = session.daemon()?.call(&TenantUserAssign {
            tenant: tenant.to_owned(),
            user,
            access_id: access_id.clone(),
        })?;
        // Ozone prints them in this form, too.
        print_credentials(&credentials, true, output)?;
        // A secret is shown once: not lost when the next user is refused.
        output.flush()?;
    }
    Ok(())
}

/// Refuses an access id of another tenant than the one that was named.
fn belongs(access_id: &str, tenant: Option<&str>) -> Result<(), Error> {
    let other = tenant.filter(|tenant| {
        let named = access_id.split_once('$');
        named.is_some_and(|(named, _)| named != *tenant)
    });
    match other {
        Some(tenant) => Err(Error::Usage(format!(
            "{access_id} is no access id of tenant {tenant}"
        ))),
        None => Ok(()),
    }
}
