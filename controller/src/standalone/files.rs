//! Files that are either the old or the new ones, and a directory with one writer at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::error::{Error, Result};

/// Name of the file that a writer holds locked.
const LOCK: &str = ".lock";

/// The usual label of a draft.
pub const DRAFT: &str = "draft";

/// The right to write in a directory, until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the right to write in `dir`, creating it if need be.
///
/// # Errors
/// Another process holds it, or the directory cannot be written.
pub fn lock(dir: &Path) -> Result<Lock> {
    fs::create_dir_all(dir).map_err(|source| failed("create", dir, source))?;
    let path = dir.join(LOCK);
    let file = File::create(&path).map_err(|source| failed("write", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Error::Locked(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed("lock", &path, source)),
    }
}

/// The new content of a file, on the disk beside it, and not in force yet.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    /// Removed when it is not put in force.
    part: TempPath,
}

impl Draft {
    /// Writes `content` beside `path`; `label` tells several drafts of one file apart.
    ///
    /// The name is the same each time, so that a run which was killed leaves nothing that piles up.
    ///
    /// # Errors
    /// The directory cannot be written or is full.
    pub fn new(path: &Path, content: &[u8], label: &str) -> Result<Self> {
        let dir = path.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(dir).map_err(|source| failed("create", dir, source))?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let part = dir.join(format!(".{name}.{label}"));
        remove(&part)?;
        let file = File::create_new(&part).map_err(|source| failed("write", path, source))?;
        let part = TempPath::try_from_path(part).map_err(|source| failed("write", path, source))?;
        fill(file, content).map_err(|source| failed("write", path, source))?;
        Ok(Self { path: path.to_owned(), part })
    }

    /// Puts the content in force: a reader sees the old file or the new one and never a part.
    ///
    /// # Errors
    /// The directory cannot be written; the old file is then still there.
    pub fn put(self) -> Result<()> {
        let Self { path, part } = self;
        part.persist(&path).map_err(|error| failed("write", &path, error.error))
    }
}

fn fill(mut file: File, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    file.sync_all()
}

/// Replaces a file by one with `content`.
///
/// # Errors
/// The directory cannot be written or is full; the old file is then still there.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    Draft::new(path, content, DRAFT)?.put()
}

/// Reads a file as text; `None` when it is not there.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Option<String>> {
    match read_existing(path) {
        Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Reads a file that must be there.
///
/// # Errors
/// It cannot be read.
pub fn read_existing(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| failed("read", path, source))
}

/// Removes a file or directory; that it is not there is no fault.
///
/// # Errors
/// It cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path, error)),
        _ => Ok(()),
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File { action, path: path.to_owned(), source }
}
