//! Lanes that are about to end, and that have ended: each is announced once, at its time, whichever controller acts.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use controller::ending::NOTICE;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use lane::model::ObjectCondition;
use serde_json::json;
use tests::wait;

use super::demo::Demo;
use super::{DEADLINE, condition};

/// How long a lane lasts here: long enough to be seen before its end on a slow machine.
pub(super) const LIFETIME: SignedDuration = SignedDuration::from_secs(40);
/// How late an announcement may be. Without anything to do a group is looked at after a minute only.
const LATE: SignedDuration = SignedDuration::from_secs(15);

/// When each event about the end of a lane was written, by its reason and the end that it names.
pub(super) type Announced = BTreeMap<(String, Timestamp), Timestamp>;

impl Demo {
    /// With a group of which the proxies run everything.
    async fn with_group() -> Result<Self> {
        let demo = Self::start().await?;
        let services = json!([{ "name": "a" }, { "name": "b" }]);
        demo.set_group(json!({ "entries": ["gateway"], "services": services })).await?;
        wait::succeeds(DEADLINE, "the group to be programmed", async || {
            let programmed = condition(&demo, "Programmed").await?;
            ensure!(programmed.0 == "True", "{programmed:?}");
            Ok(())
        })
        .await?;
        Ok(demo)
    }

    /// Lets a lane end so long from now; returns its end, in whole seconds as the object has it.
    pub(super) async fn end_in(&self, lane: &str, lifetime: SignedDuration) -> Result<Timestamp> {
        let end = Timestamp::from_second((Timestamp::now() + lifetime).as_second())?;
        let rules = json!([{ "name": "testers", "match": { "header": { "name": format!("x-{lane}") } } }]);
        self.set_lane(lane, json!({ "group": "shop", "expires": end.to_string(), "rules": rules })).await?;
        Ok(end)
    }

    pub(super) async fn ending(&self, lane: &str) -> Result<Option<ObjectCondition>> {
        let status = self.lanes().get(lane).await?.status.unwrap_or_default();
        Ok(status.conditions.into_iter().find(|condition| condition.kind == "Ending"))
    }

    /// Waits until a lane's condition says this of that end.
    pub(super) async fn until_it_says(&self, lane: &str, reason: &str, end: Timestamp) -> Result<()> {
        let what = format!("{lane}: {reason}");
        let said = wait::succeeds(DEADLINE, &what, async || {
            let found = self.ending(lane).await?.context("nothing is said of its end")?;
            ensure!(found.reason == reason && found.message.contains(&end.to_string()), "{found:?}");
            Ok(())
        });
        self.controller.explains(said.await)
    }

    /// What was announced of a lane. Each announcement is there once, or this fails.
    pub(super) async fn announced(&self, lane: &str) -> Result<Announced> {
        let events: Api<Event> = Api::namespaced(self.cluster.client().await?, &self.namespace);
        let mut found = Announced::new();
        for event in events.list(&ListParams::default()).await? {
            let is_meant = event.regarding.as_ref().is_some_and(|it| it.name.as_deref() == Some(lane));
            if !is_meant || event.action.as_deref() != Some("Ending") {
                continue;
            }
            let (reason, note) = event.reason.zip(event.note).context("an event without a reason")?;
            let time = |word: &str| word.trim_end_matches(';').parse::<Timestamp>().ok();
            let end = note.split(' ').find_map(time).with_context(|| note.clone())?;
            let written = event.event_time.context("no time")?.0;
            ensure!(event.series.is_none(), "{lane}: {note}, again and again");
            let former = found.insert((reason.clone(), end), written);
            ensure!(former.is_none(), "{lane}: {reason} of {end} was announced twice");
        }
        Ok(found)
    }
}

/// What is announced, and of which end.
pub(super) fn key(reason: &str, end: Timestamp) -> (String, Timestamp) {
    (reason.to_owned(), end)
}

#[tokio::test]
async fn an_end_is_announced_before_it_comes_and_when_it_comes() -> Result<()> {
    let demo = Demo::with_group().await?;
    let short = demo.end_in("short", LIFETIME).await?;
    let long = demo.end_in("long", NOTICE + LIFETIME).await?;
    demo.until_it_says("short", "EndsSoon", short).await?;
    ensure!(Timestamp::now() < short, "this machine is too slow for a lane of {LIFETIME}");
    ensure!(demo.ending("long").await?.is_none(), "its end is far");
    let table = demo.cluster.kubectl()?.ok(["get", "lanes", "-n", &demo.namespace]).await?.stdout;
    let cells = |lane: &str| -> Vec<String> {
        let line = table.lines().find(|line| line.starts_with(lane)).unwrap_or_default();
        line.split_whitespace().map(str::to_owned).collect()
    };
    ensure!(
        cells("short").contains(&short.to_string()) && cells("short").contains(&"EndsSoon".to_owned()),
        "{table}"
    );
    ensure!(cells("long").contains(&long.to_string()) && !table.contains("<invalid>"), "{table}");
    let told = demo.lanectl(&["status"]).await?;
    ensure!(told.contains("  lane short ends in ") && !told.contains("lane long ends"), "{told}");

    // Nobody touches anything from here on.
    demo.until_it_says("short", "Ended", short).await?;
    demo.until_it_says("long", "EndsSoon", long).await?;
    let told = demo.lanectl(&["status"]).await?;
    ensure!(told.contains("  lane short ended ") && told.contains("  lane long ends in "), "{told}");
    let (of_short, of_long) = (demo.announced("short").await?, demo.announced("long").await?);
    ensure!(of_short.keys().eq([&key("Ended", short), &key("EndsSoon", short)]), "{of_short:?}");
    ensure!(of_long.keys().eq([&key("EndsSoon", long)]), "{of_long:?}");
    for (written, wanted) in
        [(of_short[&key("Ended", short)], short), (of_long[&key("EndsSoon", long)], long - NOTICE)]
    {
        ensure!(written >= wanted && written <= wanted + LATE, "announced at {written} instead of {wanted}");
    }

    // An end that is moved is another one.
    demo.end_in("short", SignedDuration::from_hours(1)).await?;
    wait::succeeds(DEADLINE, "a lane that goes on", async || {
        ensure!(demo.ending("short").await?.is_none(), "it ends");
        Ok(())
    })
    .await?;
    let again = demo.end_in("short", LIFETIME).await?;
    demo.until_it_says("short", "EndsSoon", again).await?;
    ensure!(demo.announced("short").await?.len() == 3, "{:?}", demo.announced("short").await?);
    Ok(())
}

#[tokio::test]
async fn controllers_that_are_killed_announce_an_end_once_all_together() -> Result<()> {
    let mut demo = Demo::with_group().await?;
    let end = demo.end_in("gray", LIFETIME).await?;
    demo.until_it_says("gray", "EndsSoon", end).await?;
    ensure!(demo.announced("gray").await?.keys().eq([&key("EndsSoon", end)]));

    // The next one finds what was announced, and announces it no more.
    demo.controller.kill();
    demo.controller = demo.another_controller().await?;
    passes(&demo).await?;
    demo.announced("gray").await?;

    // The end comes while there is none.
    demo.controller.kill();
    wait::succeeds(DEADLINE, "the end of the lane", async || {
        ensure!(Timestamp::now() > end, "it is to come");
        Ok(())
    })
    .await?;
    ensure!(demo.announced("gray").await?.len() <= 2);
    demo.controller = demo.another_controller().await?;
    demo.until_it_says("gray", "Ended", end).await?;
    demo.controller.kill();
    demo.controller = demo.another_controller().await?;
    passes(&demo).await?;
    let announced = demo.announced("gray").await?;
    ensure!(announced.keys().eq([&key("Ended", end), &key("EndsSoon", end)]), "{announced:?}");
    Ok(())
}

/// Lets a controller that has just come look at the group twice.
async fn passes(demo: &Demo) -> Result<()> {
    wait::succeeds(DEADLINE, "passes of the next controller", async || {
        demo.touch().await?;
        let passes = demo.controller.passes().await?;
        ensure!(passes >= 3, "{passes} passes");
        Ok(())
    })
    .await
}
