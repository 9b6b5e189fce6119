//! What a fault does to a request, and by which draw.
//!
//! Everything follows from a hash of seed, fault and key, so that the same requests suffer in the same way again.
//! The hash and the distributions are integers only: every build, native or Wasm, draws alike.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh64::Xxh64;

use crate::head::RequestHead;
use crate::model::group::DEFAULT_TRACE_HEADERS;
use crate::name::{BASELINE, FaultName, GroupName, HeaderName, InvalidName, LaneName};
use crate::trace_id::TraceId;

/// Header that tells Envoy's fault filter to wait so many milliseconds.
///
/// All of them: <https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/fault_filter>.
pub const DELAY_HEADER: &str = "x-envoy-fault-delay-request";
/// Header that tells it to answer with this status.
pub const ABORT_HEADER: &str = "x-envoy-fault-abort-request";
/// Header that tells it to answer with this gRPC status.
pub const GRPC_ABORT_HEADER: &str = "x-envoy-fault-abort-grpc-request";
/// Header that tells it to slow the answer's body down to so many KiB per second.
pub const THROUGHPUT_HEADER: &str = "x-envoy-fault-throughput-response";
/// Header without which Envoy's fault filter does nothing: which group's filter has set the others.
pub const GROUP_HEADER: &str = "x-graylane-fault";
/// Header by which a proxy says whose requests it sends.
pub const CALLER_HEADER: &str = "x-graylane-caller";
/// Number of a request's attempt, counted by the caller's proxy from 1.
pub const ATTEMPT_HEADER: &str = "x-envoy-attempt-count";

/// The headers that no application and no further hop may see.
pub const HEADERS: [&str; 6] =
    [DELAY_HEADER, ABORT_HEADER, GRPC_ABORT_HEADER, THROUGHPUT_HEADER, GROUP_HEADER, CALLER_HEADER];

/// The longest delay: a stream that is idle for five minutes is ended by Envoy, and by Istio's defaults.
pub const MAX_DELAY_MS: u64 = 240_000;

/// The most faults of one group.
pub const MAX_FAULTS: usize = 64;

/// What the hashed bytes start with, so that another definition can never be taken for this one.
const DOMAIN: &[u8] = b"graylane/fault/1\0";

/// The lane of requests that suffer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FaultScope {
    /// Requests of this lane.
    Lane(LaneName),
    /// Requests without a lane.
    Baseline,
}

impl TryFrom<String> for FaultScope {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        if text == BASELINE { Ok(Self::Baseline) } else { LaneName::try_from(text).map(Self::Lane) }
    }
}

impl std::str::FromStr for FaultScope {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::try_from(text.to_owned())
    }
}

impl From<FaultScope> for String {
    fn from(scope: FaultScope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for FaultScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lane(lane) => lane.as_str(),
            Self::Baseline => BASELINE,
        })
    }
}

/// What a request is answered with instead of being served. A plain request gets the HTTP status of a gRPC status
/// ([`http_status`]), and a gRPC request the gRPC status of an HTTP status, by Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Abort {
    /// An HTTP status, 200 to 599.
    Http(u16),
    /// A gRPC status, 1 to 16, in a response of headers only.
    Grpc(u8),
}

/// The HTTP status of a gRPC status (<https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>).
#[must_use]
pub fn http_status(grpc: u8) -> u16 {
    match grpc {
        1 => 499,
        3 | 9 | 11 => 400,
        4 => 504,
        5 => 404,
        6 | 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        _ => 500,
    }
}

/// How long a request waits, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// What it is around.
    pub shape: Shape,
    /// Up to so much more or less.
    #[serde(default)]
    pub jitter_ms: u64,
}

/// A distribution of delays, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shape {
    /// Between the two, both included; a fixed delay has them equal.
    Uniform {
        /// The shortest.
        from: u64,
        /// The longest.
        to: u64,
    },
    /// A bell curve.
    Normal {
        /// The mean.
        mean: u64,
        /// The standard deviation.
        deviation: u64,
    },
}

impl Shape {
    /// The least and the most that can come of it.
    #[must_use]
    pub fn bounds(self) -> (u64, u64) {
        match self {
            Self::Uniform { from, to } => (from, to),
            Self::Normal { mean, deviation } => {
                let reach = deviation.saturating_mul(6);
                (mean.saturating_sub(reach), mean.saturating_add(reach))
            }
        }
    }
}

/// The random numbers of one fault for one request: a hash of what they stand for, so that they are the same again.
#[derive(Clone, Copy, Debug)]
pub struct Draws<'a> {
    /// The seed of the fault.
    pub seed: u32,
    /// The fault.
    pub fault: &'a FaultName,
    /// What the verdict hangs on.
    pub key: &'a [u8],
    /// The attempt, where each is drawn by itself; empty otherwise.
    pub attempt: &'a [u8],
}

impl Draws<'_> {
    /// The `n`th number, uniform over all 64 bits: XXH64 with seed `n` over the domain, the fault's seed as eight
    /// bytes, lowest first, its name, NUL, the attempt, NUL and the key.
    #[must_use]
    pub fn number(&self, n: u64) -> u64 {
        let mut hash = Xxh64::new(n);
        hash.update(DOMAIN);
        hash.update(&u64::from(self.seed).to_le_bytes());
        hash.update(self.fault.as_str().as_bytes());
        hash.update(b"\0");
        hash.update(self.attempt);
        hash.update(b"\0");
        hash.update(self.key);
        hash.digest()
    }

    /// How long the request waits, by the numbers from 1 on; at most [`MAX_DELAY_MS`].
    #[must_use]
    pub fn delay_ms(&self, wait: Wait) -> u64 {
        let base = match wait.shape {
            Shape::Uniform { from, to } => between(from, to, self.number(1)),
            Shape::Normal { mean, deviation } => self.around(mean, deviation),
        };
        let swing = between(0, wait.jitter_ms.saturating_mul(2), self.number(2));
        base.saturating_add(swing).saturating_sub(wait.jitter_ms).min(MAX_DELAY_MS)
    }

    /// A number around `mean` by the sum of twelve uniform numbers of 16 bits, whose variance is one in units of
    /// 65,536: close to a bell curve, and without fractions.
    fn around(&self, mean: u64, deviation: u64) -> u64 {
        let parts = [3, 4, 5].map(|n| self.number(n).to_le_bytes());
        let pairs = parts.iter().flat_map(|bytes| bytes.chunks_exact(2));
        let sum: i128 = pairs
            .map(|pair| pair.iter().rev().fold(0_i128, |number, byte| number << 8 | i128::from(*byte)))
            .fold(0, i128::saturating_add);
        // Twelve times the mean of one, 32,767.5.
        let swing = sum.saturating_sub(393_210).saturating_mul(i128::from(deviation)) >> 16;
        u64::try_from(i128::from(mean).saturating_add(swing)).unwrap_or(0)
    }
}

/// A number from `from` to `to`, both included, by a uniform number.
fn between(from: u64, to: u64, number: u64) -> u64 {
    let width = u128::from(to.saturating_sub(from)).saturating_add(1);
    let offset = u128::from(number).saturating_mul(width) >> 64;
    from.saturating_add(u64::try_from(offset).unwrap_or(0))
}

/// The headers that tell a request's trace, else the request, in the order in which they are asked.
#[must_use]
pub fn trace_headers() -> [HeaderName; 4] {
    DEFAULT_TRACE_HEADERS.map(HeaderName::constant)
}

/// What a verdict hangs on: the configured header, else the first id in `traces`; else `None`.
#[must_use]
pub fn key<'h>(
    header: Option<&HeaderName>,
    traces: &[HeaderName],
    group: (Option<&str>, &GroupName),
    head: &'h impl RequestHead,
) -> Option<Cow<'h, [u8]>> {
    if let Some(value) = header.and_then(|header| head.header(header.as_str())) {
        return Some(value);
    }
    traces.iter().find_map(|name| {
        let value = head.header(name.as_str())?;
        let id = TraceId::read(name, &value)?;
        Some(id.key(group.0, group.1).0.to_le_bytes().to_vec().into())
    })
}

#[cfg(test)]
mod tests;
