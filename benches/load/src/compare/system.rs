//! What the system knows of the device, and how its cache is emptied of one folder.

use rustix::fs::{Advice, fadvise, syncfs};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Flushes the file system of a folder.
pub fn flush(folder: &Path) -> std::io::Result<()> {
    Ok(syncfs(std::fs::File::open(folder)?)?)
}

/// Takes the files below a folder out of the system's cache, after it was flushed. Names and inodes
/// stay in it.
pub fn forget(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            forget(&entry.path())?;
        } else if kind.is_file() {
            // A file that is gone by now is in no cache.
            let Ok(file) = std::fs::File::open(entry.path()) else {
                continue;
            };
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

/// Bytes that the device below a folder has written since the machine started, for whomever.
#[must_use]
pub fn device_written(folder: &Path) -> Option<u64> {
    let device = std::fs::metadata(folder).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let stat = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?;
    let sectors: u64 = stat.split_whitespace().nth(6)?.parse().ok()?;
    Some(sectors * 512)
}

/// The processor, the kernel, and the file system of a folder, in words.
#[must_use]
pub fn names(folder: &Path) -> (String, String, String) {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']))
        .collect();
    let model = models.first().copied().unwrap_or("unknown");
    let processor = format!("{} x {model}", models.len());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    (
        processor,
        format!("Linux {}", kernel.trim()),
        file_system(folder),
    )
}

/// The type of the mount with the longest path above the folder.
fn file_system(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_default();
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let found = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(point, _)| folder.starts_with(point))
        .max_by_key(|(point, _)| point.len());
    found.map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_this_machine() {
        let folder = std::env::temp_dir().join(format!("chainring-forget-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("below")).unwrap();
        std::fs::write(folder.join("below").join("file"), [7; 10_000]).unwrap();
        flush(&folder).unwrap();
        forget(&folder).unwrap();
        assert_ne!(file_system(&folder), "unknown");
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(forget(&folder).is_err());
    }
}
