//! Enough of Rust's lexical rules to tell code from comments, strings and tests.

/// The source with every comment, string and character literal blanked. Lines stay where they are.
pub fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = at + token(&bytes[at..], at > 0 && is_word(bytes[at - 1]));
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            let blank = |&byte: &u8| if byte == b'\n' { b'\n' } else { b' ' };
            out.extend(bytes[at..end].iter().map(blank));
            at = end;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The length of the comment or literal that `rest` begins with, 0 if it begins with neither.
fn token(rest: &[u8], within_word: bool) -> usize {
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => quoted(rest, 1),
        [b'b' | b'c', b'"', ..] if !within_word => quoted(rest, 2),
        [b'r', ..] if !within_word => raw_string(rest, 1),
        [b'b' | b'c', b'r', ..] if !within_word => raw_string(rest, 2),
        [b'\'', b'\\', ..] => 2 + quote_end(&rest[2..]),
        // A lifetime has no quote after its first character.
        [b'\'', ..] => {
            let text = std::str::from_utf8(&rest[1..rest.len().min(6)])
                .or_else(|error| std::str::from_utf8(&rest[1..1 + error.valid_up_to()]));
            let first = text
                .ok()
                .and_then(|text| text.chars().next())
                .map_or(1, char::len_utf8);
            if rest.get(1 + first) == Some(&b'\'') {
                first + 2
            } else {
                0
            }
        }
        _ => 0,
    }
}

/// How far it is to the end of a character literal whose backslash was read.
fn quote_end(rest: &[u8]) -> usize {
    let from = rest.len().min(1);
    rest[from..]
        .iter()
        .position(|&b| b == b'\'')
        .map_or(rest.len(), |at| from + at + 1)
}

fn quoted(rest: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    rest.len().min(at + 1)
}

fn raw_string(rest: &[u8], start: usize) -> usize {
    let hashes = rest[start..].iter().take_while(|&&b| b == b'#').count();
    if rest.get(start + hashes) != Some(&b'"') {
        return 0;
    }
    let end = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = start + hashes + 1;
    rest[body..]
        .windows(end.len())
        .position(|w| w == end)
        .map_or(rest.len(), |n| body + n + end.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a whole file is test code by its place.
pub fn is_test_path(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.split('/')
        .any(|part| matches!(part, "tests" | "benches" | "examples" | "fuzz"))
        || name == "tests.rs"
        || name.ends_with("_tests.rs")
}

/// What marks an item as test code.
const TEST_MARK: &str = "#[cfg(test)]";

/// Code (see [`code`]) with every item under [`TEST_MARK`] blanked.
pub fn without_tests(code: &str) -> String {
    let mut out = code.to_string();
    let mut from = 0;
    let next = |from: usize| code[from..].find(TEST_MARK).map(|at| from + at);
    while let Some(start) = next(from) {
        let end = item_end(code, start);
        let blank: String = code[start..end]
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        // What is blanked may hold letters of more than one byte, which become one blank each.
        let padding = " ".repeat(end - start - blank.len());
        out.replace_range(start..end, &(blank + &padding));
        from = end;
    }
    out
}

/// Where the item that begins at `start` ends: at its `;` or at the brace that closes it.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The places where `word` stands as a whole word, as byte offsets.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    let edge = |at: Option<usize>| !at.and_then(|at| bytes.get(at)).is_some_and(|&b| is_word(b));
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| edge(at.checked_sub(1)) && edge(Some(at + word.len())))
}

/// The number of the line that holds a byte offset, from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at]
        .iter()
        .filter(|&&b| b == b'\n')
        .count()
        + 1
}

#[test]
fn comments_and_literals_are_blanked() {
    let source = concat!(
        "a // std::fs\n",
        "b /* x /* y */ std::fs */ c\n",
        r##"let s = "std::fs \" std::fs"; r#"std"fs"# 'x' '\'' 'a: &'b "##,
        "br\"std\" b'\\n' var\"",
    );
    let code = code(source);
    assert!(!code.contains("std"), "{code}");
    assert!(code.contains("'a: &'b"), "{code}");
    assert_eq!(code.lines().count(), source.lines().count());
    assert!(code.starts_with("a "));
    assert!(code.contains(" c\n"));
}

#[test]
fn test_modules_are_blanked() {
    let source =
        "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { x() } }\n#[cfg(test)]\nmod c;\nfn d() {}";
    let left = without_tests(source);
    assert!(left.contains("fn a") && left.contains("fn d"));
    assert!(!left.contains("fn b") && !left.contains("mod c"));
}

#[test]
fn test_files_are_known_by_their_place() {
    assert!(is_test_path("daemon/src/io/net_tests.rs"));
    assert!(is_test_path("daemon/src/http/tests/split.rs"));
    assert!(is_test_path("tests/tests/tidy/main.rs"));
    assert!(!is_test_path("daemon/src/http/head.rs"));
}

#[test]
fn words_are_whole() {
    assert_eq!(
        words("unsafe unsafe_code not_unsafe (unsafe)", "unsafe").collect::<Vec<_>>(),
        [0, 31]
    );
}
