//! `lanectl doctor`: its arguments, and how findings are printed.

use clap::{Args, ValueEnum};
use lane::name::GroupName;
use serde::Serialize;

use super::error::CommandError;
use super::ui::{Output, Ui};
use crate::cluster::doctor::{Finding, Severity};

/// Find out why lanes do not work, or will not: sidecars, istiod, policies, other people's filters
///
/// Each finding says what is wrong with which object, and ends with the command that mends it. What could not be looked
/// at is `unknown`, with the right that is lacking. Nothing is changed.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Name of the lane group; all of the namespace if not given
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<GroupName>,
    /// From which severity on the exit code is 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    fail_on: FailOn,
    /// Istio's own namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    pub(super) istio_namespace: String,
    /// The controller's namespace
    #[arg(long, value_name = "NAMESPACE", default_value = crate::cluster::install::NAMESPACE)]
    pub(super) controller_namespace: String,
    /// How to print; `wide` shows what passes too
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What counts as a failure.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FailOn {
    /// That lanes do not work
    #[default]
    Fail,
    /// That they may not work
    Warn,
    /// That it cannot be known
    Unknown,
}

impl FailOn {
    fn severity(self) -> Severity {
        match self {
            Self::Fail => Severity::Fail,
            Self::Warn => Severity::Warn,
            Self::Unknown => Severity::Unknown,
        }
    }
}

/// The findings about one group.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    namespace: String,
    group: String,
    summary: Summary,
    findings: Vec<Finding>,
}

/// How many findings there are of each severity.
#[derive(Debug, Serialize)]
struct Summary {
    fail: usize,
    warn: usize,
    unknown: usize,
    pass: usize,
}

impl Report {
    pub(super) fn new(namespace: String, group: String, findings: Vec<Finding>) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let summary = Summary {
            fail: count(Severity::Fail),
            warn: count(Severity::Warn),
            unknown: count(Severity::Unknown),
            pass: count(Severity::Pass),
        };
        Self { namespace, group, summary, findings }
    }
}

/// Prints reports; the exit code says whether there is anything as bad as is asked for.
pub(super) fn print(reports: &[Report], args: &DoctorArgs, ui: &Ui) -> Result<u8, CommandError> {
    match (args.output, reports) {
        (Output::Json | Output::Yaml, [only]) if args.group.is_some() => ui.object(only, args.output)?,
        (Output::Json | Output::Yaml, all) => ui.object(&all, args.output)?,
        (Output::Name, all) => {
            let findings = all.iter().flat_map(|report| &report.findings);
            let shown = findings.filter(|finding| finding.severity > Severity::Pass);
            ui.data(&shown.map(|finding| format!("{}\n", finding.check)).collect::<String>())?
        }
        (Output::Table | Output::Wide, all) => {
            let texts: Vec<String> = all.iter().map(|report| text(report, args.output)).collect();
            ui.data(&texts.join("\n"))?
        }
    };
    let mut findings = reports.iter().flat_map(|report| &report.findings);
    Ok(u8::from(findings.any(|finding| finding.severity >= args.fail_on.severity())))
}

/// A report for people: the worst first.
fn text(report: &Report, output: Output) -> String {
    let Report { namespace, group, summary, findings } = report;
    let Summary { fail, warn, unknown, pass } = summary;
    let mut shown: Vec<&Finding> = findings
        .iter()
        .filter(|finding| output == Output::Wide || finding.severity > Severity::Pass)
        .collect();
    shown.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut text =
        format!("group {namespace}/{group}: {fail} fail, {warn} warn, {unknown} unknown, {pass} pass\n");
    for Finding { check, severity, object, message, remedy } in shown {
        text.push_str(&format!("\n{:<7} {check}: {object}\n        {message}\n", severity.word()));
        if let Some(remedy) = remedy {
            text.push_str(&format!("        $ {remedy}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::crd::LaneGroup;
    use crate::cluster::doctor::{Snapshot, examine};

    #[test]
    fn the_worst_comes_first_and_ends_with_its_remedy() {
        let group: LaneGroup = serde_json::from_value(json!({
            "apiVersion": "graylane.dev/v1alpha1", "kind": "LaneGroup",
            "metadata": { "name": "shop", "namespace": "demo" },
            "spec": { "entries": ["gateway"], "services": [{ "name": "a" }] },
        }))
        .unwrap();
        let findings = examine(&Snapshot::new(group, Vec::new()));
        let wanted = ["istiod-ready", "controller-ready", "module-fetchable", "policies-agree"];
        let findings = findings.into_iter().filter(|finding| wanted.contains(&finding.check));
        let report = Report::new("demo".to_owned(), "shop".to_owned(), findings.collect());
        insta::assert_snapshot!(text(&report, Output::Table), @r"
        group demo/shop: 2 fail, 0 warn, 1 unknown, 1 pass

        fail    istiod-ready: namespace istio-system
                there is no istiod pod in namespace istio-system
                $ istioctl install

        fail    controller-ready: namespace graylane-system
                there is no controller in namespace graylane-system: nothing turns lanes into routes
                $ lanectl install --namespace=graylane-system --image=IMAGE

        unknown module-fetchable: lanegroup demo/shop
                no filter of the group has been written yet
                $ kubectl describe lanegroup shop --namespace=demo
        ");
    }
}
