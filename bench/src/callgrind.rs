//! Instructions of the engine, counted natively by callgrind (valgrind).
//!
//! This program runs itself under callgrind, once with few decisions and once with many: the difference leaves
//! out what starting and compiling costs.

use std::hint::black_box;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use lane::head::MemoryHead;
use lane::program::Program;

use crate::ours::{self, USUAL};

/// Decisions of the short run.
const FEW: u32 = 100;
/// Decisions of the long run.
const MANY: u32 = 10_100;

/// Whether valgrind can be run.
#[must_use]
pub fn is_installed() -> bool {
    let mut cmd = Command::new("valgrind");
    cmd.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    cmd.status().is_ok_and(|status| status.success())
}

/// Instructions of one decision of a case.
///
/// # Errors
/// When callgrind cannot be run.
pub fn instructions_per_decision(case: &str) -> Result<f64> {
    let spent = counted(case, MANY)? - counted(case, FEW)?;
    Ok(spent as f64 / f64::from(MANY - FEW))
}

/// Decides the request of a case that often; what callgrind looks at.
///
/// # Errors
/// When there is no such case, or it is decided wrongly.
pub fn decide(case: &str, times: u32) -> Result<()> {
    let case = ours::case(case)?;
    let program = Program::compile(case.config).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let lines = USUAL.iter().chain(&case.request);
    let headers = lines.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    let head = MemoryHead { headers, ..MemoryHead::default() };
    for _ in 0..times {
        let outcome = black_box(&program).on_request(black_box(&head), 0, 0);
        ensure!(black_box(outcome).lane.is_some() == case.in_lane, "case {} is decided wrongly", case.key);
    }
    Ok(())
}

/// Instructions of a whole run.
fn counted(case: &str, times: u32) -> Result<u64> {
    let mut cmd = Command::new("valgrind");
    cmd.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    cmd.arg(std::env::current_exe()?).args(["decide", case, &times.to_string()]);
    let output = cmd.output().context("failed to start valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind: {said}");
    parse(&said).with_context(|| format!("valgrind printed no count: {said}"))
}

fn parse(said: &str) -> Option<u64> {
    let (_, behind) = said.split_once("Collected : ")?;
    behind.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read() {
        let said = "==1== Events    : Ir\n==1== Collected : 123456\n==1== \n==1== I   refs:      123,456\n";
        assert_eq!(parse(said), Some(123_456));
        assert_eq!(parse("nothing"), None);
    }

    #[test]
    fn the_cases_are_decided_as_they_say() {
        for case in ours::cases().unwrap() {
            decide(case.key, 1).unwrap();
        }
    }
}
