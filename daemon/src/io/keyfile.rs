//! A small text file that only its owner may read: the key of the secrets.

use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Most bytes of a key file.
const BYTES_MAX: u64 = 4096;
/// Rights that nobody but the owner, and the group for reading, may have.
const FORBIDDEN: u32 = 0o027;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or made.
    #[error("{operation} {path}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Others may read or change it.
    #[error(
        "{path} has mode {mode:04o}: others could read the key. Say: chmod 600 {path}",
        mode = mode
    )]
    Mode {
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// It is no file, or too long for a key.
    #[error("{0} is no key file")]
    NoKeyFile(String),
}

fn failed(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> KeyFileError {
    let path = path.display().to_string();
    move |source| KeyFileError::Io {
        operation,
        path: path.clone(),
        source,
    }
}

/// Reads a key file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Zeroizing<String>>, KeyFileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    let meta = file.metadata().map_err(failed("look at", path))?;
    let shown = path.display().to_string();
    if !meta.is_file() || meta.len() > BYTES_MAX {
        return Err(KeyFileError::NoKeyFile(shown));
    }
    let mode = meta.mode() & 0o7777;
    if mode & FORBIDDEN != 0 {
        return Err(KeyFileError::Mode { path: shown, mode });
    }
    // Room for all of it: a text that grows would leave copies behind.
    let room = usize::try_from(BYTES_MAX).unwrap_or(0);
    let mut text = Zeroizing::new(String::with_capacity(room));
    file.take(BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(failed("read", path))?;
    Ok(Some(text))
}

/// Makes a key file for its owner's eyes only. It is complete before it gets its name, and never
/// replaces one that is there.
pub fn create(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = Path::new(&unfinished);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(unfinished)
        .map_err(failed("create", unfinished))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed("write", unfinished))?;
    std::fs::hard_link(unfinished, path).map_err(failed("create", path))?;
    std::fs::remove_file(unfinished).map_err(failed("remove", unfinished))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::empty())
        .and_then(rustix::fs::fsync)
        .map_err(|errno| failed("flush", folder)(errno.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_made_is_read_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(read(&path).unwrap().is_none());
        create(&path, "abc\n").unwrap();
        assert_eq!(read(&path).unwrap().unwrap().as_str(), "abc\n");
        let mode = std::fs::metadata(&path).unwrap().mode() & 0o7777;
        assert_eq!(mode, 0o600);
        assert!(create(&path, "other").is_err(), "never replaced");
        assert_eq!(read(&path).unwrap().unwrap().as_str(), "abc\n");
    }

    #[test]
    fn files_that_others_may_read_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path, "abc\n").unwrap();
        for (mode, fine) in [
            (0o400, true),
            (0o440, true),
            (0o604, false),
            (0o644, false),
            (0o620, false),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let result = read(&path);
            assert_eq!(result.is_ok(), fine, "{mode:o}");
            if let Err(error) = result {
                assert!(error.to_string().contains("chmod 600"), "{error}");
            }
        }
        assert!(read(folder.path()).is_err(), "a folder");
    }
}
