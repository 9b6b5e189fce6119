//! Leader election with a `Lease`: of several controllers one acts.
//!
//! As client-go does it: the lease is written only with the resource version that was read, and a lease of
//! somebody else counts as abandoned when it has not changed for its duration *by our own monotonic clock*,
//! since clocks of machines may differ by hours. Who cannot renew in time stops acting before anybody else may
//! begin.
//! See <https://pkg.go.dev/k8s.io/client-go/tools/leaderelection>.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

/// How long a lease holds without being renewed.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long the leader tries to renew before it gives up.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How long to wait between two tries.
const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// One candidate for one lease.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    identity: String,
    observed: Option<Observed>,
}

/// A lease as it was seen last, and since when it has looked so.
struct Observed {
    resource_version: Option<String>,
    since: Instant,
}

/// What a lease says to a candidate.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is ours, or nobody's.
    Take,
    /// Somebody else holds it.
    Wait,
}

impl Elector {
    /// A candidate of that identity, which must be unique.
    #[must_use]
    pub fn new(api: Api<Lease>, name: &str, identity: &str) -> Self {
        Self { api, name: name.to_owned(), identity: identity.to_owned(), observed: None }
    }

    /// Waits until the lease is ours.
    pub async fn acquire(&mut self) {
        loop {
            match timeout(RENEW_DEADLINE, self.try_take()).await {
                Ok(Ok(true)) => {
                    info!(lease = self.name, identity = self.identity, "leading");
                    return;
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => debug!(%error, "the lease cannot be had"),
                Err(_) => debug!("the API server does not answer"),
            }
            sleep(RETRY_PERIOD).await;
        }
    }

    /// Renews the lease until that fails for too long; then nobody may act under it any more.
    pub async fn hold(&mut self) {
        let mut renewed = Instant::now();
        loop {
            sleep(RETRY_PERIOD).await;
            let left = RENEW_DEADLINE.saturating_sub(renewed.elapsed());
            let begun = Instant::now();
            match timeout(left, self.try_take()).await {
                Ok(Ok(true)) => renewed = begun,
                Ok(Ok(false)) => {
                    warn!(lease = self.name, "somebody else leads");
                    return;
                }
                Ok(Err(error)) => warn!(%error, "the lease cannot be renewed"),
                Err(_) => warn!("the API server does not answer"),
            }
            if renewed.elapsed() >= RENEW_DEADLINE {
                warn!(lease = self.name, "the lease was not renewed in time");
                return;
            }
        }
    }

    /// Gives the lease back, so that the next one need not wait for its end. Failing is no harm.
    pub async fn release(&mut self) {
        let Ok(Some(mut lease)) = self.api.get_opt(&self.name).await else { return };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return;
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        if let Err(error) = self.api.replace(&self.name, &PostParams::default(), &lease).await {
            debug!(%error, "the lease cannot be given back");
        }
    }

    /// Takes or renews the lease if that is allowed.
    async fn try_take(&mut self) -> kube::Result<bool> {
        let now = Timestamp::now();
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.spec(None, now)),
            };
            return taken(self.api.create(&PostParams::default(), &lease).await);
        };
        if self.verdict(&lease, Instant::now()) == Verdict::Wait {
            return Ok(false);
        }
        lease.spec = Some(self.spec(lease.spec.as_ref(), now));
        taken(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    fn verdict(&mut self, lease: &Lease, now: Instant) -> Verdict {
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        if holder.is_empty() || holder == self.identity {
            return Verdict::Take;
        }
        let resource_version = lease.metadata.resource_version.clone();
        match &self.observed {
            Some(observed) if observed.resource_version == resource_version => {
                let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
                let duration =
                    seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
                let held = duration.unwrap_or(LEASE_DURATION);
                if now.duration_since(observed.since) > held { Verdict::Take } else { Verdict::Wait }
            }
            _ => {
                self.observed = Some(Observed { resource_version, since: now });
                Verdict::Wait
            }
        }
    }

    /// The lease as we write it; times are for people, nobody decides by them.
    fn spec(&self, former: Option<&LeaseSpec>, now: Timestamp) -> LeaseSpec {
        let is_ours =
            former.is_some_and(|former| former.holder_identity.as_deref() == Some(self.identity.as_str()));
        let transitions = former.and_then(|former| former.lease_transitions).unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
            acquire_time: former
                .filter(|_| is_ours)
                .and_then(|former| former.acquire_time.clone())
                .or(Some(MicroTime(now))),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(transitions.saturating_add(i32::from(!is_ours))),
            ..LeaseSpec::default()
        }
    }
}

/// Whether a write of the lease was ours; losing the race is no error.
fn taken(written: kube::Result<Lease>) -> kube::Result<bool> {
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elector() -> Elector {
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let client = kube::Client::try_from(config).unwrap();
        Elector::new(Api::namespaced(client, "here"), "lease", "me")
    }

    fn lease(holder: &str, version: &str) -> Lease {
        Lease {
            metadata: ObjectMeta { resource_version: Some(version.to_owned()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: Some(15),
                // A clock that is hours off decides nothing.
                renew_time: Some(MicroTime(Timestamp::UNIX_EPOCH)),
                ..LeaseSpec::default()
            }),
        }
    }

    #[tokio::test]
    async fn a_lease_that_changes_is_left_to_its_holder_whatever_its_times_say() {
        let mut elector = elector();
        let start = Instant::now();
        for second in 0..60 {
            let renewed = lease("other", &(second / 10).to_string());
            assert_eq!(elector.verdict(&renewed, start + Duration::from_secs(second)), Verdict::Wait);
        }
    }

    #[tokio::test]
    async fn a_lease_that_stands_still_for_its_duration_is_taken() {
        let mut elector = elector();
        let start = Instant::now();
        let abandoned = lease("other", "1");
        assert_eq!(elector.verdict(&abandoned, start), Verdict::Wait);
        assert_eq!(elector.verdict(&abandoned, start + Duration::from_secs(15)), Verdict::Wait);
        assert_eq!(elector.verdict(&abandoned, start + Duration::from_secs(16)), Verdict::Take);
    }

    #[tokio::test]
    async fn a_lease_of_nobody_or_of_ourselves_is_taken_at_once() {
        let mut elector = elector();
        assert_eq!(elector.verdict(&lease("", "1"), Instant::now()), Verdict::Take);
        assert_eq!(elector.verdict(&lease("me", "1"), Instant::now()), Verdict::Take);
    }

    #[tokio::test]
    async fn only_a_change_of_holder_counts_as_a_transition() {
        let elector = elector();
        let transitions =
            |former: &Lease| elector.spec(former.spec.as_ref(), Timestamp::now()).lease_transitions;
        assert_eq!(transitions(&lease("other", "1")), Some(1));
        assert_eq!(transitions(&lease("me", "1")), Some(0));
    }
}
