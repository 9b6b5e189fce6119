//! A configuration in force, and what it does with a request.

use std::cell::RefCell;
use std::rc::Rc;

use lane::browser::CookieChange;
use lane::metric::CounterId;
use lane::outcome::Edit;
use lane::program::{Known, Program};

use crate::head::{EnvoyHead, Habit};
use crate::host::{Clock, MetricId, MetricsHost, RequestHost, SharedHost};
use crate::signatures::Checker;
use crate::traces::SharedSlots;
use crate::vm::Vm;

/// A program with what it learns while it runs.
#[derive(Debug)]
pub struct Running {
    program: Program,
    vm: Rc<Vm>,
    habit: Habit,
    /// By [`CounterId`]; `None` until the counter is first needed.
    counters: RefCell<Vec<Option<MetricId>>>,
}

impl Running {
    /// Puts a program in force.
    #[must_use]
    pub fn new(program: Program, vm: Rc<Vm>) -> Self {
        Self { program, vm, habit: Habit::default(), counters: RefCell::default() }
    }

    /// The program in force.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Decides a request and does what was decided; what is left is said by the answer.
    pub fn on_request(
        &self,
        host: &(impl RequestHost + MetricsHost + SharedHost + Clock),
    ) -> Vec<CookieChange> {
        let now_ms = if self.program.needs_time() { host.now_ms() } else { 0 };
        let outcome = {
            let head = EnvoyHead::new(host, &self.habit);
            let known =
                Known { signatures: &Checker::new(&self.vm.signatures, now_ms), traces: &SharedSlots(host) };
            self.program.run(&head, &known, now_ms, self.vm.random.draw())
        };
        for edit in &outcome.edits {
            match edit {
                Edit::Set { name, value } => host.set_header(name, value),
                Edit::Remove { name } => host.remove_header(name),
            }
        }
        if let Some(lane) = outcome.lane {
            host.set_lane(lane.as_str());
        }
        if let Some(fault) = outcome.fault {
            host.set_fault(fault.as_str());
        }
        for counter in outcome.counters.iter() {
            if let Some(metric) = self.metric(host, counter) {
                host.increment(metric);
            }
        }
        outcome.cookies
    }

    /// The number of a counter, which is defined when it is first needed.
    fn metric(&self, host: &impl MetricsHost, counter: CounterId) -> Option<MetricId> {
        let place = usize::try_from(counter.0).ok()?;
        let mut known = self.counters.try_borrow_mut().ok()?;
        if let Some(Some(id)) = known.get(place) {
            return Some(*id);
        }
        let metric = self.program.counter(counter)?;
        let id = self.vm.metrics.try_borrow_mut().ok()?.counter(host, metric)?;
        if known.len() <= place {
            known.resize(place.saturating_add(1), None);
        }
        *known.get_mut(place)? = Some(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configure::compile;
    use crate::host::fake::{FakeHost, Process};

    fn running(role: &str, rest: &str) -> Running {
        let json = format!(
            r#"{{"version": 1, "generation": 7, "group": "shop", "role": "{role}", "workload": "gateway",
                "laneHeader": "x-lane", "strip": ["x-lane"], {rest}
                "lanes": [{{"name": "gray", "here": true,
                    "rules": [{{"name": "g", "match": {{"header": {{"name": "x-gray"}}}}}}]}}]}}"#
        );
        Running::new(compile(json.as_bytes()).unwrap(), Rc::default())
    }

    #[test]
    fn a_request_without_a_lane_is_only_counted() {
        let host = FakeHost::with_headers(&[(":path", "/")]);
        running("entry", "").on_request(&host);
        assert_eq!(*host.headers.borrow(), [(":path".to_owned(), b"/".to_vec())]);
        assert_eq!(*host.lane.borrow(), None);
        let stat = "role=.=entry;.;lane=.=baseline;.;rule=.=none;.;graylane_requests_total";
        assert_eq!(host.process.metric(stat), Some(1));
    }

    #[test]
    fn a_request_with_a_lane_is_stamped_named_and_counted() {
        let (running, process) = (running("entry", ""), Rc::default());
        for _ in 0..3 {
            let host = FakeHost {
                headers: FakeHost::with_headers(&[("x-gray", "1"), ("x-lane", "forged"), ("x-lane", "b")])
                    .headers,
                ..FakeHost::vm(&process)
            };
            running.on_request(&host);
            assert_eq!(host.lines("x-lane"), ["gray"]);
            assert_eq!(host.lane.borrow().as_deref(), Some("gray"));
        }
        let stat = "role=.=entry;.;lane=.=gray;.;rule=.=g;.;graylane_requests_total";
        assert_eq!(process.metric(stat), Some(3));
        assert_eq!(process.metrics_len(), 1);
    }

    #[test]
    fn a_forged_lane_is_removed() {
        let host = FakeHost::with_headers(&[("x-lane", "gray")]);
        running("entry", "").on_request(&host);
        assert!(host.headers.borrow().is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_are_let_through() {
        let host = FakeHost::with_headers(&[]);
        host.headers.borrow_mut().push(("x-gray".to_owned(), (0x80..=0xff).collect()));
        host.headers.borrow_mut().push(("baggage".to_owned(), vec![0xff; 9000]));
        running("entry", r#""baggage": "lane","#).on_request(&host);
        assert_eq!(host.lines("x-lane"), ["gray"]);
    }

    const RECOVERY: &str =
        r#""recovery": {"headers": ["traceparent"], "ttlMs": 30000, "slots": 64}, "baggage": "lane","#;
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// A request on a VM of its own, at a time.
    fn request(process: &Rc<Process>, role: &str, now_ms: u64, lines: &[(&str, &str)]) -> FakeHost {
        process.now_ms.set(now_ms);
        let headers = FakeHost::with_headers(lines).headers;
        let host = FakeHost { headers, ..FakeHost::vm(process) };
        running(role, RECOVERY).on_request(&host);
        host
    }

    #[test]
    fn what_one_role_notes_the_other_finds_on_any_worker() {
        let process = Rc::default();
        let parent = ("traceparent", PARENT);
        request(&process, "inbound", 1_000, &[("x-lane", "gray"), parent]);
        let restored = request(&process, "outbound", 30_000, &[parent]);
        assert_eq!(restored.lines("x-lane"), ["gray"]);
        assert_eq!(restored.lines("baggage"), ["lane=gray"]);
        let late = request(&process, "outbound", 31_000, &[parent]);
        assert_eq!(late.lines("x-lane"), Vec::<String>::new());
        let count = |name: &str| process.metric(&format!("role=.=outbound;.;{name}"));
        assert_eq!(count("lane=.=gray;.;reason=.=trace;.;graylane_restored_total"), Some(1));
        assert_eq!(count("reason=.=missed;.;graylane_traces_total"), Some(1));
    }

    #[test]
    fn a_trace_with_and_without_a_lane_stays_on_the_baseline() {
        let process = Rc::default();
        let parent = ("traceparent", PARENT);
        request(&process, "inbound", 1_000, &[parent]);
        request(&process, "inbound", 1_000, &[("x-lane", "gray"), parent]);
        let sent = request(&process, "outbound", 1_000, &[parent]);
        assert_eq!(*sent.headers.borrow(), [("traceparent".to_owned(), PARENT.into())]);
        for role in ["inbound", "outbound"] {
            let name = format!("role=.={role};.;reason=.=ambiguous;.;graylane_traces_total");
            assert_eq!(process.metric(&name), Some(1), "{role}");
        }
    }

    #[test]
    fn a_fault_is_ordered_named_and_counted() {
        let faults = r#""faults": [{"name": "slow", "expiresMs": 2000, "percent": 100,
            "delay": {"shape": {"uniform": {"from": 5, "to": 5}}}}],"#;
        let running = running("inbound", faults);
        let process = Rc::default();
        for (now_ms, fault) in [(1_999, Some("slow")), (2_000, None)] {
            let headers = FakeHost::with_headers(&[("x-lane", "gray")]).headers;
            let host = FakeHost { headers, ..FakeHost::vm(&process) };
            process.now_ms.set(now_ms);
            running.on_request(&host);
            assert_eq!(host.fault.borrow().as_deref(), fault);
            assert_eq!(host.lines("x-envoy-fault-delay-request"), fault.map_or(vec![], |_| vec!["5"]));
        }
        assert_eq!(process.metric("role=.=inbound;.;fault=.=slow;.;graylane_faults_total"), Some(1));
    }

    #[test]
    fn a_host_that_refuses_everything_harms_nobody() {
        let host = FakeHost { headless: true, ..FakeHost::with_headers(&[("x-gray", "1")]) };
        running("entry", "").on_request(&host);
        assert_eq!(host.lines("x-lane"), Vec::<String>::new());
    }
}
