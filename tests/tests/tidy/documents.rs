//! Rules for the documents: links lead somewhere, the changelog keeps its shape.

use crate::File;

/// The kinds of change that a section of the changelog may have, in this order.
const KINDS: &[&str] = &[
    "Added",
    "Changed",
    "Deprecated",
    "Removed",
    "Fixed",
    "Security",
];

/// Every relative link names a file or folder of the repository, and a heading that is there.
pub fn check_links(file: &File, files: &[File]) -> Vec<String> {
    links(file.text())
        .into_iter()
        .filter(|link| !is_elsewhere(link) && !leads(&file.path, link, files))
        .map(|link| format!("{}: dead link {link}", file.path))
        .collect()
}

fn is_elsewhere(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

/// The targets of all inline links and of reference definitions, code left out.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let line = without_code(&line);
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let end = rest.find([')', ' ']).unwrap_or(rest.len());
            found.push(rest[..end].trim_matches(['<', '>']).to_string());
        }
        if let Some((_, target)) = line.split_once("]: ").filter(|_| line.starts_with('[')) {
            found.push(target.trim().to_string());
        }
    }
    found
}

/// The lines outside fenced code.
fn prose(text: &str) -> Vec<String> {
    let mut fenced = false;
    text.lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fence && !fenced
        })
        .map(str::to_string)
        .collect()
}

/// A line without what stands between back-quotes.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

fn leads(from: &str, link: &str, files: &[File]) -> bool {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        from.to_string()
    } else {
        join(from, path)
    };
    let Some(file) = files.iter().find(|file| file.path == target) else {
        let folder = format!("{}/", target.trim_end_matches('/'));
        return target.is_empty() || files.iter().any(|file| file.path.starts_with(&folder));
    };
    heading.is_empty()
        || !target.ends_with(".md")
        || prose(file.text())
            .iter()
            .any(|line| line.starts_with('#') && slug(line) == heading)
}

/// A path relative to the folder of another.
fn join(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// Keep a Changelog: a title, `Unreleased` first, then versions with their dates, newest first, each
/// with known kinds of change and bullets below them.
pub fn check_changelog(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    let mut say = |line: usize, what: &str| {
        findings.push(format!("{}:{}: {what}", file.path, line + 1));
    };
    let lines: Vec<&str> = file.text().lines().collect();
    if lines.first() != Some(&"# Changelog") {
        say(0, "does not begin with `# Changelog`");
    }
    let (mut sections, mut last_kind, mut in_kind) = (0, None, false);
    for (number, line) in lines.iter().enumerate() {
        if let Some(name) = line.strip_prefix("## ") {
            if sections == 0 && name != "[Unreleased]" {
                say(number, "the first section is not `## [Unreleased]`");
            }
            if sections > 0 && !is_release(name) {
                say(number, "a release is `## [1.2.3] - 2026-01-31`");
            }
            (sections, last_kind, in_kind) = (sections + 1, None, false);
        } else if let Some(name) = line.strip_prefix("### ") {
            let kind = KINDS.iter().position(|kind| *kind == name);
            if kind.is_none() {
                say(number, "not a kind of change");
            } else if kind <= last_kind {
                say(number, "kinds of change are out of order");
            }
            (last_kind, in_kind) = (kind, true);
        } else if line.starts_with("- ") && !in_kind {
            say(number, "a change without its kind");
        }
    }
    if sections == 0 {
        say(0, "has no section");
    }
    findings
}

fn is_release(name: &str) -> bool {
    let Some((version, date)) = name
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] - "))
    else {
        return false;
    };
    let numbers = |text: &str, mark: char| {
        text.split(mark).count() == 3
            && text
                .split(mark)
                .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    numbers(version, '.') && numbers(date, '-') && date.len() == 10
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File {
        path: path.into(),
        bytes: text.into(),
    }
}

#[test]
fn dead_links_are_found() {
    let files = [
        file("docs/a.md", "# The first part\n## It's `code`, too"),
        file("README.md", "# R"),
    ];
    let text = "[a](a.md) [b](../README.md) [h](a.md#the-first-part) [c](#own)\n# Own\n\
                [code](a.md#its-code-too) [dir](../docs) [web](https://example.com/x)\n\
                ```\n[no](nothing.md)\n```\n`[no](nothing.md)`\n";
    assert_eq!(
        check_links(&file("docs/b.md", text), &files),
        ["docs/b.md: dead link #own"]
    );
    let bad = file("docs/b.md", "[a](b/a.md) [h](a.md#none)\n[r]: ../none.md\n");
    assert_eq!(check_links(&bad, &files).len(), 3);
}

#[test]
fn changelogs() {
    let good = "# Changelog\n\nText.\n\n## [Unreleased]\n\n### Added\n- A.\n\n### Fixed\n- B.\n\n\
                ## [0.1.0] - 2026-11-22\n\n### Added\n- C.\n";
    assert_eq!(check_changelog(&file("CHANGELOG.md", good)), [""; 0]);
    for (from, to) in [
        ("# Changelog\n", "# News\n"),
        ("## [Unreleased]", "## [0.2.0] - 2026-11-23"),
        ("### Fixed", "### Mended"),
        ("### Fixed", "### Added"),
        ("[0.1.0] - 2026-11-22", "0.1.0"),
        ("### Added\n- A.", "- A."),
    ] {
        let bad = good.replacen(from, to, 1);
        assert!(
            !check_changelog(&file("CHANGELOG.md", &bad)).is_empty(),
            "{from} -> {to}"
        );
    }
}
