//! Policies: what is one, and what it allows.

use super::json::{Value, parse};
use super::{Form, Policy, Sizes};
use crate::base::Timestamp;
use crate::s3::error::{ErrorCode, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

/// Before the expiration of [`policy`].
const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn policy(conditions: &str) -> String {
    let text = format!(r#"{{"expiration": "2030-01-01T00:00:00Z", "conditions": [{conditions}]}}"#);
    STANDARD.encode(text)
}

fn form(fields: &[(&str, &str)]) -> Form {
    let pairs = fields
        .iter()
        .map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
    Form::new(pairs.collect(), b"").unwrap()
}

fn judge(conditions: &str, fields: &[(&str, &str)]) -> Result<Sizes> {
    Policy::parse(&policy(conditions))?.judge(&form(fields), "b", NOW)
}

#[test]
fn s12_every_field_needs_a_condition_and_every_condition_its_field() {
    let both = r#"{"bucket": "b"}, ["starts-with", "$Key", "user/"], {"ACL": "private"}"#;
    let good = [("key", "user/x"), ("acl", "private")];
    assert_eq!(judge(both, &good), Ok(Sizes::ANY));
    for fields in [
        &[("key", "user/x")][..],
        &[("key", "usher/x"), ("acl", "private")],
        &[("key", "/user/x"), ("acl", "private")],
        &[("key", "user/x"), ("acl", "public-read")],
        &[("key", "user/x"), ("acl", "Private")],
        &[("key", "user/x"), ("acl", "private"), ("x-amz-meta-a", "")],
        &[
            ("key", "user/x"),
            ("acl", "private"),
            ("content-type", "a/b"),
        ],
        &[("key", "user/x"), ("acl", "private"), ("tagging", "")],
        &[("key", "user/x"), ("acl", "private"), ("x-amz-date", "")],
        &[("key", "user/x"), ("acl", "private"), ("submit", "go")],
        &[("key", "user/x"), ("acl", "private"), ("bucket", "c")],
    ] {
        let error = judge(both, fields).unwrap_err();
        assert_eq!(error.code, ErrorCode::AccessDenied, "{fields:?}");
        let start = "Invalid according to Policy: ";
        assert!(error.message.starts_with(start), "{}", error.message);
    }
    for exempt in ["x-ignore-a", "policy", "x-amz-signature"] {
        let fields = [good[0], good[1], (exempt, "any")];
        assert!(judge(both, &fields).is_ok(), "{exempt}");
    }
    let named = [good[0], good[1], ("bucket", "b")];
    assert!(judge(both, &named).is_ok());
    // The bucket is a field of every form, whether it is written there or not.
    let elsewhere = both.replace("\"b\"", "\"c\"");
    assert!(judge(&elsewhere, &good).is_err());
    let none = both.replace(r#"{"bucket": "b"},"#, "");
    assert!(judge(&none, &good).is_err());
    // Two conditions on one field hold both.
    let twice = format!(r#"{both}, ["eq", "$key", "user/y"]"#);
    assert!(judge(&twice, &good).is_err());
}

#[test]
fn kinds_of_conditions() {
    let key = |condition: &str, key: &str| {
        let conditions = format!(r#"{{"bucket": "b"}}, {condition}"#);
        judge(&conditions, &[("key", key)]).is_ok()
    };
    assert!(key(r#"["eq", "$key", "a"]"#, "a"));
    assert!(key(r#"["EQ", "$KEY", "a"]"#, "a"));
    assert!(!key(r#"["eq", "$key", "a"]"#, "ab"));
    assert!(key(r#"["Starts-With", "$key", ""]"#, "anything"));
    assert!(key(r#"["starts-with", "$key", "\\$\u00fc"]"#, "\\$ü"));
    assert!(key(r#"["starts-with", "$key", "\$a\v"]"#, "$a\u{b}"));
    let kind = |kind: &str| {
        let conditions = r#"{"bucket": "b"}, ["starts-with", "$Content-Type", "image/"]"#;
        judge(conditions, &[("content-type", kind)]).is_ok()
    };
    assert!(kind("image/png") && kind("image/png, image/gif") && kind("image/a,image/b"));
    assert!(!kind("text/html") && !kind("image/png,text/html") && !kind("text/html,image/png"));
}

#[test]
fn sizes() {
    let sizes = |conditions: &str| judge(&format!(r#"{{"bucket": "b"}}, {conditions}"#), &[]);
    let range = |min, max| Ok(Sizes { min, max });
    assert_eq!(sizes(r#"["content-length-range", 1, 10]"#), range(1, 10));
    assert_eq!(
        sizes(r#"["content-length-range", "1", "10"]"#),
        range(1, 10)
    );
    let two = r#"["content-length-range", 1, 10], ["content-length-range", 0, 7]"#;
    assert_eq!(sizes(two), range(1, 7));
    for bad in [
        "-1, 5",
        "0",
        "0, 1.5",
        "0, \"\"",
        "\"+1\", 5",
        "0, 1, 2",
        "1e0, 5",
    ] {
        let error = sizes(&format!(r#"["content-length-range", {bad}]"#)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidPolicyDocument, "{bad}");
    }
    assert!(Sizes { min: 3, max: 5 }.check_least(3).is_ok());
    let small = Sizes { min: 3, max: 5 }.check_least(2).unwrap_err();
    assert_eq!(small.code, ErrorCode::EntityTooSmall);
}

#[test]
fn what_is_no_policy() {
    let end = r#""expiration": "2030-01-01T00:00:00Z""#;
    for text in [
        "",
        "[]",
        "{}",
        "{",
        &format!("{{{end}}}"),
        r#"{"conditions": []}"#,
        &format!(r#"{{{end}, "CONDITIONS": []}}"#),
        &format!(r#"{{{end}, "conditions": {{}}}}"#),
        &format!(r#"{{{end}, "conditions": [], "more": 1}}"#),
        &format!(r#"{{{end}, {end}, "conditions": []}}"#),
        &format!(r#"{{{end}, "conditions": []}} x"#),
        &format!(r#"{{{end}, "conditions": [],}}"#),
        r#"{"expiration": "soon", "conditions": []}"#,
        r#"{"expiration": 5, "conditions": []}"#,
        &format!(r#"{{{end}, "conditions": [{{}}]}}"#),
        &format!(r#"{{{end}, "conditions": [{{"a": "b", "c": "d"}}]}}"#),
        &format!(r#"{{{end}, "conditions": [{{"a": 1}}]}}"#),
        &format!(r#"{{{end}, "conditions": [["eq", "a", "b"]]}}"#),
        &format!(r#"{{{end}, "conditions": [["eq", "$a"]]}}"#),
        &format!(r#"{{{end}, "conditions": [["ends-with", "$a", "b"]]}}"#),
        &format!(r#"{{{end}, "conditions": ["a"]}}"#),
    ] {
        let error = Policy::parse(&STANDARD.encode(text)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidPolicyDocument, "{text}");
    }
    assert!(Policy::parse("???").is_err());
    assert!(Policy::parse(&STANDARD.encode(b"\xff")).is_err());
    let deep = "[".repeat(10_000);
    assert!(Policy::parse(&STANDARD.encode(deep)).is_err());
}

#[test]
fn s12_a_policy_ends() {
    let policy = Policy::parse(&policy(r#"{"bucket": "b"}"#)).unwrap();
    let end = crate::s3::time::parse_iso8601("2030-01-01T00:00:00Z").unwrap();
    assert!(policy.judge(&form(&[]), "b", Timestamp(end.0 - 1)).is_ok());
    let error = policy.judge(&form(&[]), "b", end).unwrap_err();
    assert_eq!(error.code, ErrorCode::AccessDenied);
    assert_eq!(
        error.message,
        "Invalid according to Policy: Policy expired."
    );
}

/// Our reading of what another parser found.
fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Text(a), serde_json::Value::String(b)) => a == b,
        (Value::Number(a), serde_json::Value::Number(b)) => Some(*a) == b.as_u64(),
        (Value::Other, serde_json::Value::Number(b)) => b.as_u64().is_none(),
        (Value::Other, serde_json::Value::Bool(_) | serde_json::Value::Null) => true,
        (Value::List(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), serde_json::Value::Object(b)) => {
            // The other one keeps the last of equal names.
            a.iter().all(|(name, value)| {
                let last = a.iter().rfind(|(other, _)| other == name).map(|(_, v)| v);
                last != Some(value) || b.get(name).is_some_and(|b| same(value, b))
            })
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn another_parser_reads_the_same(
        text in r#"([\[\]{},:" ]|"a"|\\u00e4|\\ud83d\\ude00|\\n|"k":|1|0|-|\.5|e3|true|null){0,14}"#
    ) {
        let theirs: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        match (parse(&text), theirs) {
            (Some(ours), Some(theirs)) => prop_assert!(same(&ours, &theirs), "{}", text),
            (None, None) => {}
            // A number beyond all limits is none for the other one.
            (Some(_), None) if text.contains('e') => {}
            (ours, theirs) => prop_assert!(false, "{text}: {ours:?} {theirs:?}"),
        }
    }

    #[test]
    fn what_is_written_is_read(text: String, number: u64) {
        let value = serde_json::json!({ "t": [text.clone(), number] });
        let expected = Value::List(vec![Value::Text(text), Value::Number(number)]);
        prop_assert_eq!(
            parse(&value.to_string()),
            Some(Value::Object(vec![("t".to_owned(), expected)]))
        );
    }
}
