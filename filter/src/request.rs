//! One request: read the head, let the program decide, do what it says.

use crate::configured::Configured;
use crate::head::HostHead;
use crate::host::{Host, now_ms};
use lane::outcome::Edit;

/// Name of the filter state that holds the lane: `%FILTER_STATE(wasm.lane:PLAIN)%` in access logs.
const LANE_PROPERTY: &str = "lane";

/// Runs the program on the request that the host is working on. `draw` is asked at most once.
pub(crate) fn handle(configured: &Configured, host: &impl Host, draw: impl FnOnce() -> u64) {
    let program = &configured.program;
    let now = if program.needs_time() { now_ms(host) } else { 0 };
    let head = HostHead::new(host);
    let outcome = program.on_request(&head, now, draw());
    for edit in &outcome.edits {
        match edit {
            Edit::Set { name, value } => host.set_header(name, value),
            Edit::Remove { name } => host.remove_header(name),
        }
    }
    if let Some(lane) = outcome.lane {
        host.set_property(LANE_PROPERTY, lane.as_str().as_bytes());
    }
    for counter in outcome.counters.iter() {
        configured.count(host, counter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configured::Vm;
    use crate::host::fake::FakeHost;

    const ENTRY: &str = r#"{"version": 1, "generation": 3, "group": "shop", "role": "entry",
        "workload": "gateway", "laneHeader": "x-lane", "baggage": "lane",
        "lanes": [{"name": "gray", "rules": [{"name": "r", "match": {"header": {"name": "x-gray"}}}]}]}"#;

    fn request(headers: &[(&str, &[u8])]) -> FakeHost {
        let host = FakeHost::default();
        host.headers.borrow_mut().extend(headers.iter().map(|(n, v)| ((*n).to_owned(), v.to_vec())));
        let configured = Configured::new(&mut Vm::default(), &host, ENTRY.as_bytes()).unwrap();
        handle(&configured, &host, || 0);
        host
    }

    #[test]
    fn a_request_of_a_lane_is_stamped_marked_and_counted() {
        let host = request(&[("x-gray", b"1")]);
        assert_eq!(host.header("x-lane").as_deref(), Some(&b"gray"[..]));
        assert_eq!(host.header("baggage").as_deref(), Some(&b"lane=gray"[..]));
        assert_eq!(host.properties.borrow()["lane"], b"gray");
        let metrics = host.process.metrics.borrow();
        assert_eq!(metrics["role=.=entry;.;lane=.=gray;.;rule=.=r;.;graylane_requests_total"], 1);
    }

    #[test]
    fn a_request_without_a_lane_is_left_alone_at_the_cost_of_two_probes() {
        let host = request(&[("x-other", b"\xff\x00")]);
        assert_eq!(host.header_reads.get(), 2);
        assert_eq!(host.headers.borrow().len(), 1);
        assert!(host.properties.borrow().is_empty());
    }

    #[test]
    fn a_bad_configuration_is_refused_and_counted() {
        let host = FakeHost::default();
        assert!(Configured::new(&mut Vm::default(), &host, b"{").is_none());
        assert_eq!(host.process.metrics.borrow()["graylane_bad_configs_total"], 1);
    }
}
