//! Maven, which runs the tests of the Jenkins library, from the system's packages.
//!
//! Its own version matters little: `pom.xml` pins everything that it runs. Debian's package brings Java along.

use std::path::PathBuf;

use anyhow::Result;

use super::debian;

/// The project of the tests, from the root of the checkout.
pub(crate) const PROJECT: &str = "jenkins/tests";

/// Returns the program; where it is missing and we may, Debian's package is installed.
pub(crate) fn ensure() -> Result<PathBuf> {
    debian::ensure("mvn", "maven")
}
