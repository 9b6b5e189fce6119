//! The controller with many groups, as Markdown.

use super::{grouped, markdown};
use crate::cluster::{Calls, Change, Idle, Options, Scale, Wide};
use crate::sample::quantile_of;

/// KiB in a MiB.
const KIB_PER_MIB: f64 = 1024.0;

/// What was there, and all tables.
#[must_use]
pub fn tables(scale: &Scale) -> String {
    let Options { groups, groups_per_namespace, lanes, .. } = scale.options;
    format!(
        "{} lane groups with a service each, {groups_per_namespace} to a namespace and its gateway, and {lanes} \
         lanes at a time, on a real API server. Pods have no processes: in place of all proxies one address \
         answers that runs every generation at once, so that neither istiod nor Envoy has a part in the times.\n\n\
         {}\n{}\n{}",
        grouped(groups as f64),
        times(scale),
        calls(scale),
        whole(scale)
    )
}

/// A change, from the start of `lanectl`.
fn times(scale: &Scale) -> String {
    let row = |what: &str, of: &dyn Fn(&Change) -> f64| {
        let cells = [&scale.made, &scale.changed].into_iter().flat_map(|changes| {
            let samples: Vec<f64> = changes.iter().map(of).collect();
            [0.5, 0.99].map(|share| grouped(quantile_of(&samples, share)))
        });
        std::iter::once(what.to_owned()).chain(cells).collect()
    };
    let head =
        ["milliseconds from the start of `set-lane`", "new lane, p50", "p99", "changed lane, p50", "p99"];
    let rows = [
        row("until the first EnvoyFilter is written", &|change| change.first_written_ms),
        row("until the EnvoyFilter that admits requests is written", &|change| change.admitted_ms),
        row("until `--wait` comes back", &|change| change.in_force_ms),
        row("processor time of the controller", &|change| change.cpu_ms),
    ];
    markdown(&head, rows)
}

/// What was asked of the API server.
fn calls(scale: &Scale) -> String {
    let mean = |changes: &[Change], of: fn(&Calls) -> usize| {
        let sum: usize = changes.iter().map(|change| of(&change.calls)).sum();
        sum as f64 / changes.len().max(1) as f64
    };
    let row = |what: &str, of: fn(&Calls) -> usize| {
        let shown = |number: f64| if number < 100.0 { format!("{number:.1}") } else { grouped(number) };
        vec![
            what.to_owned(),
            shown(mean(&scale.made, of)),
            shown(mean(&scale.changed, of)),
            grouped(of(&scale.idle.calls) as f64),
        ]
    };
    let idle = format!("in {} s without a change", scale.options.idle_seconds);
    markdown(
        &["the controller at the API server", "new lane, mean", "changed lane, mean", &idle],
        [
            row("requests that read", |calls| calls.reads),
            row("EnvoyFilters and DestinationRules written", |calls| calls.objects_written),
            row("their bytes", |calls| calls.object_bytes),
            row("other writes (status, events)", |calls| calls.status_writes),
            row("their bytes", |calls| calls.status_bytes),
        ],
    )
}

fn whole(scale: &Scale) -> String {
    let Idle { cpu_percent, resident_kib, peak_kib, .. } = scale.idle;
    let Wide { set_lane_ms, wait_ms } = scale.wide;
    let mib = |kib: u64| format!("{:.0} MiB", kib as f64 / KIB_PER_MIB);
    let proxies = grouped(scale.options.proxies as f64);
    let rows = [
        ("all groups programmed for the first time".to_owned(), format!("{:.0} s", scale.first_programmed_s)),
        (
            "a new controller has looked at every group".to_owned(),
            format!("{:.0} s, {} objects written", scale.restarted_s, scale.restarted_writes),
        ),
        ("CPU of the controller without a change".to_owned(), format!("{cpu_percent:.1} % of a core")),
        ("its resident memory".to_owned(), format!("{}, at most {}", mib(resident_kib), mib(peak_kib))),
        (format!("`set-lane --wait`, group with {proxies} proxies"), format!("{} ms", grouped(set_lane_ms))),
        (format!("`lanectl wait`, the same group, all {proxies} ready"), format!("{} ms", grouped(wait_ms))),
    ];
    markdown(&["what", "figure"], rows.map(|(what, figure)| vec![what, figure]))
}
