//! The only place that prints: data to standard output, talk to standard error.

use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::Table;
use lane::problem::{Problem, Severity};
use serde::Serialize;

use super::error::CommandError;
use super::program::Program;
use crate::standalone::documents::yaml;
use crate::standalone::error::{Error, Result};

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// A table
    #[default]
    Table,
    /// A table with more columns
    Wide,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// `kind/name`, a line each
    Name,
}

/// Standard output and standard error.
#[derive(Debug)]
pub(super) struct Ui {
    program: Program,
}

impl Ui {
    pub(super) fn new(program: Program) -> Self {
        Self { program }
    }

    /// Prints data; the result is the exit code 0. That nobody reads any more is no fault.
    pub(super) fn data(&self, text: &str) -> Result<u8> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::File { action: "write", path: "standard output".into(), source: error })
            }
            _ => Ok(0),
        }
    }

    /// Says something to the person.
    pub(super) fn say(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{}", self.program.relabel(text));
    }

    /// Says what is wrong with objects.
    pub(super) fn problems(&self, problems: &[Problem]) {
        for problem in problems {
            let word = if problem.severity == Severity::Error { "error" } else { "warning" };
            self.say(&format!("{word}: {problem}"));
        }
    }

    /// Says what failed, and what to do.
    pub(super) fn error(&self, error: &CommandError) {
        for line in error.message().lines() {
            self.say(&format!("error: {line}"));
        }
        if let Some(hint) = error.hint() {
            self.say(&format!("hint: {hint}"));
        }
    }

    /// Prints a value as JSON or YAML.
    pub(super) fn object(&self, value: &impl Serialize, output: Output) -> Result<u8> {
        let text = match output {
            Output::Yaml => yaml(value)?,
            _ => json(value)?,
        };
        self.data(&text)
    }

    /// Prints rows in aligned columns.
    pub(super) fn table(&self, header: &[&str], rows: &[Vec<String>]) -> Result<u8> {
        self.data(&table(header, rows))
    }
}

/// Rows in aligned columns.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A value as indented JSON with a final newline.
pub(super) fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(text + "\n")
}
