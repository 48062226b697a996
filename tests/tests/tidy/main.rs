//! Style as a test: what a reviewer would otherwise have to look for in every change.
//!
//! Each rule is a function from a file to findings, lives in one of the modules below and is itself
//! tested on a small snippet there. The tests here run the rules over the whole repository.

#![allow(clippy::indexing_slicing, reason = "this whole program is a test")]

mod documents;
mod files;
mod layers;
mod lexer;
mod promises;
mod security;
mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository.
pub struct File {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl File {
    /// The content, empty for a file that is not text.
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or("")
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the repository")
        .into()
}

/// Every file that git knows or would add.
fn repository() -> Vec<File> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(
        listed.status.success(),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    String::from_utf8(listed.stdout)
        .expect("paths are UTF-8")
        .split_terminator('\0')
        // A file that was deleted and not yet committed is still listed.
        .filter_map(|path| {
            let bytes = std::fs::read(root().join(path)).ok()?;
            Some(File {
                path: path.to_string(),
                bytes,
            })
        })
        .collect()
}

/// Fails with every finding of a rule, one per line.
fn expect_clean(findings: Vec<String>) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// Runs a rule over the files for which `applies` holds.
fn check(applies: impl Fn(&File) -> bool, rule: impl Fn(&File) -> Vec<String>) {
    let files = repository();
    assert!(files.len() > 10, "the repository was not found");
    expect_clean(
        files
            .iter()
            .filter(|file| applies(file))
            .flat_map(rule)
            .collect(),
    );
}

#[test]
fn s02_no_operation_falls_through_to_another() {
    expect_clean(security::check_no_default_arm(&repository()));
}

#[test]
fn s07_signatures_are_compared_in_constant_time() {
    check(File::is_rust, security::check_constant_time);
}

#[test]
fn every_row_of_the_security_list_has_its_test() {
    let page = |file: &File| file.path == "docs/security.md";
    assert!(repository().iter().any(page));
    check(page, security::check_rows);
}

#[test]
fn modules_use_only_their_own_and_lower_layers() {
    check(File::is_rust, layers::check_layers);
}

#[test]
fn only_io_names_the_kernel() {
    check(File::is_rust, layers::check_kernel_names);
}

#[test]
fn nothing_unwraps_outside_tests() {
    check(File::is_rust, source::check_unwrap);
}

#[test]
fn every_unsafe_says_why_it_is_sound() {
    check(File::is_rust, source::check_unsafe);
}

#[test]
fn every_source_file_says_what_it_is() {
    check(|_| true, source::check_first_line);
}

#[test]
fn long_files_have_a_reason() {
    check(|_| true, source::check_length);
    expect_clean(source::check_reasons(&repository()));
}

#[test]
fn links_in_documents_lead_somewhere() {
    let files = repository();
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    expect_clean(
        documents
            .flat_map(|file| documents::check_links(file, &files))
            .collect(),
    );
}

#[test]
fn tests_that_documents_name_exist() {
    let files = repository();
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    expect_clean(
        documents
            .flat_map(|file| promises::check_tests_exist(file, &files))
            .collect(),
    );
}

#[test]
fn the_changelog_has_its_shape() {
    check(
        |file| file.path == "CHANGELOG.md",
        documents::check_changelog,
    );
    assert!(root().join("CHANGELOG.md").exists());
}

#[test]
fn no_file_is_a_blob() {
    check(|_| true, files::check_size);
}

#[test]
fn no_file_names_this_machine() {
    let here = root().canonicalize().expect("the root is there");
    let above = here
        .parent()
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default();
    check(|_| true, |file| files::check_machine_paths(file, &above));
}

#[test]
fn text_is_plain() {
    check(|_| true, files::check_text);
}
