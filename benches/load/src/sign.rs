//! Signature Version 4 in the `Authorization` header, for requests that are made ahead of time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// The body is not part of the signature.
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

const SIGNED_HEADERS: &str = "host;x-amz-content-sha256;x-amz-date";

/// An access key and its secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Names the user.
    pub access_key: String,
    /// Proves it.
    pub secret: String,
    /// The region that the server expects.
    pub region: String,
}

/// A request as far as the signature is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET` and so on.
    pub method: &'a str,
    /// The `Host` header.
    pub host: &'a str,
    /// The path; only unreserved characters and `/`, so that it is its own encoding.
    pub path: &'a str,
    /// Names and values, sorted by name.
    pub query: &'a [(&'a str, &'a str)],
    /// Hexadecimal SHA-256 of the body, or [`UNSIGNED`].
    pub payload: &'a str,
    /// Length of the body, if there is one.
    pub content_length: Option<usize>,
}

/// Signs requests of one moment. Servers take them for 15 minutes.
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    date: String,
    key: [u8; 32],
}

impl Signer {
    /// A signer whose requests carry this moment.
    #[must_use]
    pub fn new(credentials: Credentials, moment: SystemTime) -> Self {
        let date = amz_date(moment);
        let mut key = hmac(
            format!("AWS4{}", credentials.secret).as_bytes(),
            day(&date).as_bytes(),
        );
        for part in [credentials.region.as_str(), "s3", "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        Self {
            credentials,
            date,
            key,
        }
    }

    /// The whole head of the request, with the empty line that ends it.
    #[must_use]
    pub fn head(&self, request: &Request<'_>) -> Vec<u8> {
        let query = encode_query(request.query);
        let target = if query.is_empty() {
            request.path.to_owned()
        } else {
            format!("{}?{query}", request.path)
        };
        let mut head = format!(
            "{} {target} HTTP/1.1\r\nHost: {}\r\nx-amz-content-sha256: {}\r\nx-amz-date: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={SIGNED_HEADERS}, \
             Signature={}\r\n",
            request.method,
            request.host,
            request.payload,
            self.date,
            self.credentials.access_key,
            self.scope(),
            self.signature(request, &query),
        );
        if let Some(length) = request.content_length {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    fn scope(&self) -> String {
        let region = &self.credentials.region;
        format!("{}/{region}/s3/aws4_request", day(&self.date))
    }

    fn signature(&self, request: &Request<'_>, query: &str) -> String {
        let canonical = format!(
            "{}\n{}\n{query}\nhost:{}\nx-amz-content-sha256:{}\nx-amz-date:{}\n\n{SIGNED_HEADERS}\n{}",
            request.method, request.path, request.host, request.payload, self.date, request.payload,
        );
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{}\n{}",
            self.date,
            self.scope(),
            sha256_hex(canonical.as_bytes()),
        );
        hex(&hmac(&self.key, text.as_bytes()))
    }
}

/// Lower-case hexadecimal SHA-256.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // A key of any length is fine for HMAC.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn encode_query(query: &[(&str, &str)]) -> String {
    let pairs = query
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn day(date: &str) -> &str {
    date.split('T').next().unwrap_or_default()
}

/// `20130524T000000Z`.
fn amz_date(moment: SystemTime) -> String {
    let seconds = moment
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a civil date, counted from 1 March of the year 0 in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// The example account of the S3 documentation, in 2013.
    fn example() -> Signer {
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            region: "us-east-1".to_owned(),
        };
        Signer::new(credentials, UNIX_EPOCH + Duration::from_secs(1_369_353_600))
    }

    fn signature(query: &[(&str, &str)]) -> String {
        let empty = sha256_hex(b"");
        let request = Request {
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            path: "/",
            query,
            payload: &empty,
            content_length: None,
        };
        let signer = example();
        assert!(signer.head(&request).ends_with(b"\r\n\r\n"));
        signer.signature(&request, &encode_query(query))
    }

    #[test]
    fn documented_signatures() {
        assert_eq!(
            signature(&[("lifecycle", "")]),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
        assert_eq!(
            signature(&[("max-keys", "2"), ("prefix", "J")]),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn dates() {
        let at = |seconds| amz_date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "19700101T000000Z");
        assert_eq!(at(951_782_399), "20000228T235959Z");
        assert_eq!(at(951_782_400), "20000229T000000Z");
        assert_eq!(at(1_767_225_600), "20260101T000000Z");
    }
}
