//! The layers of the daemon and the line between the kernel and everything else.

use crate::File;
use crate::lexer::{code, is_test_path, line_of, without_tests, words};

/// Each layer and the layers that it may use beside itself. The table of ARCHITECTURE.md.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("io", &["base"]),
    ("log", &["base", "io"]),
    ("index", &["base", "io", "log"]),
    ("namespace", &["base", "io", "log", "index"]),
    ("store", &["base", "io", "log", "index", "namespace"]),
    (
        "shard",
        &["base", "io", "log", "index", "namespace", "store"],
    ),
    ("http", &["base", "io"]),
    (
        "s3",
        &[
            "base",
            "io",
            "log",
            "index",
            "namespace",
            "store",
            "shard",
            "http",
        ],
    ),
    (
        "monitor",
        &[
            "base",
            "io",
            "log",
            "index",
            "namespace",
            "store",
            "shard",
            "http",
            "s3",
        ],
    ),
    (
        "admin",
        &["base", "io", "log", "index", "namespace", "store", "shard"],
    ),
    (
        "verify",
        &["base", "io", "log", "index", "namespace", "store", "shard"],
    ),
];

/// Files above the layers: they wire them together and may use all.
const WIRING: &[&str] = &["config", "lib", "main", "run"];

/// What only `io` may name: the kernel, the clock, the dice and the runtime. Addresses are values,
/// so `std::net` is banned by what opens a socket.
const KERNEL: &[&str] = &[
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os::unix::net",
    "std::thread::sleep",
    "std::process",
    "libc",
    "rustix",
    "compio",
    "getrandom",
    "Instant::now",
    "SystemTime",
];

/// The layer of a file of the daemon: the first part of its path below `src`.
fn layer(path: &str) -> Option<&str> {
    let below = path.strip_prefix("daemon/src/")?;
    Some(below.split(['/', '.']).next().unwrap_or(below))
}

/// A module names, with `crate::`, only its own and lower layers.
pub fn check_layers(file: &File) -> Vec<String> {
    let Some(own) = layer(&file.path) else {
        return Vec::new();
    };
    if WIRING.contains(&own) || is_test_path(&file.path) {
        return Vec::new();
    }
    let Some((_, lower)) = LAYERS.iter().find(|(name, _)| *name == own) else {
        return vec![format!(
            "{}: `{own}` has no layer; give it one in the tidy test",
            file.path
        )];
    };
    let code = without_tests(&code(file.text()));
    let mut findings = Vec::new();
    for at in words(&code, "crate") {
        for used in targets(&code[at + "crate".len()..]) {
            let known = LAYERS.iter().any(|(name, _)| *name == used);
            if known && used != own && !lower.contains(&used) {
                let line = line_of(&code, at);
                findings.push(format!(
                    "{}:{line}: `{own}` uses the layer `{used}`",
                    file.path
                ));
            }
        }
    }
    findings
}

/// The modules that a path after `crate` begins with: `::a::b`, or each of `::{a::b, c}`.
fn targets(rest: &str) -> Vec<&str> {
    let Some(rest) = rest.strip_prefix("::") else {
        return Vec::new();
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or(""),
        ];
    };
    let (mut depth, mut found, mut start) = (0_usize, Vec::new(), true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && !c.is_whitespace() => {
                let word = group[at..]
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next();
                found.extend(word);
                start = false;
            }
            _ => {}
        }
    }
    found
}

/// Above `io` nothing names the kernel.
pub fn check_kernel_names(file: &File) -> Vec<String> {
    let Some(own) = layer(&file.path) else {
        return Vec::new();
    };
    if own == "io" || WIRING.contains(&own) || is_test_path(&file.path) {
        return Vec::new();
    }
    let code = without_tests(&code(file.text()));
    KERNEL
        .iter()
        .flat_map(|name| words(&code, name).map(move |at| (name, at)))
        .map(|(name, at)| format!("{}:{}: names `{name}`", file.path, line_of(&code, at)))
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
fn a_lower_layer_may_not_use_a_higher_one() {
    let bad = file(
        "daemon/src/log/mod.rs",
        "use crate::base::A;\nuse crate::s3::B;\n",
    );
    assert_eq!(
        check_layers(&bad),
        ["daemon/src/log/mod.rs:2: `log` uses the layer `s3`"]
    );
    let bad = file(
        "daemon/src/io/mod.rs",
        "use crate::{base::A, shard::{B, C}};",
    );
    assert_eq!(check_layers(&bad).len(), 1);
    let good = file(
        "daemon/src/s3/mod.rs",
        "use crate::http::A; use crate::shard::B;",
    );
    assert_eq!(check_layers(&good), [""; 0]);
    let beside = file("daemon/src/http/mod.rs", "fn f() { crate::log::f() }");
    assert_eq!(check_layers(&beside).len(), 1);
    let new = file("daemon/src/other/mod.rs", "");
    assert_eq!(check_layers(&new).len(), 1);
}

#[test]
fn tests_and_comments_may_name_anything() {
    let text = "// crate::s3\n#[cfg(test)]\nmod tests { use crate::s3::A; use std::fs; }";
    let good = file("daemon/src/log/mod.rs", text);
    assert_eq!(check_layers(&good), [""; 0]);
    assert_eq!(check_kernel_names(&good), [""; 0]);
}

#[test]
fn the_kernel_is_named_in_io_alone() {
    let text = "use std::net::IpAddr;\nlet t = Instant::now();";
    assert_eq!(
        check_kernel_names(&file("daemon/src/s3/a.rs", text)),
        ["daemon/src/s3/a.rs:2: names `Instant::now`"]
    );
    assert_eq!(
        check_kernel_names(&file("daemon/src/io/a.rs", text)),
        [""; 0]
    );
}
