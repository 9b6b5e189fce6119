//! The shipped module decides as the engine does natively: the same generated requests, 0 differences in header
//! edits, in the lane that access logs show, and in counters.

mod faults;
mod generate;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use bench::host::{Action, Header, Instance, Module};
use bench::random::Random;
use generate::Request;
use lane::head::MemoryHead;
use lane::outcome::Edit;
use lane::program::Program;
use tests::figures::{Figures, sized};
use tests::mesh::WASM_VARIABLE;

/// What the generator begins with; another seed is another test.
const SEED: u64 = 20_261_121;
/// Requests of one set of rules.
const REQUESTS_OF_A_SET: u64 = 40;
/// How often a set of rules is one that must be refused.
const BAD_SETS: usize = 12;

/// What one role did with one request.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    headers: Vec<Header>,
    lane: Option<Vec<u8>>,
    fault: Option<Vec<u8>>,
    counters: BTreeMap<String, i64>,
}

fn natively(program: &Program, request: &Request) -> Seen {
    let head = MemoryHead {
        headers: request.headers.clone(),
        source_address: Some(request.address.clone()),
        source_identity: request.identity.clone(),
        destination: None,
    };
    // Shares without a key take all or nobody here, so that the draw does not matter.
    let outcome = program.on_request(&head, request.now_ms, 0);
    let mut headers: Vec<Header> =
        request.headers.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone())).collect();
    for edit in &outcome.edits {
        let (Edit::Set { name, .. } | Edit::Remove { name }) = edit;
        headers.retain(|(found, _)| found != name.as_bytes());
        if let Edit::Set { name, value } = edit {
            headers.push((name.as_bytes().to_vec(), value.to_vec()));
        }
    }
    let mut counters = BTreeMap::new();
    for metric in outcome.counters.iter().filter_map(|id| program.counter(id)) {
        *counters.entry(metric.stat_name()).or_default() += 1;
    }
    let lane = outcome.lane.map(|lane| lane.as_str().as_bytes().to_vec());
    let fault = outcome.fault.map(|fault| fault.as_str().as_bytes().to_vec());
    Seen { headers, lane, fault, counters }
}

fn by_the_module(instance: &mut Instance, request: &Request) -> Result<Seen> {
    instance.set_time(request.now_ms * 1_000_000);
    instance.set_property(&["source", "address"], request.address.as_bytes());
    // An empty text is what Envoy gives where there is no certificate.
    let identity = request.identity.as_deref().unwrap_or_default();
    instance.set_property(&["connection", "uri_san_peer_certificate"], identity.as_bytes());
    let headers =
        request.headers.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone())).collect();
    let outcome = instance.request(headers)?;
    ensure!(outcome.action == Action::Continue && outcome.local_response.is_none(), "{outcome:?}");
    let mut properties = outcome.properties;
    let (lane, fault) = (properties.remove("lane"), properties.remove("fault"));
    let seen = Seen { headers: outcome.headers, lane, fault, counters: outcome.metrics };
    ensure!(properties.is_empty(), "other properties are set: {properties:?}");
    Ok(seen)
}

/// The roles, lanes and counters that the requests have come upon, so that agreement is not agreement on nothing.
#[derive(Default)]
struct Coverage {
    requests: u64,
    in_a_lane: u64,
    edited: u64,
    refused: u64,
    counters: BTreeMap<String, u64>,
}

impl Coverage {
    fn note(&mut self, request: &Request, seen: &Seen) {
        self.requests += 1;
        self.in_a_lane += u64::from(seen.lane.is_some());
        let before = request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let after = seen.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        self.edited += u64::from(!before.eq(after));
        for stat in seen.counters.keys() {
            let name = stat.rsplit(";.;").next().unwrap_or_default();
            *self.counters.entry(name.to_owned()).or_default() += 1;
        }
    }
}

#[test]
fn the_module_and_the_engine_agree_on_every_request() -> Result<()> {
    let path = std::env::var_os(WASM_VARIABLE).context("run through cargo xtask test")?;
    let module = Module::load(&PathBuf::from(path))?;
    let mut random = Random::new(SEED);
    let wanted = sized(3_000, 100_000);
    let mut coverage = Coverage::default();
    // One VM for all configurations, as in Envoy.
    let mut instance = module.instance()?;
    while coverage.requests < wanted {
        let bad = random.below(BAD_SETS) == 0;
        let json = generate::configuration(&mut random, bad).to_string();
        let program = Program::from_json(json.as_bytes());
        let accepted = instance.configure(json.as_bytes()).with_context(|| json.clone())?;
        ensure!(accepted == program.is_ok(), "the module says {accepted}, the engine {program:?}:\n{json}");
        let Ok(program) = program else {
            coverage.refused += 1;
            continue;
        };
        ensure!(!bad, "a bad configuration was taken: {json}");
        for _ in 0..REQUESTS_OF_A_SET {
            let request = generate::request(&mut random);
            let native = natively(&program, &request);
            let shipped = by_the_module(&mut instance, &request)
                .with_context(|| format!("{request:?} under {json}"))?;
            ensure!(native == shipped, "{native:?}\n{shipped:?}\n{request:?}\n{json}");
            coverage.note(&request, &native);
        }
    }
    report(&coverage)
}

fn report(coverage: &Coverage) -> Result<()> {
    let Coverage { requests, in_a_lane, edited, refused, counters } = coverage;
    let share = |part: u64| part * 100 / requests;
    ensure!((10..=90).contains(&share(*in_a_lane)), "{in_a_lane} of {requests} are in a lane");
    ensure!((10..=90).contains(&share(*edited)), "{edited} of {requests} are edited");
    for name in ["requests", "fallbacks", "restored", "skipped", "sources", "stripped"] {
        ensure!(counters.contains_key(&format!("graylane_{name}_total")), "nothing has {name}: {counters:?}");
    }
    Figures::new("the shipped module decides as the engine does natively")
        .parameter("requests", requests)
        .parameter("refused configurations", refused)
        .parameter("seed", SEED)
        .figure("differences", 0)
        .figure("requests in a lane", in_a_lane)
        .figure("requests edited", edited)
        .record("differential")
}
