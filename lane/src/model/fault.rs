//! Faults: which requests suffer which delay, abort or throttle, and until when.

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::lane::timestamp;
use crate::duration::Milliseconds;
use crate::fault::{Abort, FaultScope, Shape, Wait};
use crate::name::{GroupName, HeaderName, ServiceName, WorkloadName};
use crate::percent::Percent;

/// A fault that is injected on purpose.
///
/// A request suffers it when everything that is said of its scope holds and the draw hits it. At most one fault is
/// injected into a request at one place; among several, they are tried in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LaneFaultSpec {
    /// The lane group that the fault belongs to.
    pub group: GroupName,
    /// The lane of the requests, `baseline` for those without one; all requests where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<FaultScope>,
    /// Who sends the requests: a service of the group, or the name of an entry; anybody where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<WorkloadName>,
    /// The service that the requests are for.
    pub to: ServiceName,
    /// What must hold of the request beside that; nothing more where nothing is said.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Share of the requests in scope that suffer.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub percent: Percent,
    /// Where it is injected.
    #[serde(default, skip_serializing_if = "At::is_callee")]
    pub at: At,
    /// How long a request waits before it goes on, or is aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// What a request is answered with instead of being served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
    /// How fast the body of the answer flows, in KiB per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub throughput_kib_per_second: Option<u32>,
    /// Header whose value decides whether a request suffers: the same value, the same verdict. Where nothing is said,
    /// or the request lacks it, the trace id decides, else `x-request-id`, else each request is drawn anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<HeaderName>,
    /// Whether each attempt of a retried request is drawn by itself; all attempts share one verdict otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub per_attempt: bool,
    /// Another seed picks other requests; with the same one the same requests suffer again.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "schema", schemars(range(max = 4_294_967_295_u32)))]
    pub seed: u32,
    /// End of the fault, RFC 3339 with offset (`2026-12-01T18:00:00Z`); the filter itself keeps it.
    #[serde(deserialize_with = "end")]
    pub expires: jiff::Timestamp,
}

/// Where a fault is injected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum At {
    /// In front of the application that is called: its callers' timeouts and retries are what they are otherwise.
    #[default]
    Callee,
    /// Behind the application that calls, or at the gateway: nothing is sent, and the proxy there retries nothing.
    Caller,
}

impl At {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_callee(&self) -> bool {
        *self == Self::Callee
    }
}

/// How long a request waits: one of `fixed`, `uniform` and `normal`, with or without jitter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delay {
    /// Always the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Milliseconds>,
    /// Anything between two durations, each as likely as the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uniform: Option<Uniform>,
    /// Around a mean, as a bell curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal: Option<Normal>,
    /// Up to so much more or less, each as likely as the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Milliseconds>,
}

impl Delay {
    /// The delay as the filter knows it; `None` unless it has exactly one shape.
    #[must_use]
    pub fn wait(&self) -> Option<Wait> {
        let shape = match (self.fixed, self.uniform, self.normal) {
            (Some(fixed), None, None) => Shape::Uniform { from: fixed.get(), to: fixed.get() },
            (None, Some(Uniform { from, to }), None) => Shape::Uniform { from: from.get(), to: to.get() },
            (None, None, Some(Normal { mean, deviation })) => {
                Shape::Normal { mean: mean.get(), deviation: deviation.get() }
            }
            _ => return None,
        };
        Some(Wait { shape, jitter_ms: self.jitter.map_or(0, Milliseconds::get) })
    }
}

/// A uniform distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Uniform {
    /// The shortest.
    pub from: Milliseconds,
    /// The longest.
    pub to: Milliseconds,
}

/// A normal distribution, cut off at six deviations and at zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Normal {
    /// The mean.
    pub mean: Milliseconds,
    /// The standard deviation.
    pub deviation: Milliseconds,
}

/// The faults of a group, as a switch of the group: without it no proxy has a place for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Faults {
    /// The most requests that suffer at one proxy at the same time; the others pass unharmed.
    #[serde(default = "default_max_active")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub max_active: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Self { max_active: default_max_active() }
    }
}

/// The most requests that suffer at one proxy at the same time where the group says nothing.
pub const DEFAULT_MAX_ACTIVE: u32 = 100;

fn default_max_active() -> u32 {
    DEFAULT_MAX_ACTIVE
}

fn all() -> Percent {
    Percent::ALL
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_all(percent: &Percent) -> bool {
    *percent == Percent::ALL
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(seed: &u32) -> bool {
    *seed == 0
}

/// Reads the end, which has to be there.
fn end<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<jiff::Timestamp, D::Error> {
    let expected = "an end is required, such as 2026-12-01T18:00:00Z";
    timestamp(deserializer)?.ok_or_else(|| serde::de::Error::custom(expected))
}
