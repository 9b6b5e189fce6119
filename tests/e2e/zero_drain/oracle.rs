//! What is right at which time: the rules in force, and where they send each kind of request.

use std::time::Instant;

use anyhow::Result;
use tests::client::Call;
use tests::load::{Outcome, Verdict};
use tests::mesh::Mesh;

/// A change of lanes, as somebody types it.
type Command = &'static [&'static str];

/// The changes, again and again in this order, each with the rules that it leads to: rules of another kind,
/// narrower ones, lanes that come and go.
const CHANGES: [(Command, Rules); 8] = [
    (&["set-lane", "blue", "--header", "x-blue"], rules(Some(Gray::AnyHeader), true)),
    (&["set-lane", "gray", "--header", "x-gray=1"], rules(Some(Gray::HeaderOne), true)),
    (&["set-lane", "gray", "--query", "lane=gray"], rules(Some(Gray::Query), true)),
    (&["remove-lane", "blue"], rules(Some(Gray::Query), false)),
    (&["set-lane", "gray", "--header", "x-gray"], rules(Some(Gray::AnyHeader), false)),
    (&["set-lane", "blue", "--header", "x-blue=1"], rules(Some(Gray::AnyHeader), true)),
    (&["remove-lane", "gray"], rules(None, true)),
    (&["set-lane", "gray", "--header", "x-gray"], rules(Some(Gray::AnyHeader), true)),
];

/// A kind of request.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    GrayOne,
    GrayTwo,
    Query,
    Blue,
}

const KINDS: [Kind; 5] = [Kind::Plain, Kind::GrayOne, Kind::GrayTwo, Kind::Query, Kind::Blue];

/// How a request gets into lane gray.
#[derive(Clone, Copy)]
enum Gray {
    AnyHeader,
    HeaderOne,
    Query,
}

/// The rules of all lanes.
#[derive(Clone, Copy)]
struct Rules {
    gray: Option<Gray>,
    blue: bool,
}

const fn rules(gray: Option<Gray>, blue: bool) -> Rules {
    Rules { gray, blue }
}

/// Rules, and the time in which a request may have met them: from the start of the change that brought them
/// to the end of the one that took them away.
struct Epoch {
    rules: Rules,
    from: Instant,
    to: Option<Instant>,
}

/// The rules that have been in force.
pub(super) struct History {
    epochs: Vec<Epoch>,
}

impl History {
    /// Sets lane gray up, with which everything begins.
    pub(super) async fn begin(mesh: &Mesh) -> Result<Self> {
        let from = Instant::now();
        set(mesh, &["set-lane", "gray", "--header", "x-gray"]).await?;
        Ok(Self { epochs: vec![Epoch { rules: rules(Some(Gray::AnyHeader), false), from, to: None }] })
    }

    /// Makes the n-th change.
    pub(super) async fn change(&mut self, mesh: &Mesh, number: usize) -> Result<()> {
        let (command, rules) = CHANGES[number % CHANGES.len()];
        let from = Instant::now();
        set(mesh, command).await?;
        if let Some(last) = self.epochs.last_mut() {
            last.to = Some(Instant::now());
        }
        self.epochs.push(Epoch { rules, from, to: None });
        Ok(())
    }

    /// Whether a response came from a lane that was right at some time while the request was under way.
    /// A request without a response is judged elsewhere.
    pub(super) fn is_right(&self, outcome: &Outcome) -> bool {
        let Verdict::Answered { hops, .. } = &outcome.verdict else { return true };
        let kind = kind(outcome.number);
        self.met(outcome).any(|epoch| epoch.rules.path(kind) == &**hops)
    }

    /// Whether a request ran while rules were being changed, so that it may have met the old or the new ones.
    pub(super) fn met_a_change(&self, outcome: &Outcome) -> bool {
        self.met(outcome).count() > 1
    }

    fn met(&self, outcome: &Outcome) -> impl Iterator<Item = &Epoch> {
        let (start, end) = (outcome.start, outcome.end);
        self.epochs.iter().filter(move |epoch| epoch.from <= end && epoch.to.is_none_or(|to| start <= to))
    }
}

impl Rules {
    /// The way of a request through the chain.
    fn path(self, kind: Kind) -> &'static str {
        let is_gray = match self.gray {
            Some(Gray::AnyHeader) => matches!(kind, Kind::GrayOne | Kind::GrayTwo),
            Some(Gray::HeaderOne) => matches!(kind, Kind::GrayOne),
            Some(Gray::Query) => matches!(kind, Kind::Query),
            None => false,
        };
        match kind {
            _ if is_gray => "a-gray,b-v1,c-gray",
            Kind::Blue if self.blue => "a-blue,b-v1,c-v1",
            _ => "a-v1,b-v1,c-v1",
        }
    }
}

/// The n-th request.
pub(super) fn call(number: u64) -> Call {
    match kind(number) {
        Kind::Plain => Call::get("/"),
        Kind::GrayOne => Call::get("/").header("x-gray", "1"),
        Kind::GrayTwo => Call::get("/").header("x-gray", "2"),
        Kind::Query => Call::get("/?lane=gray"),
        Kind::Blue => Call::get("/").header("x-blue", "1"),
    }
}

fn kind(number: u64) -> Kind {
    KINDS[(number % KINDS.len() as u64) as usize]
}

/// Changes lanes and waits until every proxy says that it has taken the change.
async fn set(mesh: &Mesh, command: Command) -> Result<()> {
    mesh.lanectl(command).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(())
}
