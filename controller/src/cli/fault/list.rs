//! `lanectl fault list`: the faults there are.

use clap::Args;
use jiff::Timestamp;
use lane::fault::FaultScope;
use lane::model::{At, LaneFaultSpec};
use lane::name::WorkloadName;

use super::flags::effect;
use crate::cli::error::CommandError;
use crate::cli::get::names;
use crate::cli::ui::{Output, Ui};
use crate::standalone::store::Store;

/// List the faults, with those that have ended
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub(in crate::cli) output: Output,
}

/// The columns of a fault, and those of `-o wide`.
pub(in crate::cli) const COLUMNS: [&str; 7] = ["NAME", "LANE", "FROM", "TO", "PERCENT", "EFFECT", "ENDS"];
/// More columns.
pub(in crate::cli) const WIDE: [&str; 4] = ["AT", "KEY", "SEED", "GROUP"];

pub(super) fn run(store: &Store, args: &ListArgs, ui: &Ui) -> Result<u8, CommandError> {
    let faults = store.objects()?.faults;
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&faults, args.output),
        Output::Name => names(ui, "lanefault", faults.iter().map(|fault| fault.metadata.name.as_str())),
        Output::Table | Output::Wide => {
            let rows: Vec<_> = faults
                .iter()
                .map(|fault| {
                    let more = if args.output == Output::Wide { wide(&fault.spec) } else { Vec::new() };
                    row(fault.metadata.name.as_str(), &fault.spec).into_iter().chain(more).collect()
                })
                .collect();
            ui.table(&header(args.output), &rows)
        }
    };
    Ok(code?)
}

/// The header of a table.
pub(in crate::cli) fn header(output: Output) -> Vec<&'static str> {
    let more = if output == Output::Wide { WIDE.as_slice() } else { &[] };
    COLUMNS.into_iter().chain(more.iter().copied()).collect()
}

/// The cells of a fault.
pub(in crate::cli) fn row(name: &str, spec: &LaneFaultSpec) -> Vec<String> {
    let any = || "*".to_owned();
    vec![
        name.to_owned(),
        spec.lane.as_ref().map_or_else(any, FaultScope::to_string),
        spec.from.as_ref().map_or_else(any, WorkloadName::to_string),
        spec.to.to_string(),
        spec.percent.to_string(),
        effect(spec),
        ends(spec.expires),
    ]
}

/// The cells of `-o wide`.
pub(in crate::cli) fn wide(spec: &LaneFaultSpec) -> Vec<String> {
    vec![
        if spec.at == At::Callee { "callee".to_owned() } else { "caller".to_owned() },
        spec.key.as_ref().map_or_else(|| "trace".to_owned(), ToString::to_string),
        spec.seed.to_string(),
        spec.group.to_string(),
    ]
}

fn ends(end: Timestamp) -> String {
    if end <= Timestamp::now() { format!("ended {end}") } else { end.to_string() }
}
