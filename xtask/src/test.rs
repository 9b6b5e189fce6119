//! `cargo xtask test`: all that must hold before a change lands, one step after the other.
//!
//! The steps go from the quick to the slow, and the first that fails is the last that runs.
//! They leave `RUSTFLAGS` as it is, and hand each tool its own flags, so that what one step has built serves
//! the next.

mod figures;
pub(crate) mod steps;

use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::workspace::Workspace;

/// How to test.
#[derive(Args)]
pub(crate) struct Options {
    /// Run the end-to-end tests with the large figures, optimized; takes much longer
    #[arg(long)]
    full: bool,
    /// Run this step alone; can be given several times
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,
}

/// A step, in the order in which they run.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Step {
    /// The sources are formatted
    Fmt,
    /// The rules of the repository hold
    Tidy,
    /// clippy, for the machine that this runs on
    Clippy,
    /// clippy, for what is built for Wasm
    ClippyWasm,
    /// The documentation builds without warnings
    Doc,
    /// Licences, duplicates and sources of the dependencies
    Deny,
    /// The checker of Envoy configuration: go vet and its tests
    Protojson,
    /// The Jenkinsfile and the steps of the shared library, without a Jenkins
    Jenkins,
    /// The Wasm modules build, and Envoy could link them
    Wasm,
    /// Unit, property and snapshot tests of all crates
    Unit,
    /// The demo shows what it promises, and ends
    Demo,
    /// End-to-end tests on a real Envoy
    E2e,
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, ws: &Workspace, full: bool) -> Result<()> {
        match self {
            Self::Fmt => steps::fmt(ws),
            Self::Tidy => crate::tidy::run(ws),
            Self::Clippy => steps::clippy(ws),
            Self::ClippyWasm => steps::clippy_wasm(ws),
            Self::Doc => steps::doc(ws),
            Self::Deny => steps::deny(ws),
            Self::Protojson => steps::protojson(ws),
            Self::Jenkins => steps::jenkins(ws),
            Self::Wasm => crate::wasm::run(ws),
            Self::Unit => steps::unit(ws),
            Self::Demo => crate::demo::all(ws),
            Self::E2e => steps::e2e(ws, full),
        }
    }
}

/// Runs the steps asked for, or all.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let started = Instant::now();
    let is_chosen = |step: &&Step| options.only.is_empty() || options.only.contains(step);
    let steps: Vec<Step> = Step::value_variants().iter().filter(is_chosen).copied().collect();
    for (step, number) in steps.iter().zip(1..) {
        let name = step.name();
        eprintln!("\n== {name} ({number} of {})", steps.len());
        let begun = Instant::now();
        step.run(ws, options.full).with_context(|| {
            format!("step `{name}` failed; repeat it with `cargo xtask test --only {name}`")
        })?;
        eprintln!("== {name}: ok in {:.1?}", begun.elapsed());
    }
    eprintln!("\nall steps passed in {:.1?}", started.elapsed());
    Ok(())
}
