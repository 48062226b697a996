//! Every operation asked by everybody.

use super::scene::{Asking, Place, Role, asks, build, home, repair, tenant};
use super::{name, with_engine};
use crate::admin::tests::harness::Daemon;
use chainring_protocol::client::ClientError;
use chainring_protocol::{Failure, Opcode, ResultCode};

use Role::{Admin, Delegated, Member, Owner, Reader, TenantAdmin, Writer};

const NOBODY_ELSE: &[Role] = &[Admin];
const OWNERS: &[Role] = &[Admin, Owner];
const EVERYBODY: &[Role] = &Role::ALL;
/// Of the tenant's volume and what is in it.
const RULERS: &[Role] = &[Admin, TenantAdmin, Delegated];
const RULERS_AND_OWNER: &[Role] = &[Admin, Owner, TenantAdmin, Delegated];
const MEMBERS: &[Role] = &[Admin, Member, TenantAdmin, Delegated];

/// Who may: in a volume of the owner's, and in the volume of a tenant. There is no default arm: a new
/// operation does not compile until it has its row.
const fn allowed(opcode: Opcode) -> (&'static [Role], &'static [Role]) {
    const READERS: &[Role] = &[Admin, Owner, Reader];
    const WRITERS: &[Role] = &[Admin, Owner, Writer];
    match opcode {
        // What opens a connection, and what shows everybody his own.
        Opcode::Hello
        | Opcode::Authenticate
        | Opcode::VolumeList
        | Opcode::LinkList
        | Opcode::TenantList => (EVERYBODY, EVERYBODY),
        Opcode::StatusGet
        | Opcode::VolumeCreate
        | Opcode::VolumeSetQuota
        | Opcode::VolumeClearQuota
        | Opcode::UserCreate
        | Opcode::UserUpdate
        | Opcode::UserList
        | Opcode::UserDelete
        | Opcode::TenantCreate
        | Opcode::TenantDelete
        | Opcode::ScrubGet
        | Opcode::Scrub
        | Opcode::UploadList
        | Opcode::UploadAbort => (NOBODY_ELSE, NOBODY_ELSE),

        Opcode::VolumeInfoGet => (&[Admin, Owner, Reader, Writer], MEMBERS),
        Opcode::VolumeDelete | Opcode::VolumeUpdate => (OWNERS, RULERS),
        Opcode::BucketCreate | Opcode::BucketLink => (OWNERS, MEMBERS),
        Opcode::BucketList => (OWNERS, MEMBERS),
        Opcode::BucketInfoGet => (READERS, RULERS_AND_OWNER),
        Opcode::BucketDelete => (WRITERS, RULERS_AND_OWNER),
        Opcode::BucketUpdate
        | Opcode::BucketSetQuota
        | Opcode::BucketClearQuota
        | Opcode::LinkSetSource
        | Opcode::LinkRollback
        | Opcode::LinkRevoke => (OWNERS, RULERS_AND_OWNER),
        Opcode::AclGet | Opcode::AclEdit => (OWNERS, RULERS_AND_OWNER),
        // The links may be read by the reader and the writer.
        Opcode::LinkHistory => (
            &[Admin, Owner, Reader, Writer],
            &[Admin, Owner, Reader, Writer, TenantAdmin, Delegated],
        ),

        // The owner's own.
        Opcode::S3SecretGet | Opcode::S3SecretSet | Opcode::S3SecretRevoke => (OWNERS, OWNERS),

        Opcode::TenantInfoGet => (MEMBERS, MEMBERS),
        Opcode::TenantUserAssign
        | Opcode::TenantUserRevoke
        | Opcode::TenantUserInfoGet
        | Opcode::TenantUserList
        | Opcode::TenantUserSecretGet
        | Opcode::TenantUserSecretSet => (RULERS, RULERS),
        Opcode::TenantUserAssignAdmin | Opcode::TenantUserRevokeAdmin => {
            (&[Admin, Delegated], &[Admin, Delegated])
        }

        // In the tenant's volume rules on the bucket do not help who may not read the volume.
        Opcode::KeyPut | Opcode::KeyDelete => (WRITERS, RULERS_AND_OWNER),
        Opcode::KeyGet | Opcode::KeyInfoGet | Opcode::KeyList => (READERS, RULERS_AND_OWNER),
        Opcode::KeyRename | Opcode::KeyCopy => (OWNERS, RULERS_AND_OWNER),
    }
}

/// Who else may make one of an operation's requests.
fn also(opcode: Opcode, request: usize, volume: &str) -> &'static [Role] {
    let tenants = volume == "acme";
    match (opcode, request) {
        (Opcode::BucketInfoGet, 1) if tenants => &[Reader, Writer],
        (Opcode::BucketInfoGet, 1) => &[Writer],
        _ => &[],
    }
}

/// Who may not make one of them.
fn not(opcode: Opcode, request: usize, volume: &str) -> &'static [Role] {
    match (opcode, request) {
        // The list of the tenant's volume: whoever owns a bucket in it has no say in that.
        (Opcode::AclGet | Opcode::AclEdit, 0) if volume == "acme" => &[Owner],
        _ => &[],
    }
}

#[test]
fn s18_every_operation_by_every_role() {
    with_engine(|daemon| {
        let mut admin = daemon.client();
        build(&mut admin);
        let mut clients: Vec<(Role, Asking)> = Role::ALL
            .into_iter()
            .map(|role| (role, role.client(&daemon)))
            .collect();
        let mut wrong = Vec::new();
        for &opcode in Opcode::ALL {
            let (at_home, at_tenants) = allowed(opcode);
            for (place, roles) in [(home(), at_home), (tenant(), at_tenants)] {
                repair(&mut admin);
                for (role, client) in &mut clients {
                    for (number, ask) in asks(opcode, &place).iter().enumerate() {
                        if spoils(opcode) {
                            repair(&mut admin);
                        }
                        let outcome = ask(client);
                        let may = is_allowed(&outcome);
                        let volume = &place.bucket.volume;
                        let expected = (roles.contains(role)
                            || also(opcode, number, volume).contains(role))
                            && !not(opcode, number, volume).contains(role);
                        if may != expected {
                            wrong.push(format!(
                                "{} ({number}) in {volume} by {role:?}: {outcome:?}",
                                opcode.as_str()
                            ));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// Whether what one may do takes away what the next one is to do.
const fn spoils(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::KeyPut
            | Opcode::KeyDelete
            | Opcode::KeyCopy
            | Opcode::TenantUserAssign
            | Opcode::TenantUserRevoke
            | Opcode::TenantUserAssignAdmin
    )
}

fn is_allowed(outcome: &Result<(), ClientError>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(ClientError::Refused(failure)) => failure.code != ResultCode::PermissionDenied,
        Err(other) => panic!("{other}"),
    }
}

/// Whoever has no right on a name is told the same whether it is there or not.
#[test]
fn s16_a_stranger_learns_nothing_of_what_exists() {
    with_engine(|daemon| {
        let mut admin = daemon.client();
        build(&mut admin);
        repair(&mut admin);
        let missing = Place {
            bucket: name("nouse", "nata"),
            link: name("nouse", "nhown"),
            key: "n",
            tenant: "ncme",
            access_id: "ncme$temp",
        };
        let nothing_there = |text: String| {
            let names = [("nouse", "house"), ("nata", "data"), ("nhown", "shown")];
            let names = names
                .into_iter()
                .chain([("ncme", "acme"), ("\"n\"", "\"k\"")]);
            names.fold(text, |text, (missing, there)| text.replace(missing, there))
        };
        for role in [Role::Stranger, Role::Member] {
            let mut client = role.client(&daemon);
            for &opcode in Opcode::ALL {
                let there = asks(opcode, &home());
                for (one, other) in there.iter().zip(asks(opcode, &missing)) {
                    let (one, other) = (told(one(&mut client)), told(other(&mut client)));
                    let Some(one) = one.filter(|one| one.code == ResultCode::PermissionDenied)
                    else {
                        continue;
                    };
                    let other = other.map(|other| nothing_there(other.to_string()));
                    // The member's own tenant is there for the member.
                    assert_eq!(other, Some(one.to_string()), "{}", opcode.as_str());
                }
            }
        }
    });
}

fn told(outcome: Result<(), ClientError>) -> Option<Failure> {
    match outcome {
        Err(ClientError::Refused(failure)) => Some(failure),
        _ => None,
    }
}

/// Over TCP and without `act_as` a user has the same rights, and secrets do not travel.
#[test]
fn a_user_has_the_same_rights_over_tcp() {
    with_engine(|daemon: Daemon| {
        use chainring_protocol::message::{BucketInfoGet, S3SecretGet, VolumeList};
        let mut admin = daemon.client();
        build(&mut admin);
        let keys = admin.call(&S3SecretGet {
            user: Some("reader".to_owned()),
            another: true,
        });
        let keys = keys.unwrap();
        let secret = keys.secret.unwrap();
        let mut reader = daemon.login(&keys.access_key, secret.expose()).unwrap();
        let bucket = home().bucket;
        reader.call(&BucketInfoGet { bucket }).unwrap();
        let bucket = tenant().bucket;
        let denied = reader.call(&BucketInfoGet { bucket });
        assert_eq!(
            denied.unwrap_err().to_string(),
            "PERMISSION_DENIED user reader does not have the READ right on bucket /acme/data"
        );
        let page = chainring_protocol::message::Paging::first();
        let volumes = reader.call(&VolumeList { page }).unwrap().entries;
        let names: Vec<_> = volumes.iter().map(|volume| volume.name.as_str()).collect();
        assert_eq!(names, ["house", "s3v"], "not the tenant's");
        let own = reader.call(&S3SecretGet {
            user: None,
            another: true,
        });
        assert_eq!(
            own.unwrap_err().to_string(),
            "PERMISSION_DENIED secrets travel over the unix socket only"
        );
    });
}
