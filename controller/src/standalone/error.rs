//! What can go wrong on the standalone target.

use std::path::PathBuf;

use lane::problem::Problem;

use super::receipts::Lagging;

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("failed to {action} {}: {source}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The directory holds no lane group.
    #[error("there is no lane group in {}", .0.display())]
    NoGroup(PathBuf),
    /// A file is not what it should be.
    #[error("{} is not readable: {reason}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Another `lanectl` is at work.
    #[error("another lanectl works in {}", .0.display())]
    Locked(PathBuf),
    /// A change is under way, or was cut off.
    #[error("the last change in {} was not finished", .0.display())]
    Unfinished(PathBuf),
    /// There is a lane group already.
    #[error("there is a lane group in {} already", .0.display())]
    Exists(PathBuf),
    /// The objects are refused; nothing was changed.
    #[error("{}", lines(.0))]
    Refused(Vec<Problem>),
    /// There is no such object.
    #[error("there is no {kind} {name}")]
    NotFound {
        /// `lane`, `group` or `proxy`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The proxies did not take the change in time.
    #[error("not every proxy runs generation {generation}:\n{}", lines(.lagging))]
    TimedOut {
        /// The generation waited for.
        generation: u64,
        /// The proxies that do not run it, and why.
        lagging: Vec<Lagging>,
    },
    /// What was validated could not be rendered.
    #[error(transparent)]
    Render(#[from] envoy_config::standalone::RenderError),
    /// The system is out of something, or a value cannot be written as text.
    #[error("{0}")]
    Internal(String),
}

/// The result of a verb.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn lines<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
