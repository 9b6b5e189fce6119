//! The project's tasks, run as `cargo xtask <task>`; one file per task.

mod bench;
mod demo;
mod e2e;
mod image;
mod process;
mod test;
mod tidy;
mod tools;
mod wasm;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::tools::Tool;
use crate::workspace::Workspace;

/// The project's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show the example chain on real Envoys, with a lane set as a pipeline sets it; until Ctrl-C
    Demo(demo::Options),
    /// Build the Wasm modules: the filter as it is shipped, and the benches' no-op filter
    Wasm,
    /// Build the module and the controller as OCI images, and push them where asked
    Image(image::Options),
    /// Measure the filter side by side with others, and write docs/performance.md
    Bench,
    /// Run everything that must hold before a change lands
    Test(test::Options),
    /// Run the end-to-end tests that need a real istiod, which you bring along
    E2e(e2e::Options),
    /// Check the rules of the repository: files, names, dependencies, documents
    Tidy,
    /// Install a pinned tool if it is missing, and print where it is
    Tool {
        /// Which one
        tool: Tool,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    let ws = Workspace::load()?;
    match task {
        Task::Demo(options) => demo::run(&ws, options),
        Task::Wasm => wasm::run(&ws),
        Task::Image(options) => image::run(&ws, options),
        Task::Bench => bench::run(&ws),
        Task::Test(options) => test::run(&ws, options),
        Task::E2e(options) => e2e::run(&ws, options),
        Task::Tidy => tidy::run(&ws),
        Task::Tool { tool } => tools::run(&ws, *tool),
    }
}
