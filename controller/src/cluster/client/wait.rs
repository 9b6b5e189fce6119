//! Waiting for a goal: the status is read again and again, also through an API server that is away for a while.

use std::time::Duration;

use kube::ResourceExt as _;
use lane::model::ProxyCount;
use lane::name::GroupName;
use tokio::time::{Instant, sleep};

use super::{Cluster, Demand, Error, Goal, Progress, Result};

/// Pause between two readings.
const POLL: Duration = Duration::from_millis(500);

impl Cluster {
    /// Waits until `goal` is reached in a group; returns how many proxies have followed.
    ///
    /// # Errors
    /// The lane is refused, or the goal is not reached within `timeout`: then it is said what lags.
    pub async fn wait(
        &self,
        group: &GroupName,
        goal: Goal<'_>,
        demand: Demand,
        timeout: Duration,
    ) -> Result<ProxyCount> {
        let deadline = Instant::now() + timeout;
        loop {
            let lagging = match self.progress(group, goal, demand).await {
                Ok(Progress::Done(proxies)) => return Ok(proxies),
                Ok(Progress::Refused(reasons)) => return Err(Error::NotAccepted(reasons)),
                Ok(Progress::Lagging(lagging)) => Ok(lagging),
                Err(error) if error.may_pass() => Err(error),
                Err(error) => return Err(error),
            };
            if Instant::now() >= deadline {
                let what = format!("not everything follows group {group} within {timeout:?}");
                return Err(Error::TimedOut { what, lagging: self.with_proxies(group, lagging?).await });
            }
            sleep(POLL.min(deadline.saturating_duration_since(Instant::now()))).await;
        }
    }

    async fn progress(&self, group: &GroupName, goal: Goal<'_>, demand: Demand) -> Result<Progress> {
        let group = self.group(Some(group)).await?;
        let lanes = match goal {
            Goal::Group => self.lanes_of(&group).await?,
            Goal::Lane(name) | Goal::Gone(name) => self.lane(name).await?.into_iter().collect(),
            Goal::Stopped(_) => Vec::new(),
            Goal::Fault(name) => {
                let faults = self.faults_of(&group).await?;
                let fault = faults.iter().find(|fault| fault.name_any() == name.as_str());
                return Ok(Progress::of_fault(name, fault, demand, &group));
            }
        };
        // A lane that is to be gone and is still there has not even begun to go.
        if let (Goal::Gone(name), [_]) = (goal, lanes.as_slice()) {
            return Ok(Progress::Lagging(vec![format!("lane {name}: it is there still")]));
        }
        Ok(Progress::of(goal, demand, &group, &lanes))
    }

    /// What lags, with the pods that cannot follow at all, as far as whoever asks may see them.
    async fn with_proxies(&self, group: &GroupName, mut lagging: Vec<String>) -> Vec<String> {
        let Ok(group) = self.group(Some(group)).await else { return lagging };
        let Ok(surroundings) = self.surroundings(&group, false).await else { return lagging };
        let Some(reading) = surroundings.read(&group, &[]) else { return lagging };
        lagging.extend(reading.proxies.iter().filter_map(|proxy| {
            let reason = match (proxy.has_proxy, proxy.address) {
                (false, _) => "has no sidecar",
                (true, None) => "has no address yet",
                (true, Some(_)) => return None,
            };
            Some(format!("pod {}: {reason}", proxy.pod))
        }));
        lagging
    }

    /// The name of a group as a type of its own.
    ///
    /// # Errors
    /// The API server has a group whose name is none.
    pub fn name_of(&self, group: &super::LaneGroup) -> Result<GroupName> {
        group.name_any().parse().map_err(|error| Error::Internal(format!("{}: {error}", group.name_any())))
    }
}
