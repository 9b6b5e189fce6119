//! What our filter is measured at: each role and duty with its configuration, a request, and what must come out.
//!
//! The same cases are run on a real Envoy and, instruction by instruction, outside of it.

mod duties;
mod tickets;

use anyhow::{Context as _, Result, ensure};
use lane::filter_config::{FORMAT_WITHOUT_TICKETS, FilterConfig, LaneConfig, Role};
use lane::model::{Condition, NamedMatch, Rule, ValueMatch};
use lane::name::LaneName;

pub(crate) use duties::{fault, inbound};
pub(crate) use tickets::{TICKET, WRONG_TICKET};

/// The lane of all cases, and the body of its answers.
pub const LANE: &str = "gray";
/// The body of the baseline's answers.
pub const BASELINE: &str = "baseline";
/// The header that carries it.
pub const LANE_HEADER: &str = "x-lane";
/// The header by which a request enters it.
pub const ENTRY_HEADER: &str = "x-gray";
/// Its value.
pub const ENTRY_VALUE: &str = "1";
/// The headers that the entry removes, besides the lane's baggage member.
pub const STRIPPED: [&str; 5] = [
    LANE_HEADER,
    "x-envoy-fault-delay-request",
    "x-envoy-fault-abort-request",
    "x-envoy-fault-abort-grpc-request",
    "x-envoy-fault-throughput-response",
];

/// A header line.
pub type Line = (&'static str, &'static str);

/// The headers that every request carries besides its pseudo-headers and the load generator's `user-agent`.
pub const USUAL: [Line; 3] = [
    ("accept", "application/json"),
    ("x-request-id", "6f0e4a59-7d1b-4c52-9b1e-2f4b7c1d9e10"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
];
/// The ninth header of a request that does not enter the lane.
pub const OTHER: Line = ("x-user", "7");
/// The ninth header of a request that enters the lane.
pub const ENTERS: Line = (ENTRY_HEADER, ENTRY_VALUE);
/// The ninth header of a request that is in the lane.
pub const CARRIES: Line = (LANE_HEADER, LANE);
/// Baggage of somebody else.
pub const FOREIGN_BAGGAGE: Line = ("baggage", "tenant=acme,region=eu-1;ttl=5");
/// Baggage that carries the lane.
pub const LANE_BAGGAGE: Line = ("baggage", "tenant=acme,region=eu-1;ttl=5,lane=gray");

/// How the keys of the cases begin in which the listener removes headers of outsiders before the filter runs.
pub const RENDERED: &str = "entry-rendered";

/// One case.
pub struct Case {
    /// Short name, also that of its row.
    pub key: &'static str,
    /// What is measured.
    pub title: &'static str,
    /// The filter's configuration.
    pub config: FilterConfig,
    /// Headers of the request besides [`USUAL`].
    pub request: Vec<Line>,
    /// Whether the request is in the lane when it leaves.
    pub in_lane: bool,
}

impl Case {
    /// Whether the filter counts the request: entry and inbound count all, outbound those that it restores or that it
    /// looks for among traces.
    #[must_use]
    pub fn counts(&self) -> bool {
        let restored = self.in_lane && !self.request.contains(&CARRIES);
        self.config.role != Role::Outbound || restored || self.config.recovery.is_some()
    }
}

/// All cases; the first two are the configuration that the aims speak of.
///
/// # Errors
/// When a name is not valid, which a test excludes.
pub fn cases() -> Result<Vec<Case>> {
    let case = |key, title, config, request: &[Line], in_lane| Case {
        key,
        title,
        config,
        request: request.to_vec(),
        in_lane,
    };
    let entry = config(Role::Entry)?;
    let with_baggage = FilterConfig { baggage: Some("lane".parse()?), ..entry.clone() };
    let with_trail = FilterConfig { trail: Some("x-lane-path".parse()?), ..entry.clone() };
    let with_tickets = tickets::asked_for(entry.clone())?;
    let ([elsewhere, drawn], [notes, looks]) = (duties::faulty()?, duties::recovering()?);
    let rendered = FilterConfig { strip: Vec::new(), ..with_baggage.clone() };
    let inbound = FilterConfig { trail: with_trail.trail.clone(), ..config(Role::Inbound)? };
    let outbound = FilterConfig { baggage: with_baggage.baggage.clone(), ..config(Role::Outbound)? };
    let (thousand, ten_thousand) = (with_rules(&entry, 1_000)?, with_rules(&entry, 10_000)?);
    Ok(vec![
        case("entry", "entry, no lane", entry.clone(), &[OTHER], false),
        case("entry-lane", "entry, lane", entry, &[ENTERS], true),
        case("entry-rendered", "entry as lanectl renders it, no lane", rendered.clone(), &[OTHER], false),
        case("entry-rendered-lane", "entry as lanectl renders it, lane", rendered, &[ENTERS], true),
        case(
            "entry-baggage",
            "entry and baggage, no lane",
            with_baggage.clone(),
            &[OTHER, FOREIGN_BAGGAGE],
            false,
        ),
        case("entry-baggage-lane", "entry and baggage, lane", with_baggage, &[ENTERS, FOREIGN_BAGGAGE], true),
        case("entry-trail-lane", "entry and trail, lane", with_trail, &[ENTERS], true),
        case("entry-tickets", "entry with tickets, none shown", with_tickets.clone(), &[OTHER], false),
        case(
            "entry-ticket-lane",
            "entry with tickets, lane by a known ticket",
            with_tickets.clone(),
            &[ENTERS, TICKET],
            true,
        ),
        case(
            "entry-ticket-wrong",
            "entry with tickets, a ticket known to be wrong",
            with_tickets,
            &[ENTERS, WRONG_TICKET],
            false,
        ),
        case("inbound-fault-elsewhere", "inbound with a fault for another lane", elsewhere, &[OTHER], false),
        case("inbound-fault-drawn", "inbound with a fault that is drawn and misses", drawn, &[OTHER], false),
        case("inbound-recovery", "inbound with recovery, a trace noted", notes, &[OTHER], false),
        case("outbound-recovery", "outbound with recovery, a trace looked for", looks, &[OTHER], false),
        case("rules-1000", "entry, 1,000 rules, no lane", thousand.clone(), &[OTHER], false),
        case("rules-1000-lane", "entry, 1,000 rules, lane", thousand, &[ENTERS], true),
        case("rules-10000", "entry, 10,000 rules, no lane", ten_thousand.clone(), &[OTHER], false),
        case("rules-10000-lane", "entry, 10,000 rules, lane", ten_thousand, &[ENTERS], true),
        case("inbound", "inbound with trail, no lane", inbound.clone(), &[OTHER], false),
        case("inbound-lane", "inbound with trail, lane", inbound, &[CARRIES], true),
        case("outbound-absent", "outbound, nothing to restore", outbound.clone(), &[OTHER], false),
        case("outbound-present", "outbound, lane header present", outbound.clone(), &[CARRIES], true),
        case("outbound-restored", "outbound, restored from baggage", outbound, &[OTHER, LANE_BAGGAGE], true),
    ])
}

/// The case of that key.
///
/// # Errors
/// When there is none.
pub fn case(key: &str) -> Result<Case> {
    cases()?.into_iter().find(|case| case.key == key).with_context(|| format!("there is no case {key}"))
}

/// A role with one lane; the entry has one rule on one header and the strip list.
fn config(role: Role) -> Result<FilterConfig> {
    let is_entry = role == Role::Entry;
    let lane = LaneConfig {
        name: LANE.parse::<LaneName>()?,
        priority: 0,
        expires_ms: None,
        ticket: false,
        sources: None,
        browser: None,
        share: None,
        rules: if is_entry { vec![rule("testers".to_owned(), ENTRY_VALUE)?] } else { Vec::new() },
        here: role == Role::Inbound,
    };
    Ok(FilterConfig {
        version: FORMAT_WITHOUT_TICKETS,
        generation: 1,
        group: "shop".parse()?,
        group_namespace: None,
        role,
        workload: if is_entry { "gateway" } else { "b-v1" }.parse()?,
        own_lane: None,
        lane_header: LANE_HEADER.parse()?,
        baggage: None,
        trail: None,
        recovery: None,
        strip: if is_entry {
            STRIPPED.iter().map(|name| name.parse()).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        },
        tickets: None,
        faults: Vec::new(),
        lanes: vec![lane],
    })
}

/// The configuration with that many rules: the one that it has, behind others on the same header.
///
/// # Errors
/// When a name is not valid.
pub fn with_rules(config: &FilterConfig, count: usize) -> Result<FilterConfig> {
    let mut config = config.clone();
    let rules = &mut config.lanes.first_mut().context("the configuration has a lane")?.rules;
    ensure!(rules.len() <= count, "{count} rules are fewer than there are");
    let others = (rules.len()..count).map(|i| rule(format!("user-{i}"), &format!("user-{i}")));
    *rules = others.chain(std::mem::take(rules).into_iter().map(Ok)).collect::<Result<_>>()?;
    Ok(config)
}

fn rule(name: String, value: &str) -> Result<Rule> {
    let matched = NamedMatch { name: ENTRY_HEADER.parse()?, value: ValueMatch::Exact(value.to_owned()) };
    Ok(Rule { name: name.parse()?, condition: Condition::Header(matched) })
}

#[cfg(test)]
mod tests {
    use lane::head::MemoryHead;
    use lane::program::Program;

    use super::*;

    #[test]
    fn every_case_compiles_and_comes_out_as_it_says() {
        for case in cases().unwrap() {
            let program = Program::compile(case.config).unwrap();
            let headers =
                case.request.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
            let head = MemoryHead { headers: headers.collect(), ..MemoryHead::default() };
            let outcome = program.on_request(&head, 0, 0);
            assert_eq!(outcome.lane.is_some(), case.in_lane, "{}", case.key);
        }
    }

    #[test]
    fn the_cases_of_many_rules_have_them() {
        assert_eq!(case("rules-10000").unwrap().config.lanes[0].rules.len(), 10_000);
    }
}
