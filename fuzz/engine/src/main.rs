//! The fuzzer: libFuzzer around one of the targets, the one that `CHAINRING_FUZZ_TARGET` names. One
//! program for all of them, because linking is most of what building one costs. `fuzz/run` starts it.

#![no_main]

use chainring_fuzz_targets::{Target, by_name};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("CHAINRING_FUZZ_TARGET").unwrap_or_default();
    by_name(&name).unwrap_or_else(|| panic!("CHAINRING_FUZZ_TARGET names no target: {name:?}"))
});

fuzz_target!(|data: &[u8]| (TARGET.run)(data));
