//! Lanes that are about to end, or have ended: what is said of them, and when a group is looked at for it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Resource as _, ResourceExt as _};
use lane::model::LaneSpec;

use super::Pass;
use crate::cluster::conditions::{Draft, ENDING};
use crate::cluster::crd::Lane;
use crate::cluster::queue::Place;
use crate::cluster::world::World;
use crate::ending;

/// How long after the moment itself a pass begins, so that it does not come too early by a hair.
const SLACK: Duration = Duration::from_millis(50);

impl Pass<'_> {
    /// What is to be said of the end of a lane. Where it is new, an event announces it.
    pub(super) async fn ending(&self, lane: &Lane, in_force: &LaneSpec, now: Timestamp) -> Option<Draft> {
        let end = in_force.expires?;
        let said = Draft::ending(&lane.name_any(), end, now)?;
        let conditions = lane.status.iter().flat_map(|status| &status.conditions);
        if !conditions.into_iter().any(|former| said.is_said_by(former)) {
            self.announce(lane, end, &said).await;
        }
        Some(said)
    }

    /// Writes an event whose name says what it is about: who writes it a second time, after a restart or because the
    /// status could not be written, finds it there.
    async fn announce(&self, lane: &Lane, end: Timestamp, said: &Draft) {
        let (uid, reason) = (lane.uid().unwrap_or_default(), said.reason());
        let name = format!("{}.{uid}.{}.{:x}", lane.name_any(), reason.to_lowercase(), end.as_second());
        let reporter = &self.ctx.reporter;
        let event = Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(self.namespace.clone()),
                ..ObjectMeta::default()
            },
            action: Some(ENDING.to_owned()),
            event_time: Some(MicroTime(Timestamp::now())),
            note: Some(said.message().to_owned()),
            reason: Some(reason.to_owned()),
            regarding: Some(lane.object_ref(&())),
            reporting_controller: Some(reporter.controller.clone()),
            reporting_instance: reporter.instance.clone(),
            type_: Some("Normal".to_owned()),
            ..Event::default()
        };
        let events: Api<Event> = Api::namespaced(self.ctx.client.clone(), &self.namespace);
        match events.create(&PostParams::default(), &event).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => tracing::warn!(%error, "an event cannot be written"),
        }
    }
}

/// How long it is until there is something new to say of the end of a lane of a group.
pub fn changes_in(world: &World, group: &Place, now: Timestamp) -> Option<Duration> {
    let lanes = world.lanes.state();
    let of_group = lanes.iter().filter(|lane| {
        lane.namespace().as_deref() == Some(group.namespace.as_str())
            && lane.spec.0.group.as_str() == group.name
    });
    let ends = of_group.flat_map(|lane| {
        let accepted = lane.status.as_ref().and_then(|status| status.accepted.as_ref());
        [Some(&lane.spec.0), accepted.map(|accepted| &accepted.spec)]
    });
    let ends = ends.flatten().filter_map(|spec| spec.expires);
    let next = ends.filter_map(|end| ending::changes_in(end, now)).min()?;
    Some(Duration::try_from(next).unwrap_or_default().saturating_add(SLACK))
}
