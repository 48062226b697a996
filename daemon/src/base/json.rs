//! Strings as JSON writes them, for lines that people and programs read.

/// Appends `text` as a JSON string, quotes included. Whatever the bytes are, the result is valid
/// UTF-8 and one line: what is not UTF-8 becomes U+FFFD, controls are escaped, and so is what would
/// let a terminal or an editor show another line than there is.
pub fn push_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    push_text(out, text);
    out.push(b'"');
}

/// Appends `text` as a part of a JSON string: [`push_string`] without the quotes.
pub fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        push_valid(out, chunk.valid());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

fn push_valid(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_suspicious) {
        let (plain, odd) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut chars = odd.chars();
        if let Some(odd) = chars.next() {
            push_char(out, odd);
        }
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Bytes at which a character begins that may need escaping.
const fn is_suspicious(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f..)
}

fn push_char(out: &mut Vec<u8>, c: char) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        // Controls; separators of lines and paragraphs; marks that turn the direction of writing.
        c if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
            let code = u32::from(c);
            out.extend_from_slice(b"\\u");
            for shift in [12, 8, 4, 0] {
                let digit = char::from_digit(code >> shift & 0xf, 16).unwrap_or('0');
                out.extend_from_slice(digit.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quoted(text: &[u8]) -> String {
        let mut out = Vec::new();
        push_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_texts_stay_one_line() {
        assert_eq!(quoted(b"plain/key-1.bin"), "\"plain/key-1.bin\"");
        assert_eq!(quoted(b"a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(quoted(b"a\r\n{\"x\":1}"), r#""a\r\n{\"x\":1}""#);
        assert_eq!(quoted(b"\x00\x1b[2J\x7f"), r#""\u0000\u001b[2J\u007f""#);
        assert_eq!(
            quoted("\u{9b}31m\u{2028}\u{202e}".as_bytes()),
            r#""\u009b31m\u2028\u202e""#
        );
        assert_eq!(quoted(b"a\xff\xfeb\xc3"), "\"a\u{fffd}\u{fffd}b\u{fffd}\"");
        assert_eq!(
            quoted("gr\u{fc}n \u{1f600}".as_bytes()),
            "\"gr\u{fc}n \u{1f600}\""
        );
    }

    proptest! {
        #[test]
        fn serde_json_reads_what_was_meant(text in any::<String>()) {
            let line = quoted(text.as_bytes());
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }

        #[test]
        fn any_bytes_become_a_json_string(bytes in any::<Vec<u8>>()) {
            let line = quoted(&bytes);
            prop_assert!(!line.chars().any(char::is_control));
            let read = serde_json::from_str::<String>(&line).unwrap();
            prop_assert_eq!(read, String::from_utf8_lossy(&bytes));
        }
    }
}
