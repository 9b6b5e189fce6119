//! Edits that make no sense, which the API server cannot see: what was in force stays in force, also over a restart
//! of the controller, and the conditions say what is wrong.

use anyhow::{Context as _, Result, ensure};
use controller::cluster::crd::{Lane, LaneGroup};
use kube::api::{Patch, PatchParams};
use lane::model::ObjectCondition;
use serde_json::{Value, json};
use tests::wait;

use super::demo::Demo;
use super::{DEADLINE, condition};

/// A lane of requests with a header that the pattern matches.
fn by_regex(pattern: &str) -> Value {
    let rule = json!({ "name": "testers",
        "match": { "header": { "name": "x-gray", "value": { "regex": pattern } } } });
    json!({ "group": "shop", "rules": [rule] })
}

async fn admits(demo: &Demo, pattern: &str) -> Result<()> {
    wait::succeeds(DEADLINE, "the lane admits requests", async || {
        let found = demo.at_the_gateway().await?;
        ensure!(found.contains(pattern), "{pattern} is not in force: {found}");
        Ok(())
    })
    .await
}

/// Waits until the newest generation of the lane has been looked at and refused.
async fn refused(demo: &Demo, place: &str) -> Result<ObjectCondition> {
    wait::succeeds(DEADLINE, "the lane is refused", async || {
        let lane: Lane = demo.lanes().get("gray").await?;
        let conditions = lane.status.map(|status| status.conditions).unwrap_or_default();
        let accepted = conditions.into_iter().find(|condition| condition.kind == "Accepted");
        let accepted = accepted.context("there is no condition")?;
        ensure!(accepted.observed_generation == lane.metadata.generation, "{accepted:?}");
        ensure!(accepted.status == "False" && accepted.message.contains(place), "{accepted:?}");
        Ok(accepted)
    })
    .await
}

#[tokio::test]
async fn a_lane_keeps_its_last_good_rules_over_a_bad_edit_and_a_restart() -> Result<()> {
    let mut demo = Demo::start().await?;
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }] })).await?;
    demo.set_lane("gray", by_regex("^first$")).await?;
    admits(&demo, "^first$").await?;

    demo.set_lane("gray", by_regex("(")).await?;
    let said = refused(&demo, "spec.rules[0].match.header.value.regex").await?;
    ensure!(said.message.contains("generation 1 stays in force"), "{said:?}");
    admits(&demo, "^first$").await?;

    // A new controller knows the former spec from the status alone. A change elsewhere makes it write.
    let second = demo.another_controller().await?;
    std::mem::replace(&mut demo.controller, second).stop().await?;
    demo.set_lane("blue", by_regex("^other$")).await?;
    admits(&demo, "^other$").await?;
    admits(&demo, "^first$").await?;

    demo.set_lane("gray", by_regex("^third$")).await?;
    admits(&demo, "^third$").await?;
    let found = demo.at_the_gateway().await?;
    ensure!(!found.contains("^first$"), "the former rules are still there: {found}");
    Ok(())
}

#[tokio::test]
async fn a_group_keeps_its_last_good_spec_over_a_bad_edit() -> Result<()> {
    let demo = Demo::start().await?;
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }] })).await?;
    demo.set_lane("gray", by_regex("^first$")).await?;
    admits(&demo, "^first$").await?;

    let edit = json!({ "spec": { "laneHeader": "baggage" } });
    demo.groups().patch("shop", &PatchParams::default(), &Patch::Merge(edit)).await?;
    wait::succeeds(DEADLINE, "the group is refused", async || {
        let (status, reason, message) = condition(&demo, "Accepted").await?;
        ensure!((status.as_str(), reason.as_str()) == ("False", "Invalid"), "{reason}: {message}");
        ensure!(message.contains("spec.laneHeader") && message.contains("stays in force"), "{message}");
        Ok(())
    })
    .await?;
    // Lanes go on under the former spec.
    demo.set_lane("gray", by_regex("^second$")).await?;
    admits(&demo, "^second$").await?;
    let group: LaneGroup = demo.groups().get("shop").await?;
    let in_force = group.status.and_then(|status| status.accepted).context("nothing is in force")?;
    ensure!(in_force.spec.lane_header.as_str() == "x-lane", "{in_force:?}");
    Ok(())
}
