//! Secrets at rest, and their rotation.

use super::*;
use crate::base::Timestamp;
use crate::io::sim::Keep;
use crate::io::{Clock, Disk};
use crate::log::Log;
use crate::namespace::change::{BATCH, Batch, Change};
use crate::namespace::keys::Key;
use crate::namespace::record::VolumeRecord;
use crate::namespace::record_user::{Kept, KeyRecord, UserRecord};

async fn open(disk: &SimDisk, config: NamespaceConfig) -> Result<Ns, NamespaceError> {
    let ns = Namespace::open(disk.clone(), SimClock, config).await?;
    sim::spawn(ns.run());
    Ok(ns)
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

fn set_secret(text: &str, keep_old: Option<Timestamp>) -> Command {
    Command::SetSecret {
        access_key: "ADMINKEY".into(),
        secret: Some(secret(text)),
        keep_old,
    }
}

/// The secret of the administrator and the one before it.
fn secrets(ns: &Ns) -> (String, Option<(String, Timestamp)>) {
    let found = ns.reader().user_by_access_key("ADMINKEY").unwrap().unwrap();
    let previous = found.previous.as_ref();
    (
        found.secret.expose().to_owned(),
        previous.map(|(secret, until)| (secret.expose().to_owned(), *until)),
    )
}

#[test]
fn the_old_secret_is_kept_until_its_time_or_the_next_change() {
    with(async |ns| {
        let later = Timestamp(SimClock.now().0 + 60_000);
        ns.apply(set_secret("second-secret", Some(later)))
            .await
            .unwrap();
        let old = Some(("adminsecret".to_owned(), later));
        assert_eq!(secrets(&ns), ("second-secret".to_owned(), old));
        let still_later = Timestamp(later.0 + 1);
        ns.apply(set_secret("third-secret", Some(still_later)))
            .await
            .unwrap();
        let old = Some(("second-secret".to_owned(), still_later));
        assert_eq!(secrets(&ns), ("third-secret".to_owned(), old));
        ns.apply(set_secret("fourth-secret", None)).await.unwrap();
        assert_eq!(secrets(&ns), ("fourth-secret".to_owned(), None));
        let past = Some(SimClock.now());
        ns.apply(set_secret("fifth-secret", past)).await.unwrap();
        assert_eq!(secrets(&ns), ("fifth-secret".to_owned(), None));
    });
}

/// What a core keeps in use never outlives a change.
#[test]
fn credentials_in_use_follow_every_change_at_once() {
    with(async |ns| {
        let (credentials, reader) = (Credentials::default(), ns.reader());
        let get = |access_key: &str| credentials.get(&reader, access_key).unwrap();
        let first = get("ADMINKEY").unwrap();
        assert!(std::rc::Rc::ptr_eq(&first, &get("ADMINKEY").unwrap()));
        assert!(get("UNKNOWN").is_none());
        ns.apply(set_secret("second-secret", None)).await.unwrap();
        assert_eq!(get("ADMINKEY").unwrap().secret.expose(), "second-secret");
        let groups = Command::SetUserGroups {
            name: "admin".into(),
            groups: vec!["eng".into()],
        };
        ns.apply(groups).await.unwrap();
        assert_eq!(get("ADMINKEY").unwrap().groups.len(), 1);
        let revoke = Command::RevokeSecret {
            access_key: "ADMINKEY".into(),
        };
        ns.apply(revoke).await.unwrap();
        assert!(get("ADMINKEY").is_none());
    });
}

/// Everything the store has in files, the index included.
async fn files(disk: &SimDisk, index: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("index".to_owned(), std::fs::read(index).unwrap())];
    for name in disk.list("namespace").await.unwrap() {
        let bytes = disk.read_raw(&format!("namespace/{name}")).unwrap();
        files.push((name, bytes));
    }
    files
}

#[test]
fn s32_no_file_holds_a_secret_in_the_open() {
    let folder = tempfile::tempdir().unwrap();
    let with_file = NamespaceConfig {
        map_file: Some(folder.path().join("index")),
        snapshot_bytes: 2000,
        ..config(1)
    };
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let made = Namespace::create(disk.clone(), SimClock, with_file.clone(), first_user());
        let (ns, _) = made.await.unwrap();
        sim::spawn(ns.run());
        let mut known = vec!["adminsecret".to_owned()];
        for n in 0..30 {
            known.push(format!("hidden-secret-{n}"));
            let later = Timestamp(SimClock.now().0 + 60_000);
            let text = known.last().unwrap();
            ns.apply(set_secret(text, Some(later))).await.unwrap();
        }
        let random = Command::CreateSecret {
            user: "admin".into(),
            access_key: None,
            secret: None,
        };
        match ns.apply(random).await.unwrap() {
            Reply::Credential(made) => known.push(made.secret.expose().to_owned()),
            other => panic!("{other:?}"),
        }
        SimClock.sleep(std::time::Duration::from_secs(5)).await;
        ns.close().await.unwrap();
        let files = files(&disk, &folder.path().join("index")).await;
        assert!(files.iter().any(|(name, _)| name.starts_with("snapshot-")));
        for (name, bytes) in files {
            for secret in &known {
                let found = memchr::memmem::find(&bytes, secret.as_bytes());
                assert_eq!(found, None, "{secret} in {name}");
            }
        }
    });
}

#[test]
fn another_key_opens_nothing_and_is_refused() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let made = Namespace::create(disk.clone(), SimClock, config(1), first_user()).await;
        let (ns, _) = made.unwrap();
        sim::spawn(ns.run());
        ns.close().await.unwrap();
        let wrong = NamespaceConfig {
            secrets: SecretsKey::new([6; 32]),
            ..config(1)
        };
        let refused = open(&disk, wrong).await;
        assert!(matches!(
            refused.err(),
            Some(NamespaceError::WrongSecretsKey)
        ));
        let sealed = Namespace::has_sealed_secrets(&disk, &SimClock, &config(1)).await;
        assert!(sealed.unwrap());
        let ns = open(&disk, config(1)).await.unwrap();
        assert_eq!(secrets(&ns).0, "adminsecret");
    });
}

/// A log as the first version wrote it.
async fn old_store(disk: &SimDisk, users: usize) {
    disk.create_dir("namespace").await.unwrap();
    let log = Log::create(disk.clone(), SimClock, config(1).log())
        .await
        .unwrap();
    sim::spawn(log.run());
    let mut batch = Batch::after(0);
    let owner = Name::new("admin").unwrap();
    let volume = VolumeRecord {
        owner,
        created: Timestamp(1),
        modified: Timestamp(1),
        quota_bytes: None,
        quota_namespace: None,
        acl: None,
        extra: Vec::new(),
    };
    let s3v = Name::new(S3_VOLUME).unwrap();
    batch.push(&Change::put(&Key::volume(&s3v), volume.encode()));
    let user = UserRecord {
        id: UserId([3; 32]),
        display_name: "admin".into(),
        admin: true,
        created: Timestamp(1),
        groups: Vec::new(),
        extra: Vec::new(),
    };
    batch.push(&Change::put(&Key::user(&owner), user.encode()));
    for n in 0..users {
        let key = KeyRecord {
            user: owner,
            secret: Kept::Plain(secret(&format!("plain-secret-{n}"))),
            created: Timestamp(1),
            previous: None,
            member: None,
            extra: Vec::new(),
        };
        let name = format!("OLDKEY{n}");
        batch.push(&Change::put(&Key::access_key(&name), key.encode()));
    }
    log.append(BATCH, &[&batch.finish().0]).await.unwrap();
    log.commit().await.unwrap();
    log.close().await.unwrap();
}

#[test]
fn secrets_of_the_first_version_are_encrypted_at_the_next_start() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        old_store(&disk, 600).await;
        let sealed = Namespace::has_sealed_secrets(&disk, &SimClock, &config(1)).await;
        assert!(!sealed.unwrap());
        let ns = open(&disk, config(1)).await.unwrap();
        let check = |ns: &Ns| {
            for n in 0..600 {
                let found = ns.reader().user_by_access_key(&format!("OLDKEY{n}"));
                let found = found.unwrap().unwrap();
                assert_eq!(found.secret.expose(), format!("plain-secret-{n}"));
            }
        };
        check(&ns);
        let disk = disk.crash(Keep::None);
        assert!(
            Namespace::has_sealed_secrets(&disk, &SimClock, &config(1))
                .await
                .unwrap()
        );
        let wrong = NamespaceConfig {
            secrets: SecretsKey::new([6; 32]),
            ..config(1)
        };
        assert!(matches!(
            open(&disk, wrong).await.err(),
            Some(NamespaceError::WrongSecretsKey)
        ));
        check(&open(&disk, config(1)).await.unwrap());
    });
}
