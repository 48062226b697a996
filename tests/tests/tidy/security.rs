//! Rows of `docs/security.md` that the shape of the code keeps, and the completeness of that table.

use crate::File;
use crate::lexer::{code, line_of, without_tests};

/// Functions that decide by operation: each has an arm for every one, so that an operation that is
/// added does not compile until somebody decided.
const WITHOUT_DEFAULT: &[(&str, &str)] = &[
    ("daemon/src/s3/rights.rs", "pub const fn needs("),
    ("daemon/src/s3/ops/dispatch.rs", "async fn rest<"),
    ("daemon/src/admin/engine/rights.rs", "pub(super) fn needs<"),
];

/// The only file where this may stand: who is let in is decided in one place.
const ONLY_IN: &[(&str, &str)] = &[("Authenticated {", "daemon/src/s3/sigv4/mod.rs")];

/// S2: an operation that is added gets nobody else's rights by falling through.
pub fn check_no_default_arm(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, start) in WITHOUT_DEFAULT {
        let file = files.iter().find(|file| file.path == *path);
        let code = file.map(|file| without_tests(&code(file.text())));
        let body = code.as_deref().and_then(|code| {
            let body = &code[code.find(start)?..];
            Some(&body[..body.find("\n}")?])
        });
        match body {
            None => findings.push(format!("{path}: no {start}")),
            Some(body) if body.contains("_ =>") => {
                findings.push(format!("{path}: {start} has a default arm"));
            }
            Some(_) => {}
        }
    }
    for (what, only) in ONLY_IN {
        for file in files
            .iter()
            .filter(|file| file.path.starts_with("daemon/src/s3/"))
        {
            let text = without_tests(&code(file.text()));
            if file.path != *only && !file.path.contains("test") && text.contains(what) {
                findings.push(format!("{}: {what} belongs to {only}", file.path));
            }
        }
    }
    findings
}

/// Files that compare what only the right one can make.
const COMPARING: &[&str] = &[
    "daemon/src/s3/sigv4/form.rs",
    "daemon/src/s3/sigv4/key.rs",
    "daemon/src/s3/sigv4/mod.rs",
    "daemon/src/s3/sigv4/payload.rs",
    "protocol/src/auth.rs",
];

/// S7: signatures and tags are compared in constant time, never with `==`.
pub fn check_constant_time(file: &File) -> Vec<String> {
    if !COMPARING.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let code = without_tests(&code(file.text()));
    let secret = |line: &str| {
        ["signature", "tag", "expected", "signed"]
            .iter()
            .any(|word| line.contains(word))
    };
    let mut findings = Vec::new();
    for (at, _) in code.match_indices("==").chain(code.match_indices("!=")) {
        let number = line_of(&code, at);
        let line = code.lines().nth(number - 1).unwrap_or("");
        if secret(line) {
            findings.push(format!(
                "{}:{number}: compared in other than constant time",
                file.path
            ));
        }
    }
    findings
}

/// The rows that `docs/security.md` must have.
const ROWS: std::ops::RangeInclusive<u32> = 1..=36;

/// Every row is there once, and names a test whose own name has the number where that is a test of
/// ours for this row alone.
pub fn check_rows(file: &File) -> Vec<String> {
    let rows: Vec<&str> = file
        .text()
        .lines()
        .filter(|line| line.starts_with("| S"))
        .collect();
    let mut findings = Vec::new();
    for number in ROWS {
        let mine: Vec<&&str> = rows
            .iter()
            .filter(|row| row.starts_with(&format!("| S{number} |")))
            .collect();
        match mine.as_slice() {
            [row] => {
                let named = [format!("s{number:02}_"), "fuzz/corpus/".to_owned()];
                if !named.iter().any(|name| row.contains(name)) {
                    findings.push(format!(
                        "{}: no test of S{number} has its number",
                        file.path
                    ));
                }
            }
            found => findings.push(format!("{}: {} rows S{number}", file.path, found.len())),
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_string(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_default_arm_is_found() {
        let good = "pub const fn needs(a: A) {\n    match a { A::B => 1 }\n}\n";
        let bad = good.replace("A::B", "_");
        let rest = "async fn rest<D>() {\n    match a { A::B => 1 }\n}\n";
        let admin = "pub(super) fn needs<'r>() {\n    match a { A::B => 1 }\n}\n";
        let files = |needs: &str| {
            vec![
                file("daemon/src/s3/rights.rs", needs),
                file("daemon/src/s3/ops/dispatch.rs", rest),
                file("daemon/src/admin/engine/rights.rs", admin),
            ]
        };
        assert!(check_no_default_arm(&files(good)).is_empty());
        assert_eq!(check_no_default_arm(&files(&bad)).len(), 1);
        assert_eq!(check_no_default_arm(&[]).len(), 3);
    }

    #[test]
    fn a_comparison_that_takes_its_time_is_found() {
        let path = "protocol/src/auth.rs";
        assert!(
            check_constant_time(&file(path, "let x = a.ct_eq(tag);\nif n == 1 {}\n")).is_empty()
        );
        assert_eq!(
            check_constant_time(&file(path, "if tag == other {}\n")).len(),
            1
        );
    }

    #[test]
    fn a_missing_row_is_found() {
        let all: String = ROWS
            .map(|n| format!("| S{n} | x | `s{n:02}_x` |\n"))
            .collect();
        assert!(check_rows(&file("docs/security.md", &all)).is_empty());
        let less = all.replace("| S7 |", "| S77 |");
        assert_eq!(check_rows(&file("docs/security.md", &less)).len(), 1);
    }
}
