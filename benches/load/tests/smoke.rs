//! The comparison from end to end, as short as it can be: Chainring as it is built for tests and the
//! store in memory, one round. The figures say nothing; that there are some, does.

#![expect(clippy::unwrap_used, reason = "a test")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the servers as this test is built, and returns the folder of their programs.
fn programs() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "-p", "chainringd", "-p", "chainring", "--bins"])
        .args(["--example", "memory_s3"])
        .status()
        .unwrap();
    assert!(built.success());
    let own = Path::new(env!("CARGO_BIN_EXE_chainring-load"));
    own.parent().unwrap().to_owned()
}

fn compare(folder: &Path, programs: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_chainring-load"))
        .args(["compare", "--quick", "--sizes", "4k", "--clients", "2"])
        .args(["--seconds", "0.2", "--keys", "50"])
        .args(["--peers", "chainring,memory,seaweedfs"])
        .arg("--programs")
        .arg(programs)
        .arg("--peers-dir")
        .arg(folder.join("nothing"))
        .arg("--dir")
        .arg(folder.join("data"))
        .arg("--report")
        .arg(folder.join("report"))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    let report = std::fs::read(folder.join("report/report.json")).unwrap();
    serde_json::from_slice(&report).unwrap()
}

#[test]
fn a_comparison_and_the_same_again() {
    let folder = std::env::temp_dir().join(format!("chainring-compare-{}", std::process::id()));
    let programs = programs();
    let first = compare(&folder, &programs);
    let samples = first["samples"].as_array().unwrap();
    // PUT, GET and HEAD also through a link; what is paced or cold, LIST and DELETE only directly.
    let of = |server: &str| samples.iter().filter(|s| s["server"] == server).count();
    assert_eq!((of("chainring"), of("memory")), (10, 6), "{first}");
    for sample in samples {
        assert_eq!(sample["figures"]["failures"], 0, "{sample}");
        assert!(sample["figures"]["requests_per_second"].as_f64() > Some(0.0));
        assert!(sample["figures"]["cpu_us"].as_f64() > Some(0.0), "{sample}");
    }
    let stored = &samples[0]["figures"]["process_bytes"];
    assert!(stored.as_f64() > Some(0.9), "{stored}");
    let missing = first["missing"][0]["why"].as_str().unwrap();
    assert!(missing.contains("chainring-load install"), "{missing}");
    let table = std::fs::read_to_string(folder.join("report/report.md")).unwrap();
    assert!(table.contains("| chainring* |") && table.contains("| chainring by link* |"));
    assert!(folder.join("report/cpu.svg").is_file());
    // What is there is not measured again, and the stores are gone.
    assert_eq!(compare(&folder, &programs)["samples"], first["samples"]);
    let left = std::fs::read_dir(folder.join("data")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}
