//! `lanectl history`: what has happened to the lanes of a group, from its status.

use lane::model::HistoryEntry;

use crate::cli::error::CommandError;
use crate::cli::release::HistoryArgs;
use crate::cli::ui::{Output, Ui};
use crate::cluster::client::Cluster;

pub(super) async fn run(cluster: &Cluster, args: &HistoryArgs, ui: &Ui) -> Result<u8, CommandError> {
    let group = cluster.group(args.group.as_ref()).await?;
    let mut entries = group.status.map(|status| status.history).unwrap_or_default();
    entries.retain(|entry| args.name.as_ref().is_none_or(|name| entry.lane == *name));
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&entries, args.output),
        Output::Name => {
            ui.data(&entries.iter().map(|entry| format!("lane/{}\n", entry.lane)).collect::<String>())
        }
        Output::Table | Output::Wide => {
            let rows: Vec<_> = entries.iter().map(row).collect();
            ui.table(&["TIME", "LANE", "CHANGE", "BY", "RESULT"], &rows)
        }
    };
    Ok(code?)
}

fn row(entry: &HistoryEntry) -> Vec<String> {
    let HistoryEntry { time, lane, change, by, result, .. } = entry;
    vec![
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        lane.to_string(),
        format!("{change:?}"),
        by.clone().unwrap_or_else(|| "-".to_owned()),
        result.replace('\n', "; "),
    ]
}
