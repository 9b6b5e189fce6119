//! Files that are either the old or the new ones, and a directory with one writer at a time.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::error::{Error, Result};

/// Name of the file that a writer holds locked.
const LOCK: &str = ".lock";

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

/// Replaces a file by one with `content`, so that a reader sees the old or the new one and never a part.
///
/// # Errors
/// The directory cannot be written or is full; the old file is then still there.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(dir).map_err(|source| failed("create", dir, source))?;
    let replace = || -> std::io::Result<()> {
        // Envoy may run as another user, and a temporary file is private by default.
        let readable = fs::Permissions::from_mode(0o644);
        let mut part = tempfile::Builder::new().permissions(readable).tempfile_in(dir)?;
        part.write_all(content)?;
        part.as_file().sync_all()?;
        part.persist(path)?;
        Ok(())
    };
    replace().map_err(|source| failed("write", path, source))
}

/// Reads a file as text; `None` when it is not there.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", path, source)),
    }
}

/// Removes a file or directory; that it is not there is no fault.
///
/// # Errors
/// It cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed("remove", path, error)),
        _ => Ok(()),
    }
}

fn failed(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::File { action, path: path.to_owned(), source }
}
