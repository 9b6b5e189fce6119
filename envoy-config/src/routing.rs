//! Routes by lane: the cluster that follows from the lane header, and the retries that make a fallback
//! without a window.
//!
//! A retry goes to another endpoint, first among those that the failed attempt chose from and then among
//! those of the next member of the aggregate: the baseline. What may be retried depends on what has
//! happened to the request:
//!
//! | what happened | methods retried |
//! |---|---|
//! | the connection to the workload failed; the stream was refused | all |
//! | its proxy says that the application could not be reached ([`UNSENT_HEADER`]) | all |
//! | the connection broke before an answer | idempotent ones |
//! | its proxy says that the application broke off ([`UNANSWERED_HEADER`]) | idempotent ones |
//!
//! Envoy keeps a request's body for a retry up to its connection buffer limit (1 MiB): a larger body, or a
//! stream that has grown beyond, is sent once.

use std::collections::BTreeMap;

use lane::name::{HeaderName, LaneName};

use crate::envoy::any::Any;
use crate::envoy::core::{Duration, Extension};
use crate::envoy::matcher::{
    ClusterAction, HeaderMatcher, HttpRequestHeaderMatchInput, MatchMap, Matcher, MatcherClusterSpecifier,
    MatcherTree, OnMatch, RegexMatcher, StringMatcher,
};
use crate::envoy::retry::{PreviousHostsPredicate, PreviousPrioritiesConfig, RetryBackOff, RetryPolicy};
use crate::envoy::route::{ClusterSpecifier, ClusterSpecifierPlugin};
use crate::names::{UNANSWERED_HEADER, UNSENT_HEADER};

/// The methods that RFC 9110, section 9.2.2, calls idempotent.
const IDEMPOTENT_METHODS: &str = "GET|HEAD|OPTIONS|TRACE|PUT|DELETE";

/// Whether a request may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Idempotent methods: yes.
    Idempotent,
    /// All other methods: only when it was not sent at all.
    Other,
}

impl Repeat {
    /// What a route's match needs beside its path, the routes standing in this order.
    pub(crate) fn header_matchers(self) -> Vec<HeaderMatcher> {
        match self {
            Self::Idempotent => {
                let regex = RegexMatcher { regex: IDEMPOTENT_METHODS.to_owned() };
                vec![HeaderMatcher::string(":method", StringMatcher::SafeRegex(regex))]
            }
            Self::Other => Vec::new(),
        }
    }

    /// The retries of a route.
    pub(crate) fn retry_policy(self) -> RetryPolicy {
        let (retry_on, headers) = match self {
            Self::Idempotent => (
                "connect-failure,refused-stream,reset,retriable-headers",
                [UNSENT_HEADER, UNANSWERED_HEADER].as_slice(),
            ),
            Self::Other => (
                "connect-failure,refused-stream,reset-before-request,retriable-headers",
                [UNSENT_HEADER].as_slice(),
            ),
        };
        RetryPolicy {
            retry_on,
            num_retries: 3,
            retriable_headers: headers.iter().map(|name| HeaderMatcher::present(name)).collect(),
            retry_priority: other_priorities(),
            retry_host_predicate: vec![other_hosts()],
            host_selection_retry_max_attempts: 10,
            // Short, since a retry goes to an endpoint that has not failed.
            retry_back_off: RetryBackOff {
                base_interval: Duration::from_millis(1),
                max_interval: Duration::from_millis(10),
            },
        }
    }
}

/// A retry chooses another member of an aggregate once those tried have failed.
pub(crate) fn other_priorities() -> Extension {
    let config = Any::PreviousPrioritiesConfig(PreviousPrioritiesConfig { update_frequency: 2 });
    Extension::new("envoy.retry_priorities.previous_priorities", config)
}

/// A retry chooses another endpoint.
pub(crate) fn other_hosts() -> Extension {
    let config = Any::PreviousHostsPredicate(PreviousHostsPredicate {});
    Extension::new("envoy.retry_host_predicates.previous_hosts", config)
}

/// The cluster of a request: that of its lane, where `lanes` has one, else the baseline's.
///
/// Envoy refuses an empty map, so that a service without lanes has a plain cluster.
pub(crate) fn cluster_by_lane(
    header: &HeaderName,
    lanes: &[(&LaneName, String)],
    baseline: String,
) -> ClusterSpecifier {
    if lanes.is_empty() {
        return ClusterSpecifier::Cluster(baseline);
    }
    let map: BTreeMap<_, _> =
        lanes.iter().map(|(lane, cluster)| (lane.to_string(), choose(cluster.clone()))).collect();
    let input = HttpRequestHeaderMatchInput { header_name: header.to_string() };
    let matcher = Matcher {
        matcher_tree: MatcherTree {
            input: Extension::new("lane-header", Any::HttpRequestHeaderMatchInput(input)),
            exact_match_map: MatchMap { map },
        },
        on_no_match: choose(baseline),
    };
    let config = Any::MatcherClusterSpecifier(MatcherClusterSpecifier { cluster_matcher: matcher });
    ClusterSpecifier::InlineClusterSpecifierPlugin(ClusterSpecifierPlugin {
        extension: Extension::new("envoy.router.cluster_specifier_plugin.matcher", config),
    })
}

fn choose(cluster: String) -> OnMatch {
    OnMatch { action: Extension::new(cluster.clone(), Any::ClusterAction(ClusterAction { cluster })) }
}
