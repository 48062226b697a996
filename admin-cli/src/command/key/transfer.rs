//! Moving the bytes of keys, with bounded memory.

use crate::address::KeyAddress;
use crate::command::Daemon;
use crate::error::Error;
use crate::output::Output;
use crate::progress::Progress;
use chainring_protocol::client::{ClientError, DownloadError};
use chainring_protocol::message::{KeyGet, KeyInfo, KeyPut};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Standard input or output in place of a file.
pub const STDIO: &str = "-";

/// Writes a file, or standard input, to a key.
pub fn put(
    daemon: Daemon<'_>,
    address: KeyAddress,
    path: &Path,
    content_type: Option<String>,
) -> Result<KeyInfo, Error> {
    let failed = |error| Error::File {
        path: path.to_owned(),
        error,
    };
    let (mut source, size): (Box<dyn Read>, Option<u64>) = if path == Path::new(STDIO) {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        // What is not a regular file has no length to rely on.
        let size = metadata.is_file().then_some(metadata.len());
        (Box::new(file), size)
    };

    let progress = Progress::new(size);
    let mut upload = daemon.upload(&KeyPut {
        bucket: address.bucket,
        key: address.key,
        size,
        content_type,
    })?;
    loop {
        match upload.send_from(&mut source) {
            Ok(0) => return Ok(upload.finish()?),
            Ok(sent) => progress.add(sent),
            Err(ClientError::Source(error)) => return Err(failed(error)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Writes a key to a file, which gets its name when all of it has arrived.
pub fn get(
    daemon: Daemon<'_>,
    address: KeyAddress,
    file: Option<&Path>,
    force: bool,
    output: &mut Output,
) -> Result<(), Error> {
    if file == Some(Path::new(STDIO)) {
        return cat(daemon, address, output);
    }
    let path = destination(&address.key, file)?;
    let target = Target::at(path, force)?;

    let mut download = daemon.download(&KeyGet {
        bucket: address.bucket,
        key: address.key,
    })?;
    let partial = match &target {
        Target::File { path, .. } => Partial::create(path)?,
        Target::Other(path) => Partial::open(path)?,
    };
    let progress = Progress::new(Some(download.info().size));
    download
        .copy_to(&mut &partial.file, |bytes| progress.add(bytes))
        .map_err(|error| match error {
            DownloadError::Client(error) => error.into(),
            DownloadError::Sink(error) => partial.failed(error),
        })?;
    drop(progress);
    let (Target::File { path, .. } | Target::Other(path)) = &target;
    let sentence = format!("written to {}", path.display());
    if let Target::File { path, replace } = &target {
        partial.complete(path, *replace)?;
    }
    output.say(&sentence)
}

/// Writes a key to standard output.
pub fn cat(daemon: Daemon<'_>, address: KeyAddress, output: &mut Output) -> Result<(), Error> {
    let mut download = daemon.download(&KeyGet {
        bucket: address.bucket,
        key: address.key,
    })?;
    Ok(download.copy_to(output.bytes(), |_| {})?)
}

/// Where a key goes: the named file, or the key's last part in the named folder or here.
fn destination(key: &str, file: Option<&Path>) -> Result<PathBuf, Error> {
    let folder = match file {
        Some(path) if !path.is_dir() => return Ok(path.to_owned()),
        Some(folder) => folder,
        None => Path::new(""),
    };
    // Not `..` nor empty: a key never decides about folders.
    let name = key
        .rsplit('/')
        .next()
        .map(Path::new)
        .and_then(Path::file_name);
    name.map(|name| folder.join(name))
        .ok_or_else(|| Error::Usage("the key's last part is no file name; name a file".to_owned()))
}

/// What stands where a key is to be written.
enum Target {
    /// Nothing, or a file that is to be replaced.
    File { path: PathBuf, replace: bool },
    /// A device or a pipe: it is written to, nothing replaces it.
    Other(PathBuf),
}

impl Target {
    fn at(path: PathBuf, replace: bool) -> Result<Self, Error> {
        match std::fs::symlink_metadata(&path) {
            Err(_) => Ok(Self::File { path, replace }),
            Ok(found) if found.is_symlink() => match std::fs::canonicalize(&path) {
                // Where the symlink leads is replaced, not the symlink.
                Ok(path) => Self::at(path, replace),
                Err(error) => Err(Error::File { path, error }),
            },
            Ok(found) if !found.is_file() => Ok(Self::Other(path)),
            Ok(_) if replace => Ok(Self::File { path, replace }),
            Ok(_) => Err(exists(path)),
        }
    }
}

fn exists(path: PathBuf) -> Error {
    let text = "exists already; --force replaces it";
    let error = io::Error::new(io::ErrorKind::AlreadyExists, text);
    Error::File { path, error }
}

/// A file that is being written, removed unless it is completed.
struct Partial {
    file: File,
    path: PathBuf,
    done: bool,
}

impl Partial {
    fn create(path: &Path) -> Result<Self, Error> {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.partial", std::process::id()));
        let path = path.with_file_name(name);
        match File::create_new(&path) {
            Ok(file) => Ok(Self {
                file,
                path,
                done: false,
            }),
            Err(error) => Err(Error::File { path, error }),
        }
    }

    /// What is there already, and stays whatever happens.
    fn open(path: &Path) -> Result<Self, Error> {
        match File::options().write(true).open(path) {
            Ok(file) => Ok(Self {
                file,
                path: path.to_owned(),
                done: true,
            }),
            Err(error) => Err(Error::File {
                path: path.to_owned(),
                error,
            }),
        }
    }

    /// Gives the file its name. A file that got this name meanwhile stays, unless it is to be
    /// replaced.
    fn complete(mut self, path: &Path, replace: bool) -> Result<(), Error> {
        if !replace {
            match std::fs::hard_link(&self.path, path) {
                // The temporary name goes with `self`.
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(exists(path.to_owned()));
                }
                // A file system without hard links.
                Err(_) if path.exists() => return Err(exists(path.to_owned())),
                Err(_) => {}
            }
        }
        std::fs::rename(&self.path, path).map_err(|error| self.failed(error))?;
        self.done = true;
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::File {
            path: self.path.clone(),
            error,
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.done {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_decides_the_file_name_but_not_the_folder() {
        let here = |key| destination(key, None).ok();
        assert_eq!(here("a/b/report.csv"), Some(PathBuf::from("report.csv")));
        for key in ["a/..", "..", "a/", "a/."] {
            assert_eq!(here(key), None, "{key}");
        }
        let named = destination("..", Some(Path::new("/tmp/no-such-file-here")));
        assert_eq!(named.ok(), Some(PathBuf::from("/tmp/no-such-file-here")));
    }
}
