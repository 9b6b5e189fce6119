//! Faults as flags: what they do, and to which requests.

use clap::{Args, ValueEnum};
use lane::duration::Milliseconds;
use lane::fault::{Abort, FaultScope};
use lane::model::{At, Delay, LaneFaultSpec, Normal, Uniform};
use lane::name::{GroupName, HeaderName, ServiceName, WorkloadName};
use lane::percent::Percent;

use crate::cli::error::CommandError;
use crate::cli::rule_flags::{RuleFlags, end};

/// What a fault is made of.
#[derive(Debug, Args)]
pub(in crate::cli) struct FaultFlags {
    /// Service that the requests are for
    #[arg(long, value_name = "SERVICE", required_unless_present = "file")]
    to: Option<ServiceName>,
    /// Who sends the requests: a service, or an entry of the group; anybody if not given
    #[arg(long, value_name = "NAME")]
    from: Option<WorkloadName>,
    /// Lane of the requests, or `baseline`; all requests if not given
    #[arg(long, value_name = "LANE")]
    lane: Option<FaultScope>,
    #[command(flatten)]
    rule: RuleFlags,
    /// Share of these requests that suffer, 0.01 to 100
    #[arg(long, value_name = "PERCENT", default_value = "100")]
    percent: Percent,
    /// Let a request wait: 5s; 1s..3s for anything between; 1s~200ms for a bell curve with that deviation
    #[arg(long, value_name = "DELAY", value_parser = delay)]
    delay: Option<Delay>,
    /// Up to so much more or less
    #[arg(long, value_name = "DURATION", requires = "delay")]
    jitter: Option<Milliseconds>,
    /// Answer instead of the service: an HTTP status, or grpc:STATUS by number or name
    #[arg(long, value_name = "STATUS", value_parser = abort)]
    abort: Option<Abort>,
    /// Let the body of the answer flow at this speed, in KiB per second
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..))]
    throughput: Option<u32>,
    /// Where: in front of the service, or behind those who call it
    #[arg(long, value_enum, value_name = "PLACE", default_value_t = Place::Callee)]
    at: Place,
    /// Header whose value decides whether a request suffers; its trace if not given
    #[arg(long, value_name = "HEADER")]
    key: Option<HeaderName>,
    /// Draw each attempt of a retried request by itself
    #[arg(long)]
    per_attempt: bool,
    /// Another one picks other requests, the same one the same again
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u32,
    /// End of the fault: a time or a duration from now, kept by the filter itself
    #[arg(long, value_name = "TIME", value_parser = end, required_unless_present = "file")]
    expires: Option<jiff::Timestamp>,
}

/// The names of [`FaultFlags`] that a file stands in for.
pub(in crate::cli) const NAMES: [&str; 19] = [
    "to",
    "from",
    "lane",
    "headers",
    "cookies",
    "queries",
    "path",
    "method",
    "host",
    "source",
    "any",
    "delay",
    "jitter",
    "abort",
    "throughput",
    "key",
    "per_attempt",
    "expires",
    "group",
];

/// Where a fault is injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Place {
    /// In front of the service: its callers' timeouts and retries are what they are otherwise
    Callee,
    /// Behind those who call it: nothing is sent, and nothing retried
    Caller,
}

impl FaultFlags {
    /// The fault that the flags describe.
    pub(super) fn spec(&self, group: GroupName) -> Result<LaneFaultSpec, CommandError> {
        // Without a file the command line has both.
        let (Some(to), Some(expires)) = (self.to.clone(), self.expires) else {
            return Err(CommandError::usage("give --to and --expires, or a file".to_owned()));
        };
        Ok(LaneFaultSpec {
            group,
            lane: self.lane.clone(),
            from: self.from.clone(),
            to,
            condition: self.rule.rule().map(|rule| rule.condition),
            percent: self.percent,
            at: match self.at {
                Place::Callee => At::Callee,
                Place::Caller => At::Caller,
            },
            delay: self.delay.clone().map(|delay| Delay { jitter: self.jitter, ..delay }),
            abort: self.abort,
            throughput_kib_per_second: self.throughput,
            key: self.key.clone(),
            per_attempt: self.per_attempt,
            seed: self.seed,
            expires,
        })
    }
}

fn delay(text: &str) -> Result<Delay, String> {
    let part = |text: &str| text.parse::<Milliseconds>().map_err(|error| error.to_string());
    let nothing = Delay { fixed: None, uniform: None, normal: None, jitter: None };
    if let Some((from, to)) = text.split_once("..") {
        let uniform = Some(Uniform { from: part(from)?, to: part(to)? });
        return Ok(Delay { uniform, ..nothing });
    }
    if let Some((mean, deviation)) = text.split_once('~') {
        let normal = Some(Normal { mean: part(mean)?, deviation: part(deviation)? });
        return Ok(Delay { normal, ..nothing });
    }
    Ok(Delay { fixed: Some(part(text)?), ..nothing })
}

/// The names of gRPC's statuses, from 1 (<https://grpc.io/docs/guides/status-codes/>).
const GRPC: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

fn abort(text: &str) -> Result<Abort, String> {
    let wrong = || "write an HTTP status such as 503, or a gRPC status such as grpc:UNAVAILABLE".to_owned();
    let Some(status) = text.strip_prefix("grpc:") else {
        return text.parse().map(Abort::Http).map_err(|_| wrong());
    };
    let wanted = status.to_ascii_uppercase();
    let named = (1_u8..).zip(GRPC).find(|(_, name)| *name == wanted).map(|(number, _)| number);
    named.or_else(|| status.parse().ok()).map(Abort::Grpc).ok_or_else(wrong)
}

/// What a fault does, in few words.
pub(in crate::cli) fn effect(spec: &LaneFaultSpec) -> String {
    let delay = spec.delay.as_ref().map(|delay| format!("delay {}", written(delay)));
    let abort = spec.abort.map(|abort| match abort {
        Abort::Http(status) => format!("abort {status}"),
        Abort::Grpc(status) => format!("abort grpc:{}", grpc_name(status)),
    });
    let throughput = spec.throughput_kib_per_second.map(|speed| format!("{speed} KiB/s"));
    delay.into_iter().chain(abort).chain(throughput).collect::<Vec<_>>().join(", ")
}

fn grpc_name(status: u8) -> String {
    let name = usize::from(status).checked_sub(1).and_then(|place| GRPC.get(place));
    name.map_or_else(|| status.to_string(), |name| (*name).to_owned())
}

/// A delay as `--delay` takes it, with its jitter.
fn written(delay: &Delay) -> String {
    let shape = match (delay.fixed, delay.uniform, delay.normal) {
        (Some(fixed), ..) => fixed.to_string(),
        (_, Some(Uniform { from, to }), _) => format!("{from}..{to}"),
        (_, _, Some(Normal { mean, deviation })) => format!("{mean}~{deviation}"),
        _ => "-".to_owned(),
    };
    delay.jitter.map_or(shape.clone(), |jitter| format!("{shape} ±{jitter}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_and_aborts_are_read_and_written() {
        for text in ["5s", "1s..3s", "1s~200ms"] {
            assert_eq!(written(&delay(text).unwrap()), text);
        }
        for bad in ["", "5", "1s..", "~1s"] {
            assert!(delay(bad).is_err(), "{bad}");
        }
        for (text, want) in
            [("503", Abort::Http(503)), ("grpc:14", Abort::Grpc(14)), ("grpc:unavailable", Abort::Grpc(14))]
        {
            assert_eq!(abort(text), Ok(want));
        }
        for bad in ["", "grpc", "grpc:", "grpc:OK", "teapot"] {
            assert!(abort(bad).is_err(), "{bad}");
        }
        assert_eq!(
            (grpc_name(1), grpc_name(16), grpc_name(17)),
            ("CANCELLED".into(), "UNAUTHENTICATED".into(), "17".into())
        );
    }
}
