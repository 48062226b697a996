//! Rules for source files: what begins them, how long they are, what they may not do.

use crate::File;
use crate::lexer::{code, is_test_path, line_of, without_tests, words};

/// Longer files need a reason in [`LONG_FILES`]. Tests are not counted.
const LINES_MAX: usize = 500;

/// The files that are longer, each with the reason why it is still one thing.
const LONG_FILES: &[(&str, &str)] = &[];

/// `.unwrap()` is for tests.
pub fn check_unwrap(file: &File) -> Vec<String> {
    if is_test_path(&file.path) {
        return Vec::new();
    }
    let code = without_tests(&code(file.text()));
    code.match_indices(".unwrap()")
        .map(|(at, _)| format!("{}:{}: unwraps", file.path, line_of(&code, at)))
        .collect()
}

/// Each `unsafe` block or implementation has `SAFETY:` in the comment above it, each public unsafe
/// function a `# Safety` section. (One that implements a trait has its contract there.)
pub fn check_unsafe(file: &File) -> Vec<String> {
    let code = code(file.text());
    let lines: Vec<&str> = file.text().lines().collect();
    words(&code, "unsafe")
        .filter(|&at| !is_only_a_type(&code[at..]) && !is_private_function(&code, at))
        .map(|at| line_of(&code, at))
        .filter(|&number| !says_why(&lines, number - 1))
        .map(|number| format!("{}:{number}: unsafe without a SAFETY comment", file.path))
        .collect()
}

/// `unsafe fn(..)` and `unsafe extern` as types do nothing themselves, nor does the lint's name in an
/// attribute.
fn is_only_a_type(rest: &str) -> bool {
    let after = rest["unsafe".len()..].trim_start();
    after.starts_with("fn(") || after.starts_with("extern \"") && after.contains("fn(")
}

/// An unsafe function that is not public.
fn is_private_function(code: &str, at: usize) -> bool {
    let is_function = code[at + "unsafe".len()..].trim_start().starts_with("fn ");
    let before = code[..at].rsplit('\n').next().unwrap_or("");
    is_function && !before.contains("pub")
}

/// Whether the line itself or the comment above it gives the reason. Attributes and the lines of the
/// statement that the block is part of may stand between.
fn says_why(lines: &[&str], number: usize) -> bool {
    let gives = |line: &str| line.contains("SAFETY:") || line.contains("# Safety");
    if lines.get(number).is_some_and(|line| gives(line)) {
        return true;
    }
    let mut above = lines[..number].iter().rev().map(|line| line.trim());
    let mut in_comment = false;
    above
        .by_ref()
        .take_while(|line| {
            let comment = line.starts_with("//");
            let ends_statement = line.ends_with([';', '{', '}']) && !comment;
            let go_on = comment || (!in_comment && !ends_statement && !line.is_empty());
            in_comment |= comment;
            go_on
        })
        .any(gives)
}

/// A source file begins with what it is for.
pub fn check_first_line(file: &File) -> Vec<String> {
    let begins = match file.path.rsplit('.').next() {
        Some("rs") => "//!",
        Some("py") => "\"\"\"",
        _ if file.bytes.starts_with(b"#!") => "#!",
        _ => return Vec::new(),
    };
    // An interpreter's line may come first.
    let text = match file.text().strip_prefix("#!") {
        Some(rest) if begins != "#!" => rest.split_once('\n').map_or("", |(_, rest)| rest),
        _ => file.text(),
    };
    if text.starts_with(begins) {
        return Vec::new();
    }
    vec![format!("{}: does not begin with {begins}", file.path)]
}

/// How many lines of a source file are not tests. A test module stands at a file's end.
fn length(file: &File) -> usize {
    let blanked = without_tests(&code(file.text()));
    let tests = file.text().lines().count() - blanked.trim_end().lines().count();
    file.text().lines().count() - tests
}

/// A source file is short, or it is listed.
pub fn check_length(file: &File) -> Vec<String> {
    let listed = LONG_FILES.iter().any(|(path, _)| *path == file.path);
    if !file.is_rust() || is_test_path(&file.path) || listed || length(file) <= LINES_MAX {
        return Vec::new();
    }
    vec![format!(
        "{}: {} lines; split it, or list it with a reason",
        file.path,
        length(file)
    )]
}

/// The list of long files holds only long files.
pub fn check_reasons(files: &[File]) -> Vec<String> {
    let is_long = |path: &str| {
        files
            .iter()
            .any(|file| file.path == path && length(file) > LINES_MAX)
    };
    LONG_FILES
        .iter()
        .filter(|(path, reason)| !is_long(path) || reason.is_empty())
        .map(|(path, _)| format!("{path}: listed as long and is not, or has no reason"))
        .collect()
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File {
        path: path.into(),
        bytes: text.into(),
    }
}

#[test]
fn unwrap_is_found_where_it_matters() {
    let text =
        "fn a() { b.unwrap(); }\n// .unwrap()\n#[cfg(test)]\nmod t { fn c() { d.unwrap() } }";
    assert_eq!(
        check_unwrap(&file("daemon/src/a.rs", text)),
        ["daemon/src/a.rs:1: unwraps"]
    );
    assert_eq!(check_unwrap(&file("daemon/tests/a.rs", text)), [""; 0]);
}

#[test]
fn unsafe_needs_its_comment() {
    let bad = "fn a() {\n    unsafe { b() }\n}";
    assert_eq!(check_unsafe(&file("a.rs", bad)).len(), 1);
    let far = "// SAFETY: of another.\nc();\nunsafe { b() }";
    assert_eq!(check_unsafe(&file("a.rs", far)).len(), 1);
    for good in [
        "// SAFETY: b wants\n// nothing.\nunsafe { b() }",
        "// SAFETY: as above.\nlet x =\n    unsafe { b() };",
        "// SAFETY: it has no state.\n#[allow(unsafe_code)]\nunsafe impl Send for A {}",
        "/// Does.\n///\n/// # Safety\n/// Never call it.\npub unsafe fn f() {}",
        "let f: unsafe fn(u8) = g;",
        "let s = \"unsafe { }\"; // unsafe",
    ] {
        assert_eq!(check_unsafe(&file("a.rs", good)), [""; 0], "{good}");
    }
}

#[test]
fn first_lines() {
    assert_eq!(check_first_line(&file("a.rs", "use b;\n")).len(), 1);
    assert_eq!(check_first_line(&file("a.rs", "//! A.\n")), [""; 0]);
    assert_eq!(check_first_line(&file("a.py", "import b\n")).len(), 1);
    assert_eq!(
        check_first_line(&file("a.py", "#!/usr/bin/env python3\n\"\"\"A.\"\"\"\n")),
        [""; 0]
    );
    assert_eq!(check_first_line(&file("a.md", "A\n")), [""; 0]);
}

#[test]
fn lengths() {
    let long = "a();\n".repeat(501);
    assert_eq!(check_length(&file("a.rs", &long)).len(), 1);
    assert_eq!(check_length(&file("a/tests.rs", &long)), [""; 0]);
    assert_eq!(check_length(&file("a.txt", &long)), [""; 0]);
    let tested = format!("a();\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert_eq!(check_length(&file("a.rs", &tested)), [""; 0]);
}
