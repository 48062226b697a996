//! Records with a right checksum and any content, as a store or namespace meets them when it starts.

use crate::edits::apply;
use crate::input::Input;
use crate::log::{config, disk_of, files};
use crate::seal::STORE;
use chainringd::base::codec::Reader;
use chainringd::base::{Location, Timestamp};
use chainringd::io::sim::{SimClock, SimDisk, run, spawn};
use chainringd::log::{Log, RecordView};
use chainringd::namespace::{
    CannedAcl, Command, FirstUser, LinkOptions, Namespace, NamespaceConfig, Secret, SecretsKey,
};
use chainringd::store::meta::ObjectMeta;
use chainringd::store::record::{
    AbortRecord, DeleteRecord, ObjectRecord, PartRecord, UploadRecord,
};
use chainringd::store::{ObjectEntry, PartEntry, Store, StoreConfig, UploadEntry};
use std::cell::RefCell;
use std::rc::Rc;

/// Up to four records: the kind, the length (2), the payload.
fn records(data: &[u8], kinds: u8) -> Vec<(u8, Vec<u8>)> {
    let mut input = Input(data);
    let mut records = Vec::new();
    while !input.0.is_empty() && records.len() < 4 {
        let kind = input.byte() % kinds;
        let len = usize::from(input.number() % 2048);
        records.push((kind, input.take(len).to_vec()));
    }
    records
}

/// What is decoded encodes to what means the same.
fn decode(payload: &[u8]) {
    if let Ok((record, rest)) = ObjectRecord::decode(payload) {
        let again = [&record.encode_head()[..], rest].concat();
        assert_eq!(ObjectRecord::decode(&again), Ok((record, rest)));
    }
    if let Ok((record, rest)) = PartRecord::decode(payload) {
        let again = [&record.encode_head()[..], rest].concat();
        assert_eq!(PartRecord::decode(&again), Ok((record, rest)));
    }
    if let Ok(record) = DeleteRecord::decode(payload) {
        assert_eq!(DeleteRecord::decode(&record.encode()), Ok(record));
    }
    if let Ok(record) = UploadRecord::decode(payload) {
        assert_eq!(UploadRecord::decode(&record.encode()), Ok(record));
    }
    if let Ok(record) = AbortRecord::decode(payload) {
        assert_eq!(AbortRecord::decode(&record.encode()), Ok(record));
    }
    let mut out = Vec::new();
    if let Ok(entry) = ObjectEntry::decode(payload) {
        entry.encode(&mut out);
        assert_eq!(ObjectEntry::decode(&out), Ok(entry));
    }
    out.clear();
    if let Ok(entry) = UploadEntry::decode(payload) {
        entry.encode(&mut out);
        assert_eq!(UploadEntry::decode(&out), Ok(entry));
    }
    out.clear();
    if let Ok(entry) = PartEntry::decode(payload) {
        entry.encode(&mut out);
        assert_eq!(PartEntry::decode(&out), Ok(entry));
    }
    let _ = ObjectMeta::decode(&mut Reader::new(payload));
}

/// A shard's log.
pub fn log_record(data: &[u8]) {
    let records = records(data, 8);
    records.iter().for_each(|(_, payload)| decode(payload));
    let config = StoreConfig {
        log: config("shard-000", 0),
        checkpoint_bytes: 1 << 40,
    };
    let files = files(&config.log, &records, 0);
    run(1, async {
        let disk = disk_of("shard-000", &files).await;
        let Ok(store) = Store::open(disk, SimClock, config).await else {
            return;
        };
        let reader = store.reader();
        for (_, payload) in &records {
            let Ok((record, _)) = ObjectRecord::decode(payload) else {
                continue;
            };
            let opened = reader.open(record.bucket, &record.key, None).await;
            if let Ok(Some(opened)) = opened {
                let found = &opened.object.record;
                assert_eq!(found.key, record.key, "another object");
                let mut body = reader.body(&opened, 0..found.size, None);
                let mut pieces = 0;
                while let Ok(Some(_)) = body.next().await {
                    pieces += 1;
                    assert!(pieces < 100_000, "a body without end");
                }
            }
        }
        let _ = reader.entries();
    });
}

fn namespace_config() -> NamespaceConfig {
    let entropy = Rc::new(|out: &mut [u8]| out.fill(7));
    NamespaceConfig {
        segment_bytes: 16 * 1024,
        ..NamespaceConfig::new("namespace", STORE, None, entropy, SecretsKey::new([5; 32]))
    }
}

/// The records of a namespace in which a little of everything was made.
fn batches() -> Vec<(u8, Vec<u8>)> {
    run(1, async {
        let disk = SimDisk::new(1);
        let first = FirstUser {
            name: "admin".to_owned(),
            access_key: Some("ADMINKEY".to_owned()),
            secret: Secret::new("adminsecret".to_owned()).ok(),
        };
        let made = Namespace::create(disk.clone(), SimClock, namespace_config(), first).await;
        let (namespace, _) = made.unwrap();
        let running = spawn(namespace.run());
        for command in commands() {
            namespace.apply(command).await.unwrap();
        }
        namespace.close().await.unwrap();
        running.join().await;
        let mut records = Vec::new();
        let log = config("namespace", 0xffff);
        Log::open(disk, SimClock, log, Location::default(), |_, view| {
            if let RecordView::Record { kind, payload } = view {
                records.push((kind, payload.to_vec()));
            }
            Ok(())
        })
        .await
        .unwrap();
        assert!(records.len() > 4);
        records
    })
}

fn commands() -> Vec<Command> {
    let text = str::to_owned;
    let bucket = |name: &str| Command::CreateBucket {
        volume: text("s3v"),
        name: text(name),
        owner: text("admin"),
        acl: CannedAcl::Private,
        object_lock: false,
        protected: false,
        quota_bytes: Some(1 << 30),
        quota_namespace: None,
    };
    let link = |source: &str, name: &str| Command::CreateLink {
        source: (text("s3v"), text(source)),
        volume: text("s3v"),
        name: text(name),
        owner: text("admin"),
        strict: false,
        options: LinkOptions::default(),
    };
    vec![
        bucket("bucket-a"),
        link("bucket-a", "link-a"),
        link("link-b", "link-c"),
        link("link-a", "link-b"),
        bucket("bucket-b"),
        Command::DeleteLink {
            volume: text("s3v"),
            name: text("link-c"),
        },
    ]
}

/// The namespace's log: one batch of a real one is edited, and the chain of digests mended.
pub fn namespace_record(data: &[u8]) {
    thread_local!(static BATCHES: RefCell<Vec<(u8, Vec<u8>)>> = const { RefCell::new(Vec::new()) });
    let mut records = BATCHES.with_borrow_mut(|kept| {
        if kept.is_empty() {
            *kept = batches();
        }
        kept.clone()
    });
    let mut input = Input(data);
    let chosen = usize::from(input.byte()) % records.len();
    records[chosen].1 = apply(&records[chosen].1, input.0);
    let mut digest = 0u64;
    for (_, payload) in &mut records {
        if let Some(previous) = payload.get_mut(1..9) {
            previous.copy_from_slice(&digest.to_le_bytes());
        }
        digest = xxhash_rust::xxh3::xxh3_64(payload).max(1);
    }
    let files = files(&config("namespace", 0xffff), &records, 0);
    run(1, async {
        let disk = disk_of("namespace", &files).await;
        let Ok(opened) = Namespace::open(disk.clone(), SimClock, namespace_config()).await else {
            assert!(!input.0.is_empty(), "what is right is refused");
            return;
        };
        for name in ["bucket-a", "link-a", "link-b", "link-c"] {
            let _ = opened.reader().resolve("s3v", name, Timestamp(1));
        }
        drop(opened);
        let again = Namespace::open(disk, SimClock, namespace_config()).await;
        assert!(again.is_ok(), "opened once and not again");
    });
}
