//! Installs the programs that Chainring is compared with, from the registries of their languages, in
//! pinned versions.

use clap::Args;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Options of the installation.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Programs [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Folder; the programs are in `bin` below it
    #[arg(long, value_name = "DIR", default_value = "target/peers")]
    pub peers_dir: PathBuf,
    /// Install also what is there already
    #[arg(long)]
    pub force: bool,
    /// Jobs of a build side by side [default: as many as there are CPUs]
    #[arg(long, short)]
    pub jobs: Option<usize>,
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// `go install <package>@<version>`.
    Go { package: &'static str },
    /// `go build` of a package of a module of which the registry has this version but, as its tags are
    /// no versions to Go, no list of versions, which `go install` asks for.
    GoBuild {
        module: &'static str,
        package: &'static str,
    },
    /// `cargo install <package> --version <version>`.
    Cargo {
        package: &'static str,
        flags: &'static [&'static str],
    },
}

/// A program.
#[derive(Clone, Copy, Debug)]
struct Pinned {
    /// Its file name.
    program: &'static str,
    version: &'static str,
    source: Source,
}

const PINNED: [Pinned; 6] = [
    Pinned {
        program: "minio",
        version: "v0.0.0-20260212201848-7aac2a2c5b7c",
        source: Source::Go {
            package: "github.com/minio/minio",
        },
    },
    Pinned {
        program: "weed",
        version: "v0.0.0-20230109022022-51d4a4b28d0e",
        source: Source::GoBuild {
            module: "github.com/seaweedfs/seaweedfs",
            package: "github.com/seaweedfs/seaweedfs/weed",
        },
    },
    Pinned {
        program: "versitygw",
        version: "v1.8.0",
        source: Source::Go {
            package: "github.com/versity/versitygw/cmd/versitygw",
        },
    },
    Pinned {
        program: "warp",
        version: "v1.3.1",
        source: Source::Go {
            package: "github.com/minio/warp",
        },
    },
    Pinned {
        program: "s3s-fs",
        // The newest that this project's compiler builds.
        version: "0.14.1",
        source: Source::Cargo {
            package: "s3s-fs",
            flags: &["--features", "binary"],
        },
    },
    Pinned {
        program: "garage",
        version: "2.5.0",
        source: Source::Cargo {
            package: "garage",
            flags: &["--no-default-features", "--features", "bundled-libs,lmdb"],
        },
    },
];

/// Known rivals that no registry gives in a form that can be installed.
pub const NOT_TO_BE_HAD: &[(&str, &str)] = &[
    ("OpenLake", "on no registry of Go modules or crates"),
    (
        "RustFS",
        "its crate needs a newer compiler than this project's (1.98)",
    ),
];

/// Installs. Returns whether all could be had.
pub fn install(args: &InstallArgs) -> Result<bool, Box<dyn Error>> {
    std::fs::create_dir_all(args.peers_dir.join("bin"))?;
    let dir = args.peers_dir.canonicalize()?;
    if let Some(name) = args.names.iter().find(|name| pinned(name).is_none()) {
        let known: Vec<&str> = PINNED.iter().map(|pinned| pinned.program).collect();
        return Err(format!("{name} is not known; known are {}", known.join(", ")).into());
    }
    let wanted = PINNED.iter().filter(|pinned| {
        args.names.is_empty() || args.names.iter().any(|name| name == pinned.program)
    });
    let mut failures = Vec::new();
    for pinned in wanted {
        let program = pinned.program;
        if dir.join("bin").join(program).is_file() && !args.force {
            eprintln!("{program}: there already");
            continue;
        }
        eprintln!("{program}: installing {}", pinned.version);
        let note = reason_file(&dir, program);
        match build(pinned, &dir, args.jobs) {
            Ok(()) => {
                // There may be no reason of an earlier failure.
                let _ = std::fs::remove_file(note);
                eprintln!("{program}: installed");
            }
            Err(why) => {
                std::fs::write(note, &why)?;
                eprintln!("{program}: {why}");
                failures.push(program);
            }
        }
    }
    if !failures.is_empty() {
        eprintln!("could not be had: {}", failures.join(", "));
    }
    Ok(failures.is_empty())
}

fn build(pinned: &Pinned, dir: &Path, jobs: Option<usize>) -> Result<(), String> {
    let version = pinned.version;
    let (tool, mut command) = match pinned.source {
        Source::Go { package } => {
            let mut command = Command::new("go");
            command
                .args(["install", "-v"])
                .args(jobs.map(|jobs| format!("-p={jobs}")))
                .arg(format!("{package}@{version}"))
                .env("GOBIN", dir.join("bin"));
            ("go", command)
        }
        Source::GoBuild { module, package } => {
            let folder = module_for(module, version, dir)?;
            let mut command = Command::new("go");
            command
                .args(["build", "-v", "-mod=mod"])
                .args(jobs.map(|jobs| format!("-p={jobs}")))
                .arg("-o")
                .arg(dir.join("bin").join(pinned.program))
                .arg(package)
                .current_dir(folder);
            ("go", command)
        }
        Source::Cargo { package, flags } => {
            let mut command = Command::new("cargo");
            command
                .args(["install", "--locked", "--force", "--root"])
                .arg(dir)
                .args(jobs.map(|jobs| format!("-j{jobs}")))
                .args(["--version", version, package])
                .args(flags);
            ("cargo", command)
        }
    };
    // What the tool says is progress; it is kept as well, because its end is the reason of a failure.
    let log = dir.join(format!("{}.log", pinned.program));
    let file = std::fs::File::create(&log).map_err(|error| error.to_string())?;
    let child = command.stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("cannot run {tool}: {error}"))?;
    if let Some(output) = child.stderr.take() {
        tee(output, file).map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let last = text.lines().rev().map(str::trim).find(|l| !l.is_empty());
    Err(format!(
        "{tool} failed: {}",
        last.unwrap_or("it said nothing")
    ))
}

/// Makes a module that needs nothing but this one; returns its folder.
fn module_for(module: &str, version: &str, dir: &Path) -> Result<PathBuf, String> {
    let folder = dir.join("build").join(module);
    let text = format!("module build\n\ngo 1.21\n\nrequire {module} {version}\n");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("go.mod"), text))
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Copies to a file and to this program's standard error, line by line.
fn tee(from: impl std::io::Read, mut to: std::fs::File) -> std::io::Result<()> {
    use std::io::{BufRead, BufReader, Write};
    for line in BufReader::new(from).lines() {
        let line = line?;
        eprintln!("    {line}");
        writeln!(to, "{line}")?;
    }
    Ok(())
}

fn pinned(program: &str) -> Option<&'static Pinned> {
    PINNED.iter().find(|pinned| pinned.program == program)
}

/// The pinned version of a program.
#[must_use]
pub fn version_of(program: &str) -> Option<&'static str> {
    pinned(program).map(|pinned| pinned.version)
}

fn reason_file(dir: &Path, program: &str) -> PathBuf {
    dir.join(format!("{program}.missing"))
}

/// Why a program could not be installed, if that was tried.
#[must_use]
pub fn reason(dir: &Path, program: &str) -> Option<String> {
    std::fs::read_to_string(reason_file(dir, program)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_pinned() {
        for pinned in PINNED {
            assert!(!pinned.version.is_empty());
            assert_ne!(pinned.version, "latest");
            assert_eq!(version_of(pinned.program), Some(pinned.version));
        }
        assert_eq!(version_of("nothing"), None);
    }

    #[test]
    fn unknown_names_are_refused_before_anything_is_built() {
        let args = InstallArgs {
            names: vec!["nothing".to_owned()],
            peers_dir: std::env::temp_dir().join(format!("chainring-peers-{}", std::process::id())),
            force: false,
            jobs: None,
        };
        let error = install(&args).unwrap_err().to_string();
        assert!(error.contains("versitygw"), "{error}");
        std::fs::remove_dir_all(&args.peers_dir).unwrap();
    }
}
