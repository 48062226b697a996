//! Turns the corpora of `fuzz/corpus` into the folders of files that the engine wants, and back.
//!
//! ```text
//! fuzz-corpus list                   the targets, and the longest input of each
//! fuzz-corpus unpack TARGET FOLDER   a file for each input
//! fuzz-corpus lines FOLDER           the files of a folder as lines, smallest first
//! ```

use chainring_fuzz_targets::{TARGETS, corpus, escape};
use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["list"] => {
            for target in TARGETS {
                println!("{} {}", target.name, target.bytes_max);
            }
            Ok(())
        }
        ["unpack", target, folder] => unpack(target, folder),
        ["lines", folder] => lines(folder),
        _ => {
            eprintln!("usage: fuzz-corpus list | unpack TARGET FOLDER | lines FOLDER");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn unpack(target: &str, folder: &str) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, input) in corpus(target).iter().enumerate() {
        fs::write(format!("{folder}/kept-{number:04}"), input)?;
    }
    Ok(())
}

fn lines(folder: &str) -> std::io::Result<()> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder)? {
        inputs.push(fs::read(entry?.path())?);
    }
    inputs.sort_by_key(|input| (input.len(), input.clone()));
    for input in inputs {
        println!("{}", escape(&input));
    }
    Ok(())
}
