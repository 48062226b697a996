//! The specification, `docs/format/admin-protocol.md`, against the code: its tables name every
//! opcode and result code, and its test vectors are what this crate computes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use chainring_protocol::auth::{Session, Signer, Transcript};
use chainring_protocol::frame::{Builder, Frame, Header, Kind};
use chainring_protocol::message::{
    AclAction, AclEdit, AclTarget, Authenticate, Authentication, BucketLink, BucketName, Done,
    Hello, HelloReply, VolumeCreate, VolumeInfo,
};
use chainring_protocol::{
    Access, Call, Codec, Failure, Opcode, Reply, Request, ResultCode, Secret, VERSION,
};
use std::collections::BTreeMap;
use std::fmt::Write;

const SPECIFICATION: &str = include_str!("../../docs/format/admin-protocol.md");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `name = hex` entries of the blocks marked `vectors`; an indented line continues the one before.
fn documented() -> BTreeMap<String, String> {
    let mut vectors = BTreeMap::new();
    let mut name = String::new();
    let mut inside = false;
    for line in SPECIFICATION.lines() {
        match line {
            "```vectors" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => {
                let mut bytes = line;
                if let Some((left, right)) = line.split_once(" = ") {
                    left.trim().clone_into(&mut name);
                    bytes = right;
                }
                let entry: &mut String = vectors.entry(name.clone()).or_default();
                entry.extend(bytes.split_whitespace());
            }
        }
    }
    vectors
}

fn frame(header: Header, body: &[u8], signer: Option<&mut Signer>) -> Vec<u8> {
    let mut out = Vec::new();
    let builder = Builder::new(&mut out);
    builder.out.extend_from_slice(body);
    builder.finish(header, signer).unwrap();
    out
}

fn request<C: Call>(id: u32, call: &C, signer: Option<&mut Signer>) -> Vec<u8> {
    let header = Header::new(Kind::Request, id, C::OPCODE.number());
    frame(header, &call.to_bytes().unwrap(), signer)
}

fn response(id: u32, opcode: Opcode, reply: &impl Codec, signer: Option<&mut Signer>) -> Vec<u8> {
    let header = Header::new(Kind::Response, id, opcode.number());
    frame(header, &reply.to_bytes().unwrap(), signer)
}

fn counting() -> [u8; 32] {
    let mut numbers = 0u8..32;
    [0; 32].map(|_: u8| numbers.next().unwrap())
}

fn computed() -> BTreeMap<&'static str, Vec<u8>> {
    let mut vectors = BTreeMap::new();

    let create = VolumeCreate::new("vol1");
    vectors.insert("volume-create.request", request(1, &create, None));
    let volume = VolumeInfo {
        name: "vol1".to_owned(),
        owner: "root".to_owned(),
        created: 1_767_323_045_678,
        modified: 1_767_323_045_678,
        used_namespace: 0,
        used_bytes: None,
        quota_in_bytes: None,
        quota_in_namespace: Some(100),
        tenant: false,
        references: 0,
    };
    vectors.insert(
        "volume-create.response",
        response(1, Opcode::VolumeCreate, &volume, None),
    );
    let failure = Failure::new(
        ResultCode::VolumeAlreadyExists,
        "volume vol1 exists already",
    );
    let mut body = Vec::new();
    failure.encode_body(&mut body).unwrap();
    let header = Header {
        result: failure.code.number(),
        ..Header::new(Kind::Response, 1, Opcode::VolumeCreate.number())
    };
    vectors.insert("volume-create.failure", frame(header, &body, None));
    let link = BucketLink {
        owner: Some("alice".to_owned()),
        strict: true,
        prefix: Some("p/".to_owned()),
        expires: Some(1_767_323_045_678),
        ..BucketLink::new(
            BucketName::new("vol1", "bucket1"),
            BucketName::new("s3v", "common-bucket"),
        )
    };
    vectors.insert("bucket-link.request", request(2, &link, None));
    let edit = AclEdit {
        target: AclTarget::bucket(link.link, false),
        action: AclAction::Add,
        rules: vec!["user:bob:rl".to_owned(), "world::r[DEFAULT]".to_owned()],
    };
    vectors.insert("acl-edit.request", request(4, &edit, None));
    let header = Header::new(Kind::Data, 3, Opcode::KeyPut.number());
    vectors.insert("key-put.data", frame(header, b"hello", None));

    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned());
    let hello = Hello {
        version_min: VERSION,
        version_max: VERSION,
        nonce: counting(),
        key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        software: "chainring 0.1.0".to_owned(),
        act_as: None,
    };
    let hello = request(0, &hello, None);
    let answer = HelloReply {
        version: VERSION,
        authentication: Authentication::HmacSha256,
        nonce: counting().map(|n| 0xff - n),
        requests_max: 64,
        software: "chainringd 0.1.0".to_owned(),
    };
    let answer = response(0, Opcode::Hello, &answer, None);
    let transcript = Transcript::new(&hello, &answer);
    let mut session = Session::new(&secret, &transcript);
    vectors.insert("auth.hello", hello);
    vectors.insert("auth.answer", answer);
    vectors.insert("auth.transcript", transcript.bytes().to_vec());
    vectors.insert("auth.client-key", session.client.key().to_vec());
    vectors.insert("auth.daemon-key", session.daemon.key().to_vec());
    vectors.insert(
        "auth.authenticate",
        request(1, &Authenticate {}, Some(&mut session.client)),
    );
    vectors.insert(
        "auth.authenticated",
        response(1, Opcode::Authenticate, &Done {}, Some(&mut session.daemon)),
    );
    vectors.insert(
        "auth.volume-create",
        request(2, &create, Some(&mut session.client)),
    );
    vectors
}

#[test]
fn the_test_vectors_of_the_specification_are_what_the_code_computes() {
    let documented = documented();
    let computed = computed();
    for (name, bytes) in &computed {
        let bytes = hex(bytes);
        assert_eq!(
            documented.get(*name),
            Some(&bytes),
            "{name} of the specification"
        );
    }
    assert_eq!(documented.len(), computed.len(), "vectors nobody checks");
}

#[test]
fn the_specification_lists_every_opcode_and_result_code() {
    for &opcode in Opcode::ALL {
        let who = match opcode.access() {
            Access::Anyone => "anyone",
            Access::User => "user",
            Access::LocalUser => "local user",
            Access::Admin => "admin",
            Access::LocalAdmin => "local admin",
        };
        let row = format!("| {:#06x} | {} | {who} |", opcode.number(), opcode.as_str());
        assert!(SPECIFICATION.contains(&row), "no row {row:?}");
    }
    for &code in ResultCode::ALL {
        let row = format!("| {} | {} |", code.number(), code.as_str());
        assert!(SPECIFICATION.contains(&row), "no row {row:?}");
    }
}

/// Cut anywhere, and with each byte changed, a message is an error or another message, never a
/// panic; cut, it is always an error.
#[test]
fn damaged_messages_are_errors() {
    for bytes in computed().values() {
        let Ok(Some(frame)) = Frame::parse(bytes) else {
            continue;
        };
        let Some(opcode) = Opcode::from_number(frame.header.opcode) else {
            continue;
        };
        let body = frame.body();
        if !matches!(frame.header.kind, Kind::Request | Kind::Response) || frame.header.result != 0
        {
            continue;
        }
        let parse = |body: &[u8]| match frame.header.kind {
            Kind::Request => Request::from_body(opcode, body).map(drop),
            _ => Reply::from_body(opcode, body).map(drop),
        };
        assert_eq!(parse(body), Ok(()));
        for cut in 0..body.len() {
            assert!(parse(&body[..cut]).is_err(), "{opcode:?} cut at {cut}");
        }
        for at in 0..body.len() {
            for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
                let mut changed = body.to_vec();
                changed[at] = value;
                let _ = parse(&changed);
            }
        }
    }
}

/// Run with `--ignored --nocapture` to print the vectors for the specification.
#[test]
#[ignore = "prints what the specification should say"]
fn print_the_vectors() {
    for (name, bytes) in computed() {
        let digits = hex(&bytes);
        let lines: Vec<_> = digits
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        println!("{name} = {}", lines.join("\n    "));
    }
}
