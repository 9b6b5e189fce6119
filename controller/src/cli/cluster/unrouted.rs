//! The callers of a group that its routes do not reach, for `lanectl status`.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::error::CommandError;
use crate::cluster::client::{Cluster, Places};
use crate::cluster::crd::LaneGroup;
use crate::cluster::doctor::{CALLERS_ROUTED, Finding, Severity};

/// What is known of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unrouted {
    /// Those that are known: they call every version of a service.
    known: Vec<Finding>,
    /// Whether everything could be looked at.
    complete: bool,
}

impl Unrouted {
    pub(super) fn new(findings: Vec<Finding>) -> Self {
        let complete = findings.iter().all(|finding| finding.severity != Severity::Unknown);
        let known = findings.into_iter().filter(|finding| finding.severity > Severity::Unknown);
        Self { known: known.collect(), complete }
    }

    /// Asks the cluster.
    pub(super) async fn look(cluster: &Cluster, group: &LaneGroup) -> Result<Self, CommandError> {
        let snapshot = cluster.examination_for(&CALLERS_ROUTED, group, &Places::default()).await?;
        Ok(Self::new(CALLERS_ROUTED.examine(&snapshot)))
    }

    /// For people: nothing where all is well.
    pub(super) fn show(&self, text: &mut String) {
        if !self.known.is_empty() {
            text.push_str("\ncallers that are not routed; `lanectl doctor` says what to do:\n");
        }
        for Finding { object, message, .. } in &self.known {
            let _ = writeln!(text, "  {object}: {message}");
        }
        if !self.complete {
            text.push_str(
                "\nnot all callers could be looked at; `lanectl doctor` says which rights are lacking\n",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::doctor::ObjectName;

    fn finding(severity: Severity, message: &str) -> Finding {
        let object = ObjectName { kind: "namespace".to_owned(), namespace: None, name: "demo".to_owned() };
        Finding { check: CALLERS_ROUTED.id, severity, object, message: message.to_owned(), remedy: None }
    }

    #[test]
    fn those_that_are_known_are_named_and_a_gap_is_said() {
        let shown = |findings| {
            let mut text = String::new();
            Unrouted::new(findings).show(&mut text);
            text
        };
        assert_eq!(shown(vec![finding(Severity::Pass, "all is well")]), "");
        let found =
            vec![finding(Severity::Unknown, "not looked at"), finding(Severity::Warn, "cron has none")];
        insta::assert_snapshot!(shown(found), @r"

        callers that are not routed; `lanectl doctor` says what to do:
          namespace demo: cron has none

        not all callers could be looked at; `lanectl doctor` says which rights are lacking
        ");
    }
}
