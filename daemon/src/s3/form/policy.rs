//! Policies: what a signed form may do. The document is S3's, its conditions are judged here.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use super::accept::Sizes;
use super::fields::Form;
use super::json::{self, Value};
use crate::base::Timestamp;
use crate::base::json::push_string;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Fields that no condition has to speak of. So has none of a field that begins with `x-ignore-`,
/// and of the file.
const EXEMPT: [&str; 4] = ["awsaccesskeyid", "policy", "signature", "x-amz-signature"];

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
    sizes: Sizes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    /// In lower case.
    field: String,
    matching: Matching,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matching {
    Exact,
    Prefix,
}

/// The document is none.
fn invalid(what: &str) -> S3Error {
    let message = format!("Invalid Policy: {what}");
    S3Error::new(ErrorCode::InvalidPolicyDocument, message)
}

/// The form is not what the policy allows.
fn refused(what: &str) -> S3Error {
    let message = format!("Invalid according to Policy: {what}");
    S3Error::new(ErrorCode::AccessDenied, message)
}

impl Policy {
    /// Reads a policy as it stands in a form: base64 of JSON.
    pub fn parse(encoded: &str) -> Result<Self> {
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| invalid("it is not base64."))?;
        let text = std::str::from_utf8(&bytes).ok();
        let value = text.and_then(json::parse);
        let Value::Object(members) = value.ok_or_else(|| invalid("Invalid JSON."))? else {
            return Err(invalid("Invalid JSON: an object was expected."));
        };
        let (mut expiration, mut conditions) = (None, None);
        for (name, value) in members {
            let slot = match name.as_str() {
                "expiration" => &mut expiration,
                "conditions" => &mut conditions,
                _ => return Err(invalid(&format!("Unexpected: '{name}'."))),
            };
            if slot.replace(value).is_some() {
                return Err(invalid(&format!("'{name}' is there twice.")));
            }
        }
        let expiration = match expiration {
            None => return Err(invalid("Policy missing expiration.")),
            Some(Value::Text(text)) => time::parse_iso8601(&text),
            Some(_) => None,
        };
        let Some(Value::List(list)) = conditions else {
            return Err(invalid("Policy missing conditions."));
        };
        let mut policy = Self {
            expiration: expiration.ok_or_else(|| invalid("Invalid 'expiration' value."))?,
            conditions: Vec::with_capacity(list.len()),
            sizes: Sizes::ANY,
        };
        for condition in list {
            policy.add(condition)?;
        }
        Ok(policy)
    }

    fn add(&mut self, condition: Value) -> Result<()> {
        match condition {
            Value::Object(members) => {
                let one: [(String, Value); 1] = members.try_into().map_err(|_| {
                    invalid(
                        "Invalid Simple-Condition: Simple-Conditions must have exactly one \
                         property specified.",
                    )
                })?;
                let [(field, value)] = one;
                let Value::Text(value) = value else {
                    return Err(invalid("Invalid Simple-Condition: value must be a string."));
                };
                self.push(&field, Matching::Exact, value);
                Ok(())
            }
            Value::List(items) => self.add_list(items),
            _ => Err(invalid(
                "Invalid Condition: an object or a list was expected.",
            )),
        }
    }

    fn add_list(&mut self, items: Vec<Value>) -> Result<()> {
        let three: [Value; 3] = items
            .try_into()
            .map_err(|_| invalid("Invalid Condition: wrong number of arguments."))?;
        let [Value::Text(operator), first, second] = three else {
            return Err(invalid("Invalid Condition: it begins with no operator."));
        };
        if operator.eq_ignore_ascii_case("content-length-range") {
            let (Some(min), Some(max)) = (size(&first), size(&second)) else {
                return Err(invalid(
                    "Invalid content-length-range: two sizes were expected.",
                ));
            };
            self.sizes = self.sizes.and(Sizes { min, max });
            return Ok(());
        }
        let matching = if operator.eq_ignore_ascii_case("eq") {
            Matching::Exact
        } else if operator.eq_ignore_ascii_case("starts-with") {
            Matching::Prefix
        } else {
            return Err(invalid(&format!(
                "Invalid Condition: unknown operation '{operator}'."
            )));
        };
        let (Value::Text(field), Value::Text(value)) = (first, second) else {
            return Err(invalid("Invalid Condition: two strings were expected."));
        };
        let field = field
            .strip_prefix('$')
            .ok_or_else(|| invalid("Invalid Condition: a field begins with '$'."))?;
        self.push(field, matching, value);
        Ok(())
    }

    fn push(&mut self, field: &str, matching: Matching, value: String) {
        self.conditions.push(Condition {
            field: field.to_ascii_lowercase(),
            matching,
            value,
        });
    }

    /// Judges a form that is sent to this bucket; says how large its file may be. Every field has
    /// to have a condition, and every condition a field that meets it. The bucket counts as a field.
    pub fn judge(&self, form: &Form, bucket: &str, now: Timestamp) -> Result<Sizes> {
        if now >= self.expiration {
            return Err(refused("Policy expired."));
        }
        let fields = || form.iter().chain([("bucket", bucket.as_bytes())]);
        for condition in &self.conditions {
            let mut values = fields().filter(|(name, _)| *name == condition.field);
            let mut met = false;
            // The form may name the bucket, too; then both have to be right.
            let all = values.all(|(_, value)| {
                met = true;
                condition.holds(value)
            });
            if !met || !all {
                let text = condition.text();
                return Err(refused(&format!("Policy Condition failed: {text}")));
            }
        }
        let speaks = |name: &str| self.conditions.iter().any(|c| c.field == name);
        let is_exempt = |name: &str| EXEMPT.contains(&name) || name.starts_with("x-ignore-");
        let extra: Vec<&str> = fields()
            .map(|(name, _)| name)
            .filter(|name| !is_exempt(name) && !speaks(name))
            .collect();
        if !extra.is_empty() {
            let names = extra.join(", ");
            return Err(refused(&format!("Extra input fields: {names}")));
        }
        Ok(self.sizes)
    }
}

/// A size, which some write as a text.
fn size(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

impl Condition {
    fn holds(&self, value: &[u8]) -> bool {
        let wanted = self.value.as_bytes();
        match self.matching {
            Matching::Exact => value == wanted,
            // A list of types has to keep it in each of them.
            Matching::Prefix if self.field == "content-type" => value
                .split(|b| *b == b',')
                .all(|one| one.trim_ascii_start().starts_with(wanted)),
            Matching::Prefix => value.starts_with(wanted),
        }
    }

    /// As it stands in a policy.
    fn text(&self) -> String {
        let operator = match self.matching {
            Matching::Exact => "eq",
            Matching::Prefix => "starts-with",
        };
        let mut out = format!("[\"{operator}\", ").into_bytes();
        push_string(&mut out, format!("${}", self.field).as_bytes());
        out.extend_from_slice(b", ");
        push_string(&mut out, self.value.as_bytes());
        out.push(b']');
        String::from_utf8_lossy(&out).into_owned()
    }
}
