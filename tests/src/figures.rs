//! What a test has measured, for people to read.
//!
//! A test states its claim, what it ran with and what came out. `cargo xtask test` prints the figures of all
//! tests when they have passed; with `--full` it writes them into `docs/reliability.md`. Both read the files
//! that are written here, one for each claim.

use std::fmt::Display;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

/// Names the directory that the figures are written to; without it they are printed only.
pub const FIGURES_VARIABLE: &str = "GRAYLANE_FIGURES";
/// Set, it asks for the large numbers.
pub const FULL_VARIABLE: &str = "GRAYLANE_FULL";

/// Whether the large numbers are asked for.
#[must_use]
pub fn is_full() -> bool {
    std::env::var_os(FULL_VARIABLE).is_some()
}

/// One of two numbers: the small one, or what `--full` asks for.
#[must_use]
pub fn sized<T>(small: T, full: T) -> T {
    if is_full() { full } else { small }
}

/// A claim with what shows it.
#[derive(Clone, Debug)]
pub struct Figures {
    claim: String,
    parameters: Vec<(String, String)>,
    figures: Vec<(String, String)>,
}

impl Figures {
    /// Figures for a claim, a sentence without its full stop.
    #[must_use]
    pub fn new(claim: &str) -> Self {
        Self { claim: claim.to_owned(), parameters: Vec::new(), figures: Vec::new() }
    }

    /// One more thing that it was run with.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl Display) -> Self {
        self.parameters.push((name.to_owned(), value.to_string()));
        self
    }

    /// One more thing that came out.
    #[must_use]
    pub fn figure(mut self, name: &str, value: impl Display) -> Self {
        self.figures.push((name.to_owned(), value.to_string()));
        self
    }

    /// Prints them, and writes them to `<name>.json` in the directory that the environment names.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record(&self, name: &str) -> Result<()> {
        println!(
            "{name}: {}\n  with: {}\n  seen: {}",
            self.claim,
            list(&self.parameters),
            list(&self.figures)
        );
        match std::env::var_os(FIGURES_VARIABLE) {
            Some(dir) => self.write(Path::new(&dir), name),
            None => Ok(()),
        }
    }

    fn write(&self, dir: &Path, name: &str) -> Result<()> {
        let Self { claim, parameters, figures } = self;
        let text = json!({ "claim": claim, "parameters": parameters, "figures": figures }).to_string();
        let path = dir.join(format!("{name}.json"));
        std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
    }
}

/// Says that a case was left out, since it takes the large numbers.
///
/// # Errors
/// When the file for it cannot be written.
pub fn left_to_full(name: &str, claim: &str) -> Result<()> {
    Figures::new(claim).figure("not run", "only `cargo xtask test --full` runs this").record(name)
}

fn list(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{name} {value}"));
    pairs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn figures_are_written_in_the_order_in_which_they_were_given() {
        let dir = tempfile::tempdir().unwrap();
        let figures = Figures::new("it holds").parameter("connections", 60).figure("z", 0).figure("a", "1 %");
        figures.write(dir.path(), "it").unwrap();
        let text = std::fs::read_to_string(dir.path().join("it.json")).unwrap();
        let expected = json!({
            "claim": "it holds",
            "parameters": [["connections", "60"]],
            "figures": [["z", "0"], ["a", "1 %"]],
        });
        assert_eq!(text.parse::<Value>().unwrap(), expected);
    }
}
