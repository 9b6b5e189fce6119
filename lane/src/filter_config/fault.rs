//! A fault, as the filter needs it.

use serde::{Deserialize, Serialize};

use crate::fault::{Abort, FaultScope, Wait};
use crate::model::Condition;
use crate::name::{FaultName, HeaderName, ServiceName, WorkloadName};
use crate::percent::Percent;

/// One fault that a role injects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultConfig {
    /// Name of the fault.
    pub name: FaultName,
    /// End of the fault, milliseconds since 1970-01-01T00:00:00Z.
    pub expires_ms: u64,
    /// The lane of the requests; all of them where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<FaultScope>,
    /// Who sends the requests, by [`crate::fault::CALLER_HEADER`]; anybody where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<WorkloadName>,
    /// The service that the requests are routed to, by [`crate::head::RequestHead::destination`]; any where nothing
    /// is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ServiceName>,
    /// What must hold of the request beside that.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Share of the requests in scope.
    pub percent: Percent,
    /// Header whose value decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<HeaderName>,
    /// Whether each attempt is drawn by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub per_attempt: bool,
    /// Picks which requests suffer.
    #[serde(default)]
    pub seed: u32,
    /// How long a request waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Wait>,
    /// What a request is answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
    /// How fast the answer's body flows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput_kib_per_second: Option<u32>,
}
