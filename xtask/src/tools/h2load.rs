//! h2load, the load generator of the benches, from the system's packages.

use std::path::PathBuf;

use anyhow::Result;

use super::debian;

/// Returns the binary; where it is missing and we may, Debian's package is installed.
pub(crate) fn ensure() -> Result<PathBuf> {
    debian::ensure("h2load", "nghttp2-client")
}
