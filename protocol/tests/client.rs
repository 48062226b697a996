//! The client against a daemon in memory: requests in flight together, streams larger than their
//! window, logins right and wrong, and a peer that sends rubbish.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use chainring_protocol::client::{Client, ClientError, Login};
use chainring_protocol::message::{
    BucketCreate, BucketLink, BucketName, KeyGet, KeyInfoGet, KeyPut, LinkStatus, Paging,
    S3SecretGet, StatusGet, VolumeCreate, VolumeInfoGet, VolumeList,
};
use chainring_protocol::testing::FakeDaemon;
use chainring_protocol::{ResultCode, Secret};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

fn connected(daemon: &Arc<FakeDaemon>) -> UnixStream {
    let (here, there) = UnixStream::pair().unwrap();
    let daemon = Arc::clone(daemon);
    thread::spawn(move || {
        let _ = daemon.serve(there);
    });
    here
}

fn client() -> Client<UnixStream> {
    Client::connect(connected(&Arc::default()), "test 1.0").unwrap()
}

fn with_bucket() -> (Client<UnixStream>, BucketName) {
    let mut client = client();
    let bucket = BucketName::new("vol1", "bucket1");
    client.call(&VolumeCreate::new("vol1")).unwrap();
    client.call(&BucketCreate::new(bucket.clone())).unwrap();
    (client, bucket)
}

fn put(bucket: &BucketName, key: &str, size: Option<u64>) -> KeyPut {
    KeyPut {
        bucket: bucket.clone(),
        key: key.to_owned(),
        size,
        content_type: None,
    }
}

fn get(bucket: &BucketName, key: &str) -> KeyGet {
    KeyGet {
        bucket: bucket.clone(),
        key: key.to_owned(),
    }
}

fn code<T: std::fmt::Debug>(outcome: Result<T, ClientError>) -> ResultCode {
    match outcome.unwrap_err() {
        ClientError::Refused(failure) => failure.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_link_shows_its_source() {
    let (mut client, source) = with_bucket();
    let link = BucketName::new("s3v", "common-bucket");
    let info = client
        .call(&BucketLink {
            strict: true,
            ..BucketLink::new(source.clone(), link.clone())
        })
        .unwrap();
    assert_eq!(info.link.unwrap().status, LinkStatus::Ok);

    let mut upload = client.upload(&put(&source, "k", Some(5))).unwrap();
    assert_eq!(upload.send_from(&mut &b"hello"[..]).unwrap(), 5);
    assert_eq!(upload.finish().unwrap().size, 5);

    let mut download = client.download(&get(&link, "k")).unwrap();
    let mut bytes = Vec::new();
    download.copy_to(&mut bytes, |_| {}).unwrap();
    assert_eq!(bytes, b"hello");
}

#[test]
fn answers_are_matched_whatever_order_they_are_waited_for() {
    let mut client = client();
    let pending: Vec<_> = (0..10)
        .map(|n| {
            client
                .submit(&VolumeCreate::new(format!("vol{n}")))
                .unwrap()
        })
        .collect();
    for (n, pending) in pending.into_iter().enumerate().rev() {
        assert_eq!(client.wait(pending).unwrap().name, format!("vol{n}"));
    }
    let name = "nope".to_owned();
    assert_eq!(
        code(client.call(&VolumeInfoGet { name })),
        ResultCode::VolumeNotFound
    );
}

#[test]
fn listings_come_in_pages() {
    let mut client = client();
    for n in 0..5 {
        let create = VolumeCreate::new(format!("vol{n}"));
        client.call(&create).unwrap();
    }
    let mut page = Paging {
        prefix: "vol".to_owned(),
        limit: 2,
        ..Paging::first()
    };
    let mut names = Vec::new();
    loop {
        let answer = client.call(&VolumeList { page: page.clone() }).unwrap();
        names.extend(answer.entries.into_iter().map(|volume| volume.name));
        if !answer.more {
            break;
        }
        page.after = names.last().unwrap().clone();
    }
    assert_eq!(names, ["vol0", "vol1", "vol2", "vol3", "vol4"]);
}

/// Far more bytes than both windows together: neither side may need all of them in memory, and the
/// connection is usable afterwards.
#[test]
fn a_stream_may_be_larger_than_its_window() {
    let (mut client, bucket) = with_bucket();
    let size = 11 * 1024 * 1024 + 17;
    let bytes: Vec<u8> = (0..size).map(|n: u32| (n % 251) as u8).collect();
    let mut source = &bytes[..];
    let mut upload = client.upload(&put(&bucket, "big", None)).unwrap();
    while upload.send_from(&mut source).unwrap() > 0 {}
    assert_eq!(upload.finish().unwrap().size, u64::from(size));

    let mut back = Vec::new();
    let mut download = client.download(&get(&bucket, "big")).unwrap();
    download.copy_to(&mut back, |_| {}).unwrap();
    assert!(back == bytes);
    drop(download);
    client.call(&StatusGet {}).unwrap();
}

#[test]
fn a_download_that_is_given_up_leaves_the_connection_usable() {
    let (mut client, bucket) = with_bucket();
    let bytes = vec![1u8; 9 * 1024 * 1024];
    let mut upload = client.upload(&put(&bucket, "big", None)).unwrap();
    let mut source = &bytes[..];
    while upload.send_from(&mut source).unwrap() > 0 {}
    upload.finish().unwrap();

    let mut download = client.download(&get(&bucket, "big")).unwrap();
    assert!(download.next_piece().unwrap().is_some());
    drop(download);
    assert_eq!(client.call(&StatusGet {}).unwrap().buckets, 1);
}

#[test]
fn an_upload_that_is_given_up_writes_nothing() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }

    let (mut client, bucket) = with_bucket();
    let mut upload = client.upload(&put(&bucket, "k", None)).unwrap();
    upload.send_from(&mut &b"some"[..]).unwrap();
    let error = upload.send_from(&mut Fails).unwrap_err();
    assert_eq!(error.to_string(), "the disk is gone");
    drop(upload);
    let key = "k".to_owned();
    assert_eq!(
        code(client.call(&KeyInfoGet { bucket, key })),
        ResultCode::KeyNotFound
    );
}

#[test]
fn an_upload_that_cannot_succeed_stops_early() {
    let (mut client, _) = with_bucket();
    let missing = BucketName::new("vol1", "missing");
    let mut upload = client.upload(&put(&missing, "k", None)).unwrap();
    let mut sent = 0u64;
    let error = loop {
        match upload.send_from(&mut io::repeat(7)) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
    };
    assert_eq!(code::<()>(Err(error)), ResultCode::BucketNotFound);
    assert!(sent <= 4 * 1024 * 1024, "{sent} bytes were sent");
    drop(upload);
    client.call(&StatusGet {}).unwrap();
}

fn login(secret: &str) -> Login {
    Login {
        key_id: "admin".to_owned(),
        secret: Secret::new(secret.to_owned()),
        nonce: [3; 32],
        act_as: None,
    }
}

#[test]
fn a_login_signs_every_frame_and_shows_no_secret() {
    let daemon = Arc::new(FakeDaemon::with_login("admin", "right"));
    let stream = connected(&daemon);
    let mut client = Client::connect_with_login(stream, "test", &login("right")).unwrap();
    client.call(&StatusGet {}).unwrap();
    let bucket = BucketName::new("s3v", "b");
    client.call(&BucketCreate::new(bucket.clone())).unwrap();
    let mut upload = client.upload(&put(&bucket, "k", None)).unwrap();
    upload.send_from(&mut &b"signed"[..]).unwrap();
    assert_eq!(upload.finish().unwrap().size, 6);
    assert_eq!(
        code(client.call(&S3SecretGet {
            user: None,
            another: false,
        })),
        ResultCode::PermissionDenied
    );
}

#[test]
fn a_wrong_login_is_refused_and_says_nothing_more() {
    let daemon = Arc::new(FakeDaemon::with_login("admin", "right"));
    let wrong = Client::connect_with_login(connected(&daemon), "test", &login("wrong"));
    assert_eq!(code(wrong), ResultCode::PermissionDenied);
    let unknown = Login {
        key_id: "nobody".to_owned(),
        ..login("right")
    };
    let unknown = Client::connect_with_login(connected(&daemon), "test", &unknown);
    assert_eq!(code(unknown), ResultCode::PermissionDenied);
    assert!(matches!(
        Client::connect(connected(&daemon), "test"),
        Err(ClientError::AuthenticationRequired)
    ));
}

/// Who listens on the port may not be the daemon.
#[test]
fn a_daemon_that_asks_for_no_login_gets_none() {
    let stream = connected(&Arc::default());
    assert!(matches!(
        Client::connect_with_login(stream, "test", &login("right")),
        Err(ClientError::AuthenticationNotOffered)
    ));
}

#[test]
fn a_peer_that_speaks_something_else_is_an_error() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"CHNR",
        b"CHNR\x02\x02\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
        b"",
    ] {
        let (here, mut there) = UnixStream::pair().unwrap();
        there.write_all(answer).unwrap();
        there.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(Client::connect(here, "test").is_err(), "{answer:?}");
    }
}
