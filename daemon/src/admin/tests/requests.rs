//! Requests and answers.

use super::{code, with_daemon};
use crate::base::limits::ADMIN_REQUESTS_MAX;
use chainring_protocol::ResultCode;
use chainring_protocol::client::Client;
use chainring_protocol::message::{
    BucketLink, BucketName, LinkStatus, Paging, StatusGet, VolumeCreate, VolumeInfoGet, VolumeList,
};

fn info(name: &str) -> VolumeInfoGet {
    VolumeInfoGet {
        name: name.to_owned(),
    }
}

#[test]
fn a_client_is_served() {
    with_daemon(|daemon| {
        let (mut client, source) = daemon.with_bucket();
        assert!(client.daemon().software.starts_with("chainringd "));
        let link = BucketLink {
            strict: true,
            ..BucketLink::new(source, BucketName::new("s3v", "link"))
        };
        let link = client.call(&link).unwrap().link.unwrap();
        assert_eq!(link.status, LinkStatus::Ok);
        assert_eq!(code(client.call(&info("nope"))), ResultCode::VolumeNotFound);
        let status = daemon.client().call(&StatusGet {}).unwrap();
        assert_eq!((status.buckets, status.links), (1, 1));
    });
}

/// Far more requests at once than are carried out at once, some slow: every one is answered, and
/// the answers are not mixed up.
#[test]
fn requests_in_flight_are_all_answered() {
    with_daemon(|daemon| {
        let mut client = daemon.client();
        client.call(&VolumeCreate::new("slow")).unwrap();
        let names: Vec<String> = (0..10 * ADMIN_REQUESTS_MAX)
            .map(|n| match n % 5 {
                0 => "slow".to_owned(),
                1 => "s3v".to_owned(),
                _ => format!("missing-{n}"),
            })
            .collect();
        let pending: Vec<_> = names
            .iter()
            .map(|name| client.submit(&info(name)).unwrap())
            .collect();
        for (name, pending) in names.iter().zip(pending).rev() {
            let outcome = client.wait(pending);
            if name.starts_with("missing") {
                let error = outcome.unwrap_err().to_string();
                assert!(error.ends_with(name.as_str()), "{error} {name}");
            } else {
                assert_eq!(outcome.unwrap().name, *name);
            }
        }
    });
}

#[test]
fn a_panic_is_an_internal_error_of_one_request() {
    with_daemon(|daemon| {
        let mut client = daemon.client();
        let panics = client.submit(&info("panic")).unwrap();
        let lives = client.submit(&info("s3v")).unwrap();
        assert_eq!(client.wait(lives).unwrap().name, "s3v");
        assert_eq!(code(client.wait(panics)), ResultCode::InternalError);
        client.call(&info("s3v")).unwrap();
    });
}

/// Answers that are still being worked on when the client closes its side arrive.
#[test]
fn a_client_that_closes_its_side_still_gets_its_answers() {
    with_daemon(|daemon| {
        let stream = daemon.stream();
        let closer = stream.try_clone().unwrap();
        let mut client = Client::connect(stream, "test").unwrap();
        client.call(&VolumeCreate::new("slow")).unwrap();
        let slow = client.submit(&info("slow")).unwrap();
        // Waiting for the quick one sends both.
        client.call(&info("s3v")).unwrap();
        closer.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.wait(slow).unwrap().name, "slow");
    });
}

#[test]
fn many_connections_at_once() {
    with_daemon(|daemon| {
        let mut clients: Vec<_> = (0..100).map(|_| daemon.client()).collect();
        for client in &mut clients {
            let page = Paging::first();
            assert_eq!(client.call(&VolumeList { page }).unwrap().entries.len(), 1);
        }
    });
}
