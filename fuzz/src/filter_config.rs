//! The filter's configuration: what is taken is written and taken again alike, and decides within its own lanes.

use lane::filter_config::{FORMAT_VERSION, FilterConfig};
use lane::head::MemoryHead;
use lane::program::Program;

/// Reads a configuration, and runs what can be compiled.
///
/// # Panics
/// It is taken once and not twice, or its program gives a lane that it does not have.
pub fn check(json: &[u8]) {
    let program = match Program::from_json(json) {
        Ok(program) => program,
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            return;
        }
    };
    let config = program.config();
    assert!(config.version <= FORMAT_VERSION);
    let written = serde_json::to_vec(config).expect("a configuration is written");
    let again: FilterConfig = serde_json::from_slice(&written).expect("what is written is read");
    assert_eq!(again, *config);
    let again = Program::compile(again).expect("what was taken is taken again");
    for head in [MemoryHead::default(), tester(config)] {
        for now_ms in [0, 1_800_000_000_000] {
            check_request(&program, &again, &head, now_ms);
        }
    }
}

fn check_request(program: &Program, again: &Program, head: &MemoryHead, now_ms: u64) {
    let outcome = program.on_request(head, now_ms, 0);
    assert_eq!(outcome, again.on_request(head, now_ms, 0));
    if let Some(name) = outcome.lane {
        assert!(program.config().lanes.iter().any(|lane| lane.name == *name), "a lane that there is not");
    }
    assert!(outcome.counters.iter().all(|id| program.counter(id).is_some()), "a counter without a metric");
}

/// A request that says a lane in every way, and a trace.
fn tester(config: &FilterConfig) -> MemoryHead {
    let line = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    MemoryHead {
        headers: vec![
            line(":method", "GET"),
            line(":path", "/cart?lane=gray"),
            line(":authority", "Shop:80"),
            line(config.lane_header.as_str(), "gray"),
            line("x-gray", "1"),
            line("baggage", "a=1,lane=gray"),
            line("cookie", "lane-x=gray; sid=1"),
            line("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ],
        source_address: Some("10.0.0.1:80".to_owned()),
        source_identity: Some("spiffe://cluster.local/ns/shop/sa/a".to_owned()),
        destination: Some("a".to_owned()),
    }
}
