//! What the filter asks of its host, so that all but the bindings runs and is tested natively.
//!
//! Nothing here can fail loudly: a call that the host refuses returns `None`, `false` or nothing, since
//! there is no refusal for which a request should suffer.

#[cfg(test)]
pub(crate) mod fake;

/// The request at hand.
pub trait RequestHost {
    /// Whether the request has header `name`, lower case. Cheap where it has not.
    fn has_header(&self, name: &str) -> bool;

    /// All header lines in the form of the ABI; see [`crate::lines::Lines`].
    fn headers(&self) -> Option<Vec<u8>>;

    /// A property of the stream; the parts of `path` are separated by NUL.
    fn property(&self, path: &str) -> Option<Vec<u8>>;

    /// Replaces all lines of header `name` by one, or adds it.
    fn set_header(&self, name: &str, value: &[u8]);

    /// Removes all lines of header `name`.
    fn remove_header(&self, name: &str);

    /// Makes the lane known to access logs, as filter state `wasm.lane`.
    fn set_lane(&self, lane: &str);

    /// Makes the fault known to access logs, as filter state `wasm.fault`.
    fn set_fault(&self, fault: &str);
}

/// The response at hand.
pub trait ResponseHost {
    /// Adds a line of header `name`.
    fn add_response_header(&self, name: &str, value: &[u8]);

    /// Replaces all lines of header `name` by one, or adds it.
    fn set_response_header(&self, name: &str, value: &[u8]);
}

/// Number of a metric in one VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricId(pub u32);

/// Envoy's statistics.
pub trait MetricsHost {
    /// Defines the counter of that name, or finds it.
    fn define_counter(&self, name: &str) -> Option<MetricId>;

    /// Defines the gauge of that name, or finds it.
    fn define_gauge(&self, name: &str) -> Option<MetricId>;

    /// Adds one to a counter.
    fn increment(&self, metric: MetricId);

    /// Sets a gauge.
    fn record(&self, metric: MetricId, value: u64);
}

/// A shared value and its version, by which compare-and-set knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The value; empty when it was blanked, since there is no deletion.
    pub value: Vec<u8>,
    /// Changes with every write.
    pub cas: u32,
}

/// A version that no value has, since versions count up from 1: with it, a write succeeds only if the key
/// does not exist.
pub const ABSENT: u32 = u32::MAX;

/// Values that all VMs of the process share.
pub trait SharedHost {
    /// The value of `key`; `None` when it was never written.
    fn shared(&self, key: &str) -> Option<Versioned>;

    /// Writes `key` if its version is still `cas`, and says whether it did. A key that does not exist is
    /// created whatever `cas` says; 0 writes in any case.
    fn set_shared(&self, key: &str, value: &[u8], cas: u32) -> bool;
}

/// The time.
pub trait Clock {
    /// Nanoseconds since 1970; 0 when the host does not know.
    fn now_ns(&self) -> u64;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64 {
        self.now_ns() / 1_000_000
    }
}
