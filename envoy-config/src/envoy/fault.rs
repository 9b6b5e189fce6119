//! `envoy.extensions.filters.http.fault.v3`: Envoy's own fault filter, told by headers what to do.

use serde::Serialize;

use super::core::Empty;
use super::matcher::HeaderMatcher;

/// `envoy.extensions.filters.http.fault.v3.HTTPFault`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HttpFault {
    /// Requests without these headers pass.
    pub(crate) headers: Vec<HeaderMatcher>,
    pub(crate) delay: FaultDelay,
    pub(crate) abort: FaultAbort,
    pub(crate) response_rate_limit: FaultRateLimit,
    pub(crate) max_active_faults: u32,
}

/// `envoy.extensions.filters.common.fault.v3.FaultDelay`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FaultDelay {
    pub(crate) header_delay: Empty,
    pub(crate) percentage: FractionalPercent,
}

/// `envoy.extensions.filters.http.fault.v3.FaultAbort`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FaultAbort {
    pub(crate) header_abort: Empty,
    pub(crate) percentage: FractionalPercent,
}

/// `envoy.extensions.filters.common.fault.v3.FaultRateLimit`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FaultRateLimit {
    pub(crate) header_limit: Empty,
    pub(crate) percentage: FractionalPercent,
}

/// `envoy.type.v3.FractionalPercent`, in hundredths.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct FractionalPercent {
    pub(crate) numerator: u32,
}
