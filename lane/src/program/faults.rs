//! Faults: which one a request suffers at this place.
//!
//! The filter decides, and Envoy's own fault filter behind it does what the headers say that are set here.

use super::CounterList;
use crate::fault::{
    ABORT_HEADER, ATTEMPT_HEADER, Abort, CALLER_HEADER, DELAY_HEADER, Draws, FaultScope, GROUP_HEADER,
    GRPC_ABORT_HEADER, MAX_FAULTS, THROUGHPUT_HEADER, http_status, key, trace_headers,
};
use crate::filter_config::{FaultConfig, FilterConfig};
use crate::head::RequestHead;
use crate::metric::{CounterId, FAULTS_TOTAL, Metric};
use crate::name::{HeaderName, LaneName, ServiceName};
use crate::outcome::{Edit, Outcome};
use crate::predicate::Predicate;
use crate::problem::Problem;
use crate::share;

/// The compiled faults of a role.
#[derive(Debug)]
pub(super) struct Faults {
    compiled: Vec<Compiled>,
    traces: [HeaderName; 4],
    /// The group, as Envoy's fault filter knows it.
    group: String,
}

#[derive(Debug)]
struct Compiled {
    predicate: Option<Predicate>,
    counter: CounterId,
}

impl Faults {
    /// Compiles the faults of a configuration; `None` where there are none.
    pub(super) fn compile(
        config: &FilterConfig,
        counters: &mut CounterList,
    ) -> Result<Option<Box<Self>>, Vec<Problem>> {
        if config.faults.is_empty() {
            return Ok(None);
        }
        let mut problems = Vec::new();
        if config.faults.len() > MAX_FAULTS {
            let reason = format!("{} faults are more than {MAX_FAULTS}", config.faults.len());
            problems.push(Problem::error("faults", reason, "stop those that are over"));
        }
        let role = config.role.as_str();
        let mut compiled = Vec::new();
        for (i, fault) in config.faults.iter().enumerate() {
            let path = format!("faults[{i}].match");
            let condition = fault.condition.as_ref();
            let predicate = condition.map(|condition| Predicate::compile(condition, &path, &mut problems));
            let labels = [("role", role), ("fault", fault.name.as_str())];
            let counter = counters.add(Metric::new(FAULTS_TOTAL, labels));
            compiled.push(Compiled { predicate, counter });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Some(Box::new(Self { compiled, traces: trace_headers(), group: config.fault_group() })))
    }

    /// Adds the first fault that hits a request of `lane`.
    pub(super) fn inject<'a>(
        &'a self,
        config: &'a FilterConfig,
        head: &impl RequestHead,
        lane: Option<&LaneName>,
        (now_ms, draw): (u64, u64),
        out: &mut Outcome<'a>,
    ) {
        // The filter of another group at the same place has decided: one fault is enough.
        if head.header(GROUP_HEADER).is_some() {
            return;
        }
        for (fault, compiled) in config.faults.iter().zip(&self.compiled) {
            if now_ms >= fault.expires_ms || !in_scope(fault, compiled, head, lane) {
                continue;
            }
            // A request that nothing tells from others is drawn by the worker's own numbers.
            let group = (config.group_namespace.as_ref().map(AsRef::as_ref), &config.group);
            let drawn = draw.to_le_bytes();
            let key = key(fault.key.as_ref(), &self.traces, group, head).unwrap_or(drawn.as_slice().into());
            let attempt =
                fault.per_attempt.then(|| head.header(ATTEMPT_HEADER)).flatten().unwrap_or_default();
            let draws = Draws { seed: fault.seed, fault: &fault.name, key: &key, attempt: &attempt };
            if share::bucket_of_draw(draws.number(0)) < fault.percent.hundredths() {
                let abort = fault.abort.map(|abort| understood(abort, head));
                self.order(fault, abort, &draws, out);
                out.counters.push(compiled.counter);
                out.fault = Some(&fault.name);
                return;
            }
        }
    }

    /// Tells Envoy's fault filter what to do.
    fn order<'a>(
        &'a self,
        fault: &FaultConfig,
        abort: Option<Abort>,
        draws: &Draws<'_>,
        out: &mut Outcome<'a>,
    ) {
        let mut set = |name: &'static str, value: String| {
            out.edits.push(Edit::Set { name, value: value.into_bytes().into() });
        };
        if let Some(wait) = fault.delay {
            set(DELAY_HEADER, draws.delay_ms(wait).to_string());
        }
        match abort {
            Some(Abort::Http(status)) => set(ABORT_HEADER, status.to_string()),
            Some(Abort::Grpc(status)) => set(GRPC_ABORT_HEADER, status.to_string()),
            None => {}
        }
        if let Some(speed) = fault.throughput_kib_per_second {
            set(THROUGHPUT_HEADER, speed.to_string());
        }
        out.edits.push(Edit::Set { name: GROUP_HEADER, value: self.group.as_bytes().into() });
    }
}

fn in_scope(
    fault: &FaultConfig,
    compiled: &Compiled,
    head: &impl RequestHead,
    lane: Option<&LaneName>,
) -> bool {
    let of_lane = match &fault.lane {
        None => true,
        Some(FaultScope::Baseline) => lane.is_none(),
        Some(FaultScope::Lane(wanted)) => lane == Some(wanted),
    };
    of_lane
        && fault.from.as_ref().is_none_or(|from| is_from(from.as_str(), head))
        && compiled.predicate.as_ref().is_none_or(|predicate| predicate.holds(head, None))
        && fault.to.as_ref().is_none_or(|to| is_for(to, head))
}

/// Whether the caller's proxy names it; it may have several names.
fn is_from(wanted: &str, head: &impl RequestHead) -> bool {
    head.header(CALLER_HEADER)
        .is_some_and(|names| names.split(|byte| *byte == b',').any(|name| name == wanted.as_bytes()))
}

/// Whether the request is routed there; asked last, since it costs more than all headers.
fn is_for(to: &ServiceName, head: &impl RequestHead) -> bool {
    head.destination().is_some_and(|service| *service == *to.as_str().as_bytes())
}

/// The abort as the caller understands it: a gRPC status is for gRPC alone, of which Envoy's fault filter takes no
/// notice. The reverse it does by itself.
fn understood(abort: Abort, head: &impl RequestHead) -> Abort {
    let is_grpc = || {
        let kind = head.header("content-type");
        kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
    };
    match abort {
        Abort::Grpc(status) if !is_grpc() => Abort::Http(http_status(status)),
        abort => abort,
    }
}
