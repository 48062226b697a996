//! Every input kept is tried again: a fault that was found once stays found.

use chainring_fuzz_targets::{TARGETS, by_name, corpus};
use std::path::Path;

#[test]
fn every_target_has_a_corpus_and_passes_it() {
    let mut failed = Vec::new();
    for target in TARGETS {
        let inputs = corpus(target.name);
        assert!(inputs.len() > 3, "{} has no corpus", target.name);
        for (number, input) in inputs.iter().enumerate() {
            let tried = std::panic::catch_unwind(|| (target.run)(input));
            if tried.is_err() {
                failed.push(format!(
                    "{} {number}: {}",
                    target.name,
                    input.escape_ascii()
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn every_corpus_has_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for entry in std::fs::read_dir(folder).expect("fuzz/corpus") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a name");
        assert!(by_name(name).is_some(), "{name}");
    }
}
