//! `lanectl fault list`: the faults there are.

use clap::Args;
use jiff::Timestamp;
use lane::fault::FaultScope;
use lane::model::{At, LaneFault, LaneFaultSpec};
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

/// The columns of a fault.
const COLUMNS: [&str; 7] = ["NAME", "LANE", "FROM", "TO", "PERCENT", "EFFECT", "ENDS"];
/// Those that `-o wide` adds.
const WIDE: [&str; 4] = ["AT", "KEY", "SEED", "GROUP"];

pub(super) fn run(store: &Store, args: &ListArgs, ui: &Ui) -> Result<u8, CommandError> {
    let faults = store.objects()?.faults;
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&faults, args.output),
        Output::Name => names(ui, "lanefault", faults.iter().map(|fault| fault.metadata.name.as_str())),
        Output::Table | Output::Wide => {
            let row = |fault: &LaneFault| cells(fault.metadata.name.as_str(), &fault.spec, args.output);
            let rows: Vec<_> = faults.iter().map(row).collect();
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
pub(in crate::cli) fn cells(name: &str, spec: &LaneFaultSpec, output: Output) -> Vec<String> {
    let any = || "*".to_owned();
    let mut cells = vec![
        name.to_owned(),
        spec.lane.as_ref().map_or_else(any, FaultScope::to_string),
        spec.from.as_ref().map_or_else(any, WorkloadName::to_string),
        spec.to.to_string(),
        spec.percent.to_string(),
        effect(spec),
        ends(spec.expires),
    ];
    if output == Output::Wide {
        cells.extend(wide(spec));
    }
    cells
}

/// The cells of `-o wide`.
fn wide(spec: &LaneFaultSpec) -> [String; 4] {
    [
        if spec.at == At::Callee { "callee".to_owned() } else { "caller".to_owned() },
        spec.key.as_ref().map_or_else(|| "trace".to_owned(), ToString::to_string),
        spec.seed.to_string(),
        spec.group.to_string(),
    ]
}

fn ends(end: Timestamp) -> String {
    if end <= Timestamp::now() { format!("ended {end}") } else { end.to_string() }
}
