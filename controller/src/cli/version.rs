//! `lanectl version`: which version this is, and which formats it speaks.

use clap::Args;
use lane::filter_config::FORMAT_VERSION;
use lane::model::API_VERSION;
use serde::Serialize;

use super::error::CommandError;
use super::ui::{Output, Ui};

/// Print the version, and the formats that it reads and writes
#[derive(Debug, Args)]
pub(super) struct VersionArgs {
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: &'static str,
    api_version: &'static str,
    filter_config: u32,
}

pub(super) fn run(args: &VersionArgs, ui: &Ui) -> Result<u8, CommandError> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        api_version: API_VERSION,
        filter_config: FORMAT_VERSION,
    };
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&version, args.output),
        Output::Name => ui.data(&format!("lanectl/{}\n", version.version)),
        Output::Table | Output::Wide => {
            let Version { version, api_version, filter_config } = version;
            ui.data(&format!(
                "lanectl {version}\nobjects {api_version}\nfilter configuration {filter_config}\n"
            ))
        }
    };
    Ok(code?)
}
