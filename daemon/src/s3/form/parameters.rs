//! `type; name=value; name="value"`, the form of `Content-Type` and `Content-Disposition`.

/// What stands in such a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// What comes first.
    pub kind: &'a [u8],
    pairs: Vec<(&'a [u8], Vec<u8>)>,
}

impl Parameters<'_> {
    /// The value of a parameter, whose name is in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let named = |pair: &&(&[u8], Vec<u8>)| pair.0.eq_ignore_ascii_case(name.as_bytes());
        self.pairs
            .iter()
            .find(named)
            .map(|(_, value)| value.as_slice())
    }
}

/// Takes a header's value apart; `None` when it is malformed or has a parameter twice. In quotes a
/// backslash only protects a quote: browsers send the paths of other systems as they are.
pub fn parameters(value: &[u8]) -> Option<Parameters<'_>> {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let (kind, mut rest) = value.split_at_checked(end)?;
    let mut found = Parameters {
        kind: kind.trim_ascii(),
        pairs: Vec::new(),
    };
    while let Some(after) = rest.strip_prefix(b";") {
        let after = after.trim_ascii_start();
        if after.is_empty() {
            return Some(found);
        }
        let equals = memchr::memchr(b'=', after)?;
        let (name, text) = (after.get(..equals)?, after.get(equals + 1..)?);
        let is_token = |b: &u8| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(b);
        if name.is_empty() || !name.iter().all(is_token) {
            return None;
        }
        let (value, left) = match text.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = memchr::memchr(b';', text).unwrap_or(text.len());
                let (value, left) = text.split_at_checked(end)?;
                (value.trim_ascii().to_vec(), left)
            }
        };
        if found
            .pairs
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            return None;
        }
        found.pairs.push((name, value));
        rest = left.trim_ascii_start();
    }
    rest.is_empty().then_some(found)
}

/// The text up to the closing quote, and what follows that.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        let at = memchr::memchr2(b'"', b'\\', rest)?;
        out.extend_from_slice(rest.get(..at)?);
        let after = rest.get(at + 1..)?;
        match (rest.get(at)?, after.first()) {
            (b'"', _) => return Some((out, after)),
            (_, Some(b'"')) => {
                out.push(b'"');
                rest = after.get(1..)?;
            }
            _ => {
                out.push(b'\\');
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_disposition() {
        let found = parameters(br#"form-data; name="a;b"; FileName="C:\x\"y".txt" ; z=1 "#);
        assert_eq!(found, None, "a quote in the middle");
        let found = parameters(br#"form-data; name="a;b"; FileName="C:\x\"y.txt" ; z=1 "#).unwrap();
        assert_eq!(found.kind, b"form-data");
        assert_eq!(found.get("name"), Some(&b"a;b"[..]));
        assert_eq!(found.get("filename"), Some(&br#"C:\x"y.txt"#[..]));
        assert_eq!(found.get("z"), Some(&b"1"[..]));
        assert_eq!(found.get("y"), None);
        for bad in [
            "a; b",
            "a; =b",
            "a; b=\"c",
            "a; b=1; B=2",
            "a; b=\"c\" d",
            "a; b c=1",
        ] {
            assert_eq!(parameters(bad.as_bytes()), None, "{bad}");
        }
        assert!(parameters(b"a;").is_some());
    }
}
