//! Errors as people and pipelines see them: what failed, what to do, and an exit code.

use crate::standalone::error::Error;

/// An error with its advice.
#[derive(Debug)]
pub(super) struct CommandError {
    error: Error,
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self { error }
    }
}

impl CommandError {
    /// 1 failed, 3 timed out, 4 refused by validation. (0 is done, 2 is usage and comes from clap.)
    pub(super) fn exit_code(&self) -> u8 {
        match self.error {
            Error::TimedOut { .. } => 3,
            Error::Refused(_) | Error::Render(envoy_config::standalone::RenderError::Invalid(_)) => 4,
            _ => 1,
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
            Error::Refused(_) => "nothing was changed".to_owned(),
            Error::NotFound { kind, .. } => format!("`lanectl get {kind}s` shows what there is"),
            Error::TimedOut { .. } => {
                "look at the named proxies, then run `lanectl apply` to finish or `lanectl wait` to look again"
                    .to_owned()
            }
            Error::Unreadable { .. } => "restore the file, or start anew with `lanectl init`".to_owned(),
            Error::File { .. } | Error::Render(_) | Error::Internal(_) => return None,
        })
    }

    /// What failed.
    pub(super) fn message(&self) -> String {
        self.error.to_string()
    }
}
