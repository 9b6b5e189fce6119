//! What the filter asks of its host, without panics: everything may fail and says so.

use crate::lines::Lines;

/// The calls into Envoy that the filter makes.
///
/// One implementation per world: Envoy ([`crate::abi`]) and, in tests, a fake.
pub(crate) trait Host {
    /// The first line of a request header; `None` when absent.
    fn header(&self, name: &str) -> Option<Vec<u8>>;
    /// All header lines of the request.
    fn lines(&self) -> Lines;
    /// Replaces all lines of a request header, or adds it.
    fn set_header(&self, name: &str, value: &[u8]);
    /// Removes all lines of a request header.
    fn remove_header(&self, name: &str);
    /// A property of the stream, by the components of its path.
    fn property(&self, path: &[&str]) -> Option<Vec<u8>>;
    /// Sets filter state `wasm.<name>` of the stream.
    fn set_property(&self, name: &str, value: &[u8]);
    /// Defines a metric and returns its id.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<u32>;
    /// Adds one to a counter.
    fn increment(&self, metric: u32);
    /// Sets a gauge.
    fn record(&self, metric: u32, value: u64);
    /// A value that all workers share, with its version for [`Self::set_shared`].
    fn shared(&self, key: &str) -> Option<(Vec<u8>, u32)>;
    /// Sets a shared value if its version is still `version` (0: whatever it is). Returns whether it was set.
    fn set_shared(&self, key: &str, value: &[u8], version: u32) -> bool;
    /// Nanoseconds since 1970; 0 when the host does not tell.
    fn now_nanos(&self) -> u64;
    /// Writes a warning into Envoy's log.
    fn warn(&self, message: &str);
}

/// The kinds of metrics that the filter uses; the numbers are the ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum MetricKind {
    Counter = 0,
    Gauge = 1,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms(host: &impl Host) -> u64 {
    host.now_nanos() / 1_000_000
}

#[cfg(test)]
pub(crate) mod fake;
