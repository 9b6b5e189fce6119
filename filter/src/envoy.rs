//! The host as Envoy implements it.

use crate::abi::{self, MetricKind};
use crate::host::{Clock, MetricId, MetricsHost, RequestHost, ResponseHost, SharedHost, Versioned};

/// Envoy, in the context of the callback that is running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envoy;

impl RequestHost for Envoy {
    fn has_header(&self, name: &str) -> bool {
        abi::request_header(name).is_ok()
    }

    fn headers(&self) -> Option<Vec<u8>> {
        abi::request_headers().ok()
    }

    fn property(&self, path: &str) -> Option<Vec<u8>> {
        abi::property(path).ok()
    }

    fn set_header(&self, name: &str, value: &[u8]) {
        // The request goes on as it is when Envoy refuses.
        let _ = abi::set_request_header(name, value);
    }

    fn remove_header(&self, name: &str) {
        let _ = abi::remove_request_header(name);
    }

    fn set_lane(&self, lane: &str) {
        let _ = abi::set_property("lane", lane.as_bytes());
    }

    fn set_fault(&self, fault: &str) {
        let _ = abi::set_property("fault", fault.as_bytes());
    }
}

impl ResponseHost for Envoy {
    fn add_response_header(&self, name: &str, value: &[u8]) {
        // The response goes on as it is when Envoy refuses.
        let _ = abi::add_response_header(name, value);
    }

    fn set_response_header(&self, name: &str, value: &[u8]) {
        let _ = abi::set_response_header(name, value);
    }
}

impl MetricsHost for Envoy {
    fn define_counter(&self, name: &str) -> Option<MetricId> {
        abi::define_metric(MetricKind::Counter, name).ok().map(MetricId)
    }

    fn define_gauge(&self, name: &str) -> Option<MetricId> {
        abi::define_metric(MetricKind::Gauge, name).ok().map(MetricId)
    }

    fn increment(&self, metric: MetricId) {
        // A metric that Envoy does not know is not worth a request.
        let _ = abi::increment_metric(metric.0);
    }

    fn record(&self, metric: MetricId, value: u64) {
        let _ = abi::record_metric(metric.0, value);
    }
}

impl SharedHost for Envoy {
    fn shared(&self, key: &str) -> Option<Versioned> {
        let (value, cas) = abi::shared_data(key).ok()?;
        Some(Versioned { value, cas })
    }

    fn set_shared(&self, key: &str, value: &[u8], cas: u32) -> bool {
        abi::set_shared_data(key, value, cas).is_ok()
    }
}

impl Clock for Envoy {
    fn now_ns(&self) -> u64 {
        abi::now_ns().unwrap_or_default()
    }
}
