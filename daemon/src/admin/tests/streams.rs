//! Uploads and downloads.

use super::{code, with_daemon};
use crate::base::limits::PART_BYTES_MAX;
use chainring_protocol::ResultCode;
use chainring_protocol::client::ClientError;
use chainring_protocol::message::{BucketName, KeyGet, KeyInfoGet, KeyPut, StatusGet};
use std::io::{self, Read};

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

fn pattern(len: u32) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// Empty, short, exactly one piece, exactly the window, and far more than the window.
#[test]
fn bytes_of_every_size_come_back() {
    with_daemon(|daemon| {
        let (mut client, bucket) = daemon.with_bucket();
        for size in [0, 1, 1 << 20, (1 << 20) + 1, 4 << 20, (13 << 20) + 17] {
            let bytes = pattern(size);
            let mut source = &bytes[..];
            let announced = (size % 2 == 0).then_some(u64::from(size));
            let mut upload = client.upload(&put(&bucket, "k", announced)).unwrap();
            while upload.send_from(&mut source).unwrap() > 0 {}
            assert_eq!(upload.finish().unwrap().size, u64::from(size));

            let mut back = Vec::new();
            let mut download = client.download(&get(&bucket, "k")).unwrap();
            download.copy_to(&mut back, |_| {}).unwrap();
            assert!(back == bytes, "{size}");
        }
    });
}

#[test]
fn what_is_given_up_leaves_the_connection_usable() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }

    with_daemon(|daemon| {
        let (mut client, bucket) = daemon.with_bucket();
        let mut upload = client.upload(&put(&bucket, "k", None)).unwrap();
        upload.send_from(&mut &pattern(3 << 20)[..]).unwrap();
        assert!(upload.send_from(&mut Fails).is_err());
        drop(upload);
        let (key, name) = ("k".to_owned(), bucket.clone());
        let info = KeyInfoGet { bucket: name, key };
        assert_eq!(code(client.call(&info)), ResultCode::KeyNotFound);

        let bytes = pattern(9 << 20);
        let mut source = &bytes[..];
        let mut upload = client.upload(&put(&bucket, "big", None)).unwrap();
        while upload.send_from(&mut source).unwrap() > 0 {}
        upload.finish().unwrap();
        for _ in 0..10 {
            let mut download = client.download(&get(&bucket, "big")).unwrap();
            assert!(download.next_piece().unwrap().is_some());
        }
        client.call(&StatusGet {}).unwrap();
    });
}

#[test]
fn an_upload_fails_early_where_it_can() {
    with_daemon(|daemon| {
        let (mut client, bucket) = daemon.with_bucket();
        let missing = BucketName::new("s3v", "missing");
        let mut upload = client.upload(&put(&missing, "k", None)).unwrap();
        let mut sent = 0;
        let error: ClientError = loop {
            match upload.send_from(&mut io::repeat(7)) {
                Ok(count) => sent += count,
                Err(error) => break error,
            }
        };
        assert_eq!(code::<()>(Err(error)), ResultCode::BucketNotFound);
        assert!(sent <= 4 << 20, "{sent} bytes were sent");
        drop(upload);

        let too_large = put(&bucket, "k", Some(PART_BYTES_MAX + 1));
        let upload = client.upload(&too_large).unwrap();
        assert_eq!(code(upload.finish()), ResultCode::InvalidRequest);
        let key = get(&bucket, "nope");
        assert_eq!(code(client.download(&key)), ResultCode::KeyNotFound);
    });
}

#[test]
fn another_size_than_announced_writes_nothing() {
    with_daemon(|daemon| {
        let (mut client, bucket) = daemon.with_bucket();
        for announced in [4, 6] {
            let mut upload = client.upload(&put(&bucket, "k", Some(announced))).unwrap();
            upload.send_from(&mut &b"12345"[..]).unwrap();
            assert_eq!(code(upload.finish()), ResultCode::InvalidRequest);
        }
        let (key, name) = ("k".to_owned(), bucket);
        let info = KeyInfoGet { bucket: name, key };
        assert_eq!(code(client.call(&info)), ResultCode::KeyNotFound);
    });
}

/// What the client got must not be taken for the object.
#[test]
fn a_download_that_fails_midway_says_so() {
    with_daemon(|daemon| {
        let (mut client, bucket) = daemon.with_bucket();
        let mut bytes = b"damaged".to_vec();
        bytes.resize(3 << 20, 0);
        let mut source = &bytes[..];
        let mut upload = client.upload(&put(&bucket, "k", None)).unwrap();
        while upload.send_from(&mut source).unwrap() > 0 {}
        upload.finish().unwrap();
        let mut download = client.download(&get(&bucket, "k")).unwrap();
        assert!(download.next_piece().unwrap().is_some());
        let error = download.next_piece().unwrap_err();
        assert_eq!(error.to_string(), "INTERNAL_ERROR a checksum is wrong");
        drop(download);
        client.call(&StatusGet {}).unwrap();
    });
}

#[test]
fn a_panic_ends_one_upload() {
    with_daemon(|daemon| {
        let (mut client, bucket) = daemon.with_bucket();
        let mut upload = client.upload(&put(&bucket, "k", None)).unwrap();
        upload.send_from(&mut &b"panic"[..]).unwrap();
        assert_eq!(code(upload.finish()), ResultCode::InternalError);
        client.call(&StatusGet {}).unwrap();
    });
}
