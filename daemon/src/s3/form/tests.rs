//! What the fields of a form come to.

use super::{Form, Success, accept, check_head};
use crate::base::Timestamp;
use crate::s3::error::{ErrorCode, Result};
use crate::s3::head::{PlainHead, RequestHead};
use crate::s3::query::Query;
use crate::s3::sigv4::{Identity, Verifier};

fn with_file(fields: &[(&str, &str)], filename: &str) -> Result<Form> {
    let pairs = fields
        .iter()
        .map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
    Form::new(pairs.collect(), filename.as_bytes())
}

fn form(fields: &[(&str, &str)]) -> Form {
    with_file(fields, "").unwrap()
}

#[test]
fn the_name_of_the_file_comes_without_its_folders() {
    let key = |key: &str, filename: &str| {
        let form = with_file(&[("key", key)], filename).unwrap();
        form.text("key").unwrap().unwrap().to_owned()
    };
    assert_eq!(key("u/${filename}", "a.txt"), "u/a.txt");
    assert_eq!(key("u/${filename}", "../../a.txt"), "u/a.txt");
    assert_eq!(key("u/${filename}", "C:\\x\\..\\a.txt"), "u/a.txt");
    assert_eq!(key("u/${filename}", ".."), "u/..");
    assert_eq!(key("u/${filename}", "../"), "u/");
    assert_eq!(
        key("${filename}-${filename}", "${filename}"),
        "${filename}-${filename}"
    );
    assert_eq!(key("a", "b"), "a");
    let broken = Form::new(vec![("key".into(), b"${filename}".to_vec())], b"\xff");
    assert_eq!(broken.unwrap_err().code, ErrorCode::InvalidArgument);
}

#[test]
fn s12_a_field_twice_is_refused() {
    for name in [
        "key",
        "acl",
        "policy",
        "x-amz-meta-a",
        "success_action_redirect",
    ] {
        let error = with_file(&[(name, "a"), ("b", ""), (name, "a")], "").unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument, "{name}");
    }
    let both = form(&[("acl", "private"), ("x-amz-acl", "public-read")]);
    assert_eq!(both.as_head().unwrap_err().code, ErrorCode::InvalidArgument);
}

#[test]
fn fields_stand_for_headers() {
    let head = form(&[
        ("key", "k"),
        ("acl", "public-read"),
        ("content-type", " a/b "),
        ("x-amz-meta-ü", "v"),
    ])
    .as_head();
    assert_eq!(head.unwrap_err().code, ErrorCode::InvalidArgument);
    let head = form(&[
        ("key", "k"),
        ("acl", "public-read"),
        ("content-type", " a/b "),
        ("x-amz-meta-a", "ü"),
        ("submit", "go\r\n"),
        ("success_action_status", "201"),
        ("x-amz-signature", "s"),
        ("x-ignore-this", "\r\n"),
    ])
    .as_head()
    .unwrap();
    let headers: Vec<_> = head.headers().collect();
    assert_eq!(
        headers,
        [
            (&b"x-amz-acl"[..], &b"public-read"[..]),
            (b"content-type", b"a/b"),
            (b"x-amz-meta-a", "ü".as_bytes()),
        ]
    );
    for name in [
        "content-type",
        "x-amz-meta-a",
        "cache-control",
        "x-amz-storage-class",
    ] {
        for value in [
            "a\r\nx-injected: 1",
            "\r\nx",
            "a\r\n",
            "a\nb",
            "a\0b",
            "\x7f",
        ] {
            let error = form(&[(name, value)]).as_head().unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidArgument, "{name}");
        }
    }
    for name in [
        "x-amz-server-side-encryption",
        "x-amz-object-lock-mode",
        "x-amz-website-redirect-location",
        "x-amz-copy-source",
        "x-amz-if-match-size",
        "x-amz-unheard-of",
        "if-none-match",
    ] {
        let error = form(&[(name, "x")]).as_head().unwrap_err();
        assert_eq!(error.code, ErrorCode::NotImplemented, "{name}");
    }
}

#[test]
fn s12_headers_do_not_say_what_fields_are_for() {
    let head = || {
        PlainHead::new("POST", "/b")
            .with("host", "h")
            .with("x-amz-date", "now")
    };
    assert!(check_head(&head()).is_ok());
    assert!(check_head(&head().with("x-amz-content-sha256", "UNSIGNED-PAYLOAD")).is_ok());
    for name in [
        "x-amz-acl",
        "x-amz-meta-a",
        "x-amz-tagging",
        "x-amz-content-sha256",
        "x-amz-checksum-crc32",
        "x-amz-server-side-encryption",
        "content-md5",
    ] {
        let error = check_head(&head().with(name, "x")).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument, "{name}");
    }
}

#[test]
fn ways_to_say_that_all_is_well() {
    let of = |fields: &[(&str, &str)]| Success::of(&form(fields), "b", "a/ü&\r\n", "e");
    let url = |url: &str| {
        of(&[
            ("success_action_redirect", url),
            ("success_action_status", "201"),
        ])
    };
    let query = "bucket=b&key=a%2F%C3%BC%26%0D%0A&etag=%22e%22";
    let to = |start: &str, end: &str| Success::Redirect(format!("{start}{query}{end}"));
    assert_eq!(url("http://h/p"), to("http://h/p?", ""));
    assert_eq!(url("HTTPS://h?x=1#f"), to("HTTPS://h?x=1&", "#f"));
    assert_eq!(of(&[("redirect", "http://h")]), to("http://h?", ""));
    let both = [
        ("redirect", "http://a"),
        ("success_action_redirect", "http://b"),
    ];
    assert_eq!(of(&both), to("http://b?", ""));
    for bad in [
        "",
        "h",
        "/p",
        "ftp://h",
        "javascript:alert(1)",
        "http://",
        "http:///p",
        "http://h\r\nx-injected: 1",
        "http://h\nx",
        "http://h/ x",
        "http://h/\u{e9}",
        "http://h/\0",
    ] {
        assert_eq!(url(bad), Success::Status(201), "{bad:?}");
    }
    for (text, status) in [
        ("200", 200),
        ("201", 201),
        ("204", 204),
        ("404", 204),
        ("", 204),
    ] {
        assert_eq!(
            of(&[("success_action_status", text)]),
            Success::Status(status)
        );
    }
    assert_eq!(of(&[]), Success::Status(204));
}

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const DATE: &str = "20231114T221320Z";
const CREDENTIAL: &str = "AKID/20231114/us-east-1/s3/aws4_request";

fn verify(head: &PlainHead, fields: &[(&str, &str)]) -> Result<Identity<()>> {
    let query = Query::parse(&head.query).unwrap();
    let lookup = |key: &str| (key == "AKID").then_some(((), "secret"));
    Verifier::new("us-east-1")
        .verify_form(head, &query, &form(fields), NOW, lookup)
        .map(crate::s3::sigv4::Authenticated::into_identity)
}

/// HMAC-SHA256 of the policy `e30=` with the key of [`CREDENTIAL`] and the secret `secret`.
fn signature() -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let sign = |key: &[u8], text: &str| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let mut key = b"AWS4secret".to_vec();
    for part in ["20231114", "us-east-1", "s3", "aws4_request", "e30="] {
        key = sign(&key, part);
    }
    key.iter().map(|b| format!("{b:02x}")).collect()
}

fn signed(signature: &str) -> Vec<(&str, &str)> {
    vec![
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", CREDENTIAL),
        ("x-amz-date", DATE),
        ("policy", "e30="),
        ("x-amz-signature", signature),
    ]
}

#[test]
fn s12_the_signature_of_a_form() {
    let head = PlainHead::new("POST", "/b").with("host", "h");
    let right = signature();
    let fields = signed(&right);
    assert_eq!(verify(&head, &fields), Ok(Identity::User(())));
    assert_eq!(verify(&head, &[("key", "k")]), Ok(Identity::Anonymous));
    // What is neither clearly signed nor clearly unsigned is an error.
    for missing in 0..fields.len() {
        let mut less = fields.clone();
        less.remove(missing);
        let error = verify(&head, &less).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument, "{missing}");
    }
    let change = |name: &str, value: &'static str| {
        let mut other = fields.clone();
        other
            .iter_mut()
            .filter(|f| f.0 == name)
            .for_each(|f| f.1 = value);
        verify(&head, &other).unwrap_err().code
    };
    assert_eq!(change("policy", "e30"), ErrorCode::SignatureDoesNotMatch);
    assert_eq!(change("policy", "e30=\n"), ErrorCode::SignatureDoesNotMatch);
    assert_eq!(change("x-amz-signature", ""), ErrorCode::InvalidArgument);
    assert_eq!(
        change("x-amz-algorithm", "AWS4"),
        ErrorCode::InvalidArgument
    );
    assert_eq!(change("x-amz-date", "20231114"), ErrorCode::InvalidArgument);
    let of_scope = |credential| change("x-amz-credential", credential);
    assert_eq!(
        of_scope("OTHER/20231114/us-east-1/s3/aws4_request"),
        ErrorCode::InvalidAccessKeyId
    );
    for credential in [
        "AKID/20231114/eu-west-1/s3/aws4_request",
        "AKID/20231114/us-east-1/ec2/aws4_request",
        "AKID/20231113/us-east-1/s3/aws4_request",
        "AKID/20231114/us-east-1/s3/aws5_request",
    ] {
        let code = ErrorCode::AuthorizationQueryParametersError;
        assert_eq!(of_scope(credential), code, "{credential}");
    }
    let token = [&fields[..], &[("x-amz-security-token", "t")]].concat();
    assert_eq!(
        verify(&head, &token).unwrap_err().code,
        ErrorCode::InvalidToken
    );
    let wrong = signed("0000000000000000000000000000000000000000000000000000000000000000");
    let error = verify(&head, &wrong).unwrap_err();
    assert_eq!(error.code, ErrorCode::SignatureDoesNotMatch);
    assert!(!error.fields.iter().any(|(_, text)| text.contains(&right)));
}

#[test]
fn s12_credentials_of_a_form_stand_in_its_fields_only() {
    let right = signature();
    let fields = signed(&right);
    let auth = format!("AWS4-HMAC-SHA256 Credential={CREDENTIAL},SignedHeaders=host,Signature=0");
    let heads = [
        PlainHead::new("POST", "/b").with("authorization", &auth),
        PlainHead::new("POST", "/b?X-Amz-Signature=0"),
    ];
    for head in heads {
        for fields in [&fields[..], &[("key", "k")]] {
            let error = verify(&head, fields).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidArgument, "{head:?}");
        }
    }
    let head = PlainHead::new("POST", "/b");
    for old in [("awsaccesskeyid", "AKID"), ("signature", "c2ln")] {
        let error = verify(&head, &[old, ("policy", "e30=")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
        assert!(
            error.message.contains("AWS4-HMAC-SHA256"),
            "{}",
            error.message
        );
        let both = [&fields[..], &[old]].concat();
        assert_eq!(
            verify(&head, &both).unwrap_err().code,
            ErrorCode::InvalidArgument
        );
    }
}

#[test]
fn s12_who_signs_needs_a_policy_that_is_one() {
    let head = super::Delimiter::new(b"x").unwrap();
    let refused = |fields: &[(&str, &str)]| {
        accept(form(fields), head.clone(), &Identity::User(()), "b", NOW).unwrap_err()
    };
    assert_eq!(refused(&[("key", "k")]).code, ErrorCode::InvalidArgument);
    let code = refused(&[("key", "k"), ("policy", "e30=")]).code;
    assert_eq!(code, ErrorCode::InvalidPolicyDocument);
    let anonymous = Identity::<()>::Anonymous;
    assert!(accept(form(&[("key", "k")]), head.clone(), &anonymous, "b", NOW).is_ok());
}
