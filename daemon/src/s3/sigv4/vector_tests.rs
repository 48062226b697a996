//! Published test vectors: the examples of the S3 API reference ("Authenticating Requests") and of
//! AWS's Signature Version 4 test suite.

use super::*;
use crate::s3::head::PlainHead;
use crate::s3::time;

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const DATE: &str = "20130524T000000Z";

fn verify(head: &PlainHead) -> Result<Authenticated<&'static str>> {
    let now = time::parse_amz(DATE).unwrap();
    let query = Query::parse(&head.query)?;
    let lookup = |key: &str| (key == ACCESS_KEY).then_some(("user", SECRET));
    Verifier::new("us-east-1").verify(head, &query, now, lookup)
}

fn example(method: &str, target: &str, hash: &str) -> PlainHead {
    PlainHead::new(method, target)
        .with("Host", "examplebucket.s3.amazonaws.com")
        .with("x-amz-content-sha256", hash)
        .with("x-amz-date", DATE)
}

fn authorize(head: PlainHead, signed_headers: &str, signature: &str) -> PlainHead {
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/us-east-1/s3/aws4_request,\
         SignedHeaders={signed_headers},Signature={signature}"
    );
    head.with("Authorization", value)
}

#[test]
fn get_object() {
    let head = example("GET", "/test.txt", EMPTY).with("Range", "bytes=0-9");
    let head = authorize(
        head,
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    let authenticated = verify(&head).unwrap();
    assert_eq!(authenticated.identity(), &Identity::User("user"));
    assert!(matches!(authenticated.payload(), Payload::Sha256(_)));
}

#[test]
fn put_object() {
    let hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let head = example("PUT", "/test$file.text", hash)
        .with("Date", "Fri, 24 May 2013 00:00:00 GMT")
        .with("x-amz-storage-class", "REDUCED_REDUNDANCY");
    let head = authorize(
        head,
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
    verify(&head).unwrap();
    // The same signature, the target encoded by the client.
    let mut encoded = head.clone();
    encoded.path = b"/test%24file%2etext".to_vec();
    verify(&encoded).unwrap();
}

#[test]
fn get_bucket_lifecycle_and_list() {
    let signed = "host;x-amz-content-sha256;x-amz-date";
    let cases = [
        (
            "/?lifecycle",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "/?prefix=J&max-keys=2",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ];
    for (target, signature) in cases {
        let head = example("GET", target, EMPTY);
        verify(&authorize(head, signed, signature)).unwrap();
    }
}

fn presigned() -> PlainHead {
    PlainHead::new(
        "GET",
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F\
         20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400\
         &X-Amz-SignedHeaders=host&X-Amz-Signature=\
         aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    )
    .with("host", "examplebucket.s3.amazonaws.com")
}

#[test]
fn presigned_get() {
    assert!(matches!(
        verify(&presigned()).unwrap().payload(),
        Payload::Unsigned
    ));
}

#[test]
fn s09_unsigned_extra_headers_on_a_presigned_url() {
    // Headers that need no signature are accepted, those that need one are not.
    let harmless = presigned()
        .with("Range", "bytes=0-1")
        .with("Content-Type", "a/b");
    verify(&harmless).unwrap();
    let error = verify(&presigned().with("x-amz-acl", "public-read")).unwrap_err();
    assert_eq!(error.code, ErrorCode::AccessDenied);
    // A hash is checked, a framing is not taken from a header that nobody signed.
    let hashed = presigned().with("x-amz-content-sha256", EMPTY);
    assert!(matches!(
        verify(&hashed).unwrap().payload(),
        Payload::Sha256(_)
    ));
    for mode in [
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ] {
        let error = verify(&presigned().with("x-amz-content-sha256", mode)).unwrap_err();
        assert_eq!(error.code, ErrorCode::AccessDenied);
    }
}

fn streaming(head: PlainHead, signed: &str, seed: &str) -> Authenticated<&'static str> {
    let head = head
        .with("Host", "s3.amazonaws.com")
        .with("x-amz-date", DATE)
        .with("x-amz-storage-class", "REDUCED_REDUNDANCY")
        .with("Content-Encoding", "aws-chunked")
        .with("x-amz-decoded-content-length", "66560");
    verify(&authorize(head, signed, seed)).unwrap()
}

/// Checks chunks of 64 KiB, 1 KiB and nothing of the letter `a`.
fn check_chunks(signer: &mut ChunkSigner, signatures: [&str; 3]) {
    use sha2::{Digest, Sha256};
    for (len, signature) in [65536, 1024, 0].into_iter().zip(signatures) {
        let hash = Sha256::digest(vec![b'a'; len]).into();
        signer.check_chunk(&hash, signature.as_bytes()).unwrap();
    }
}

#[test]
fn chunks() {
    let head = PlainHead::new("PUT", "/examplebucket/chunkObject.txt")
        .with("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        .with("Content-Length", "66824");
    let mut authenticated = streaming(
        head,
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
         x-amz-decoded-content-length;x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    );
    let Payload::StreamingSigned {
        mut signer,
        trailer: false,
    } = authenticated.take_payload()
    else {
        panic!("not streaming");
    };
    check_chunks(
        &mut signer,
        [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
    );
}

#[test]
fn chunks_with_a_trailer() {
    use sha2::{Digest, Sha256};
    let head = PlainHead::new("PUT", "/examplebucket/chunkObject.txt")
        .with(
            "x-amz-content-sha256",
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        )
        .with("x-amz-trailer", "x-amz-checksum-crc32c");
    let mut authenticated = streaming(
        head,
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
         x-amz-storage-class;x-amz-trailer",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    );
    let Payload::StreamingSigned {
        mut signer,
        trailer: true,
    } = authenticated.take_payload()
    else {
        panic!("not streaming with a trailer");
    };
    check_chunks(
        &mut signer,
        [
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        ],
    );
    let hash = Sha256::digest(b"x-amz-checksum-crc32c:sOO8/Q==\n").into();
    let signature = b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
    signer.check_trailer(&hash, signature).unwrap();
}

/// AWS's general test suite signs for a service called `service`, which S3 refuses; so its cases
/// are put to the parts below the verifier.
#[test]
fn the_general_test_suite() {
    let secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let credential = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
    let cases = [
        (
            "GET",
            "/",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "POST",
            "/",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
    ];
    for (method, target, expected) in cases {
        let head = PlainHead::new(method, target)
            .with("Host", "example.amazonaws.com")
            .with("X-Amz-Date", "20150830T123600Z");
        let claim = Claim {
            scope: Scope::parse(credential).unwrap(),
            signed_headers: "host;x-amz-date",
            signature: parse_signature(expected.as_bytes()).unwrap(),
            date: time::parse_amz("20150830T123600Z").unwrap(),
            amz_date: AmzTime::new(time::parse_amz("20150830T123600Z").unwrap()),
            payload: EMPTY.as_bytes(),
            presigned: false,
        };
        let mut buffer = Vec::new();
        let mut canonical = Canonical::new(&mut buffer);
        canonical.build(&head, &claim, EncodedSlash::Plain).unwrap();
        let (time, hash) = (AmzTime::new(claim.date), canonical.hash_hex());
        let text = string_to_sign(&time, &claim.scope, &hash);
        let key = SigningKey::derive(secret, &claim.scope);
        let signature = key.sign(&text);
        assert_eq!(key::hex(&signature), expected, "{method} {target}");
    }
}
