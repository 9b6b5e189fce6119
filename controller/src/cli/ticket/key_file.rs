//! The file that holds a private key: for its owner alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use lane::name::KeyId;
use lane::problem::Problem;
use lane::ticket::SecretKey;
use serde::{Deserialize, Serialize};

use crate::standalone::error::{Error, Result};

/// What the owner may do with the file, and nobody else.
const OWNER_ONLY: u32 = 0o600;
/// All that others might.
const OTHERS: u32 = 0o077;

/// A private key with its name.
pub(super) struct KeyFile {
    pub(super) id: KeyId,
    pub(super) key: SecretKey,
}

/// The form on the disk; never printed, so that it has no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    id: KeyId,
    private_key: String,
}

impl KeyFile {
    /// Writes a new file; one that is there stays, since tickets in use may be signed with it.
    pub(super) fn create(&self, path: &Path) -> Result<()> {
        let stored = Stored { id: self.id.clone(), private_key: self.key.reveal() };
        let text = super::super::ui::json(&stored)?;
        let opened = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path);
        let written = opened.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => refused(
                path,
                "the file is there already".to_owned(),
                "name another one: a key is never replaced",
            ),
            _ => Error::File { action: "write", path: path.to_owned(), source },
        })
    }

    /// Reads a file that nobody but its owner can read.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let failed = |source| match io::Error::kind(&source) {
            io::ErrorKind::NotFound => {
                let remedy = "make a key with `lanectl ticket keygen`, or name its file with --key";
                refused(path, "there is no private key".to_owned(), remedy)
            }
            _ => Error::File { action: "read", path: path.to_owned(), source },
        };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & OTHERS != 0 {
            let reason = format!("others than its owner may use the private key (mode {:03o})", mode & 0o777);
            return Err(refused(path, reason, &format!("run `chmod 600 {}`", path.display())));
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        // What serde says might quote the key.
        let damaged =
            || refused(path, "it is no file of `lanectl ticket keygen`".to_owned(), "name the right one");
        let stored: Stored = serde_json::from_str(&text).map_err(|_| damaged())?;
        let key = SecretKey::parse(&stored.private_key).map_err(|_| damaged())?;
        Ok(Self { id: stored.id, key })
    }
}

fn refused(path: &Path, reason: String, remedy: &str) -> Error {
    Error::Refused(vec![Problem::error(path.to_string_lossy(), reason, remedy)])
}
