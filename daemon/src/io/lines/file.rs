//! The file behind a line log: appending whole lines, beginning anew, opening anew.

use super::Rotation;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// See the module.
pub(super) struct LineFile {
    path: PathBuf,
    rotation: Rotation,
    /// `None` after a failed attempt to open it.
    file: Option<File>,
    size: u64,
    /// From this size on it is to be begun anew.
    limit: u64,
    /// The file ends in the middle of a line.
    torn: bool,
}

impl LineFile {
    pub(super) fn open(path: PathBuf, rotation: Rotation) -> io::Result<Self> {
        let mut opened = Self::closed(path, rotation);
        opened.reopen()?;
        Ok(opened)
    }

    fn closed(path: PathBuf, rotation: Rotation) -> Self {
        Self {
            path,
            rotation,
            file: None,
            size: 0,
            limit: rotation.max_bytes,
            torn: false,
        }
    }

    /// Opens whatever has the name now.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        let mut file = open(&self.path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        self.size = about.len();
        self.torn = ends_torn(&mut file, self.size)?;
        self.limit = self.rotation.max_bytes;
        self.file = Some(file);
        Ok(())
    }

    /// Bytes of a batch that one file takes: whole lines, as many as fit into an empty one, and one
    /// line even if it does not.
    pub(super) fn share_of(&self, batch: &[u8]) -> usize {
        let most = usize::try_from(self.rotation.max_bytes).unwrap_or(usize::MAX);
        if batch.len() <= most {
            return batch.len();
        }
        let is_end = |byte: &u8| *byte == b'\n';
        let fits = batch.get(..most).unwrap_or_default();
        let end = match fits.iter().rposition(is_end) {
            Some(end) => Some(end),
            None => batch.iter().position(is_end),
        };
        end.map_or(batch.len(), |end| end + 1)
    }

    /// Begins a new file when `more` bytes would make this one too large.
    pub(super) fn rotate_for(&mut self, more: usize) -> io::Result<bool> {
        if self.size == 0 || self.size.saturating_add(more as u64) <= self.limit {
            return Ok(false);
        }
        // Not tried again for every batch: that would fail as well.
        self.limit = self.size.saturating_add(self.rotation.max_bytes);
        for number in (1..self.rotation.keep).rev() {
            let moved = std::fs::rename(self.old(number), self.old(number + 1));
            ignore_missing(moved)?;
        }
        ignore_missing(match self.rotation.keep {
            0 => std::fs::remove_file(&self.path),
            _ => std::fs::rename(&self.path, self.old(1)),
        })?;
        self.reopen()?;
        Ok(true)
    }

    /// The name of an older file.
    fn old(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    /// Appends whole lines. Says how many bytes of them, again whole lines, are in the file.
    pub(super) fn append(&mut self, batch: &[u8]) -> (usize, io::Result<()>) {
        if self.file.is_none()
            && let Err(error) = self.reopen()
        {
            return (0, Err(error));
        }
        let Some(file) = &mut self.file else {
            return (0, Ok(()));
        };
        if self.torn {
            if let Err(error) = file.write_all(b"\n") {
                return (0, Err(error));
            }
            self.size += 1;
            self.torn = false;
        }
        let (written, result) = write_most(file, batch);
        let done = batch.get(..written).unwrap_or_default();
        let whole = done.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(0, |at| at + 1);
        self.size += whole as u64;
        if whole < written && file.set_len(self.size).is_err() {
            self.size += (written - whole) as u64;
            self.torn = true;
        }
        (whole, result)
    }
}

impl fmt::Display for LineFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    // A pipe without a reader must not keep the daemon from starting.
    options.custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC);
    options.open(path)
}

/// Whether the last line of the file has no end: the daemon was killed while it was written.
fn ends_torn(file: &mut File, size: u64) -> io::Result<bool> {
    if size == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Writes as much as can be written.
fn write_most(file: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
impl LineFile {
    /// A file on a device that is always full.
    pub(super) fn full() -> Self {
        let mut full = Self::closed(
            "/dev/full".into(),
            Rotation {
                max_bytes: u64::MAX,
                keep: 0,
            },
        );
        full.file = Some(open(Path::new("/dev/full")).unwrap());
        full
    }

    /// Goes on somewhere else.
    pub(super) fn move_to(&mut self, path: PathBuf) {
        self.path = path;
    }
}
