//! Corpora as they are kept: a text file for each target with an input on each line, written as Rust
//! writes bytes in a literal, so that a person can read and change them.

use std::fs;
use std::path::PathBuf;

/// The inputs kept for a target; none when there is no file.
///
/// # Panics
///
/// On a line that is no input.
#[must_use]
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let text = fs::read_to_string(folder.join(format!("{target}.txt"))).unwrap_or_default();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| unescape(line).unwrap_or_else(|| panic!("{target}: {line}")))
        .collect()
}

/// An input as a line. Neither blanks at an end nor a number sign at the front stand unescaped.
#[must_use]
pub fn escape(input: &[u8]) -> String {
    let mut line = input.escape_ascii().to_string();
    if line.ends_with(' ') {
        line.pop();
        line.push_str("\\x20");
    }
    match line.chars().next() {
        Some(first @ ('#' | ' ')) => format!("\\x{:02x}{}", u32::from(first), &line[1..]),
        // An empty line separates.
        None => "\\".to_owned(),
        Some(_) => line,
    }
}

/// Inverse of [`escape`].
#[must_use]
pub fn unescape(line: &str) -> Option<Vec<u8>> {
    if line == "\\" {
        return Some(Vec::new());
    }
    let mut bytes = line.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let digits = [bytes.next()?, bytes.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                other @ (b'\\' | b'\'' | b'"') => other,
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_has_a_line() {
        let all: Vec<u8> = (0..=255).collect();
        for input in [&b""[..], b" ", b"#", b"a ", b"  ", b"# ", b"\\", &all] {
            let line = escape(input);
            assert!(!line.is_empty() && line.trim() == line && !line.starts_with('#'));
            assert_eq!(unescape(&line).as_deref(), Some(input), "{line}");
        }
    }
}
