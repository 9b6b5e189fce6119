//! The workloads whose applications lose lanes, for `lanectl status`.

use lane::model::LostLane;
use lane::name::BASELINE;

use super::ui;

/// What to do about them.
const REMEDY: &str = concat!(
    "  these applications send requests without the lane of those that they serve: let them copy the lane header or\n",
    "  `baggage`, which most tracing libraries do, or switch recovery on; see docs/guides/recovery.md\n",
);

/// For people: nothing where nobody loses one.
pub(super) fn show(text: &mut String, lost: &[LostLane]) {
    if lost.is_empty() {
        return;
    }
    text.push('\n');
    let rows: Vec<Vec<String>> = lost.iter().map(row).collect();
    text.push_str(&ui::table(&["LOSES LANES", "LANE", "REQUESTS", "FOUND AGAIN BY"], &rows));
    text.push_str(REMEDY);
}

fn row(lost: &LostLane) -> Vec<String> {
    let LostLane { service, workload, lane, reason, requests } = lost;
    let found = match reason.as_str() {
        "trace" => "the request's trace".to_owned(),
        "workload" => "the workload's own lane".to_owned(),
        "ambiguous" => format!("nothing: the trace is ambiguous, and gets the {BASELINE}"),
        other => other.to_owned(),
    };
    let lane = lane.as_ref().map_or("-", |lane| lane.as_str()).to_owned();
    vec![format!("{service}/{workload}"), lane, format!("{requests} or more"), found]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_loses_lanes_is_named_with_a_remedy() {
        let lost = |lane: Option<&str>, reason: &str, requests| LostLane {
            service: "demo/b".to_owned(),
            workload: "b-v1".to_owned(),
            lane: lane.map(|lane| lane.parse().unwrap()),
            reason: reason.to_owned(),
            requests,
        };
        let mut text = String::new();
        show(&mut text, &[]);
        assert_eq!(text, "");
        show(
            &mut text,
            &[lost(Some("gray"), "trace", 7), lost(Some("gray"), "workload", 1), lost(None, "ambiguous", 2)],
        );
        insta::assert_snapshot!(text, @r"

        LOSES LANES   LANE   REQUESTS    FOUND AGAIN BY
        demo/b/b-v1   gray   7 or more   the request's trace
        demo/b/b-v1   gray   1 or more   the workload's own lane
        demo/b/b-v1   -      2 or more   nothing: the trace is ambiguous, and gets the baseline
          these applications send requests without the lane of those that they serve: let them copy the lane header or
          `baggage`, which most tracing libraries do, or switch recovery on; see docs/guides/recovery.md
        ");
    }
}
