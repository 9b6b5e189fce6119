//! Errors as people and pipelines see them: what failed, what to do, and an exit code.

use crate::standalone::error::Error;

/// An error with its advice.
#[derive(Debug)]
pub(super) struct CommandError {
    error: Error,
    /// What a failure is that has no code of its own.
    failed: u8,
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self { error, failed: 1 }
    }
}

impl CommandError {
    /// For a command in which 1 says that there are differences: a failure is 2, as POSIX has it for `diff`.
    pub(super) fn of_diff(self) -> Self {
        Self { failed: 2, ..self }
    }

    /// 1 failed, 3 timed out, 4 refused by validation. (0 is done, 2 is usage and comes from clap.)
    pub(super) fn exit_code(&self) -> u8 {
        match &self.error {
            Error::TimedOut { .. } | Error::Unfinished(_) => 3,
            // A file that is no text is as wrong as one that is no lane.
            Error::File { source, .. } if source.kind() == std::io::ErrorKind::InvalidData => 4,
            Error::Refused(_) | Error::Render(envoy_config::standalone::RenderError::Invalid(_)) => 4,
            _ => self.failed,
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        Some(match &self.error {
            Error::NoGroup(_) => {
                "run `lanectl init NAME --entry GATEWAY --service A,B --topology FILE`, or name another --dir"
                    .to_owned()
            }
            Error::Locked(_) => "wait until it has ended".to_owned(),
            Error::Unfinished(_) => "run `lanectl apply` to finish it".to_owned(),
            Error::Exists(_) => "--force replaces it and keeps the lanes".to_owned(),
            Error::Refused(_) => "nothing was changed".to_owned(),
            Error::NotFound { kind, .. } => format!("`lanectl get {kind}s` shows what there is"),
            Error::TimedOut { .. } => {
                "look at the named proxies; `lanectl apply` finishes a change, `lanectl wait` looks again"
                    .to_owned()
            }
            Error::Unreadable { .. } => {
                "restore the file, or start anew with `lanectl init --force`".to_owned()
            }
            Error::File { .. } | Error::Render(_) | Error::Internal(_) => return None,
        })
    }

    /// What failed.
    pub(super) fn message(&self) -> String {
        self.error.to_string()
    }
}
