//! The generation of a group's rules: its number, what it says, and whether the proxies run it.

use std::time::Duration;

use envoy_config::istio::input::Input;
use envoy_config::istio::{GenerateError, generate};
use jiff::Timestamp;
use lane::model::{LaneGroupStatus, ObjectCondition, ProxyCount};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{Pass, ReconcileError, gateways, memory};
use crate::cluster::conditions::{self, Draft, PROGRAMMED};
use crate::cluster::dereference::Proxy;

impl Pass<'_> {
    /// The status with the generation that the rules of now have: a new number where they say something new.
    pub(super) async fn next_generation(
        &mut self,
        digest: String,
        proxies: &[Proxy],
        status: LaneGroupStatus,
    ) -> Result<LaneGroupStatus, ReconcileError> {
        if digest == status.rules_digest {
            return Ok(status);
        }
        let rules_generation = match status.rules_generation {
            // A group that was removed and made anew must not repeat numbers that proxies have seen. Versions
            // grow with every write, of this group too, and unlike a clock they are the same for all controllers.
            0 => memory::version(self.group).unwrap_or(1),
            last => last.saturating_add(1),
        };
        // The receipts of the former generation say nothing of this one, nor does who could not be asked then:
        // a successor that finds this status must not take it for followed.
        let total = u32::try_from(proxies.len()).unwrap_or(u32::MAX);
        let proxies = ProxyCount { ready: 0, total, unverified: 0 };
        let in_force = status.accepted.as_ref().map(|accepted| accepted.generation);
        let conditions = self.conditions_with(conditions::by_receipts(proxies), in_force);
        let rules_since = Some(Timestamp::now());
        let next = LaneGroupStatus {
            rules_generation,
            rules_digest: digest,
            rules_since,
            proxies,
            conditions,
            ..status
        };
        self.put_group(&next).await?;
        Ok(next)
    }

    /// For how long all proxies have run what is in force.
    pub(super) fn followed(&self, status: &LaneGroupStatus) -> Option<Duration> {
        let do_follow = has_followed(status.proxies);
        self.ctx.memory.followed(self.group, status.rules_generation, do_follow, Instant::now())
    }

    /// The conditions as they stand, but for `Programmed`.
    fn conditions_with(&self, programmed: Draft, generation: Option<i64>) -> Vec<ObjectCondition> {
        let mut conditions = self.status().conditions;
        let timed = conditions::timed([(programmed, generation)], &conditions, Timestamp::now());
        conditions.retain(|condition| condition.kind != PROGRAMMED);
        conditions.extend(timed);
        conditions
    }
}

/// Whether every proxy that can be asked runs the newest rules; those that cannot are told in `Programmed`, and
/// must not hold up the rest for ever.
pub(super) fn has_followed(ProxyCount { ready, total, unverified }: ProxyCount) -> bool {
    ready.saturating_add(unverified) >= total
}

/// What the objects of a group say, but for their generation.
pub(super) fn digest(input: &Input) -> Result<String, GenerateError> {
    let input = Input { generation: 0, ..input.clone() };
    let mut hasher = Sha256::new();
    for object in generate(&input)?.objects.iter().chain(&gateways::of_group(&input)?) {
        hasher.update(object.manifest().to_string());
    }
    Ok(hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}
