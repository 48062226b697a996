//! Rules for every file, whatever is in it.

use crate::File;

/// The largest file, in bytes. What is larger belongs to a build, not to the sources.
const BYTES_MAX: usize = 100 * 1024;

/// No file is larger than [`BYTES_MAX`] but the one that cargo writes.
pub fn check_size(file: &File) -> Vec<String> {
    if file.bytes.len() <= BYTES_MAX || file.path == "Cargo.lock" {
        return Vec::new();
    }
    vec![format!("{}: {} bytes", file.path, file.bytes.len())]
}

/// No file names a folder of the machine that it was written on: a home directory or, given as
/// `above`, the folder that this checkout lies in.
pub fn check_machine_paths(file: &File, above: &str) -> Vec<String> {
    let mut homes = vec![
        ["/ro", "ot/"].concat(),
        ["/ho", "me/"].concat(),
        ["/Us", "ers/"].concat(),
    ];
    // A checkout right below the root of the file system says nothing.
    if above.len() > 1 {
        homes.push(format!("{above}/"));
    }
    let lines = file.text().lines().enumerate();
    lines
        .filter(|(_, line)| homes.iter().any(|home| names_path(line, home)))
        .map(|(number, _)| format!("{}:{}: a path of this machine", file.path, number + 1))
        .collect()
}

/// Whether a line names `home` as the beginning of a path, not as a part of a longer one.
fn names_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}'))
    })
}

/// No tabs, no blanks at the end of a line, no carriage returns, a line end at the end.
pub fn check_text(file: &File) -> Vec<String> {
    let text = file.text();
    if text.is_empty() || file.path == "LICENSE" || file.path == "Cargo.lock" {
        return Vec::new();
    }
    let mut findings: Vec<String> = text
        .split('\n')
        .enumerate()
        .filter(|(_, line)| line.contains(['\t', '\r']) || line.ends_with(' '))
        .map(|(number, _)| format!("{}:{}: tab or blank at the end", file.path, number + 1))
        .collect();
    if !text.ends_with('\n') {
        findings.push(format!("{}: no line end at its end", file.path));
    }
    findings
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File {
        path: path.into(),
        bytes: text.into(),
    }
}

#[test]
fn sizes() {
    let big = "x".repeat(BYTES_MAX + 1);
    assert_eq!(check_size(&file("a", &big)).len(), 1);
    assert_eq!(check_size(&file("Cargo.lock", &big)), [""; 0]);
}

#[test]
fn machine_paths() {
    for bad in [
        "see /srv/checkouts/x".into(),
        ["cd /ho", "me/me/x"].concat(),
    ] {
        assert_eq!(
            check_machine_paths(&file("a", &bad), "/srv/checkouts").len(),
            1,
            "{bad}"
        );
    }
    let good = "GET /bucket/home/x, ./root/y, /srv/other, https://host.example/home/z";
    assert_eq!(
        check_machine_paths(&file("a", good), "/srv/checkouts"),
        [""; 0]
    );
}

#[test]
fn plain_text() {
    assert_eq!(check_text(&file("a", "b\n")), [""; 0]);
    for bad in ["b", "b \n", "b\tc\n", "b\r\n"] {
        assert_eq!(check_text(&file("a", bad)).len(), 1, "{bad:?}");
    }
}
