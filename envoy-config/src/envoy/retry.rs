//! Messages about retries.

use serde::Serialize;

use super::core::{Duration, Extension};
use super::matcher::HeaderMatcher;

/// `envoy.config.route.v3.RetryPolicy`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RetryPolicy {
    pub(crate) retry_on: &'static str,
    pub(crate) num_retries: u32,
    pub(crate) retriable_headers: Vec<HeaderMatcher>,
    pub(crate) retry_priority: Extension,
    pub(crate) retry_host_predicate: Vec<Extension>,
    pub(crate) host_selection_retry_max_attempts: u32,
    pub(crate) retry_back_off: RetryBackOff,
}

/// The one field of a [`RetryPolicy`] that istiod merges into the one that it made.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RetryPriorityPatch {
    pub(crate) retry_priority: Extension,
}

/// `envoy.config.route.v3.RetryPolicy.RetryBackOff`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RetryBackOff {
    pub(crate) base_interval: Duration,
    pub(crate) max_interval: Duration,
}

/// `envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PreviousPrioritiesConfig {
    pub(crate) update_frequency: u32,
}

/// `envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PreviousHostsPredicate {}
