//! Tickets at the entry: where a request carries one, what it opens, and that it goes no further.

use std::borrow::Cow;

use super::CounterList;
use crate::filter_config::{FilterConfig, LaneConfig, Role, TicketConfig};
use crate::head::RequestHead;
use crate::metric::{CounterId, Metric, TICKETS_TOTAL};
use crate::outcome::{Edit, Outcome};
use crate::ticket::{Audience, Expected, Refusal, Ticket, Verdict, Verifier, check};
use crate::{cookie, query};

/// The ticket that a request shows; an empty one in the query is a farewell.
pub(super) struct Shown<'h> {
    text: Cow<'h, [u8]>,
    is_in_query: bool,
}

impl Shown<'_> {
    /// Whether the request asks for nothing but to be rid of its ticket.
    pub(super) fn is_farewell(&self) -> bool {
        self.is_in_query && self.text.is_empty()
    }
}

/// What a ticket opens: a lane, by its place, and whether that was known before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) lane: usize,
    /// End of the ticket, milliseconds since 1970.
    pub(super) ends_ms: u64,
    /// Whether it came by the query, as a browser sends it first.
    pub(super) is_in_query: bool,
    is_known: bool,
}

/// The compiled check of tickets.
#[derive(Debug)]
pub(super) struct Gate {
    tickets: TicketConfig,
    /// Query parameters with tickets.
    queries: Vec<String>,
    audience: Audience,
    valid: CounterId,
    cached: CounterId,
    refused: [(Refusal, CounterId); Refusal::ALL.len()],
}

impl Gate {
    /// The gate of a configuration; none where the group knows no tickets.
    pub(super) fn compile(config: &FilterConfig, counters: &mut CounterList) -> Option<Self> {
        let mut counter = |reason| {
            let labels = [("role", Role::Entry.as_str()), ("reason", reason)];
            counters.add(Metric::new(TICKETS_TOTAL, labels))
        };
        Some(Self {
            tickets: config.tickets.clone()?,
            queries: ticket_queries(config),
            audience: config.audience(),
            valid: counter("valid"),
            cached: counter("cached"),
            refused: Refusal::ALL.map(|refusal| (refusal, counter(refusal.as_str()))),
        })
    }

    /// The ticket that a request shows: in the header, else in the query, else in the cookie.
    pub(super) fn shown<'h>(&self, head: &'h impl RequestHead) -> Option<Shown<'h>> {
        let in_query = || {
            let path = head.header(":path").filter(|_| !self.queries.is_empty())?;
            let text = self.queries.iter().find_map(|name| Some(query::get(&path, name)?.into_owned()))?;
            Some(Shown { text: Cow::Owned(text), is_in_query: true })
        };
        let in_cookie = || {
            let header = head.header("cookie")?;
            let text = cookie::get(&header, self.tickets.cookie.as_deref()?)?.to_vec();
            Some(Shown { text: Cow::Owned(text), is_in_query: false })
        };
        let text = head.header(self.tickets.header.as_str());
        text.map(|text| Shown { text, is_in_query: false }).or_else(in_query).or_else(in_cookie)
    }

    /// Takes the ticket out of the request, so that no application sees it. Where the proxy serves several groups one
    /// that names another group stays: the filter of that group looks at it next.
    pub(super) fn take<'a>(&'a self, shown: &Shown<'_>, head: &impl RequestHead, out: &mut Outcome<'a>) {
        let is_foreign =
            || Ticket::parse(&shown.text).is_ok_and(|ticket| ticket.claims.audience != self.audience);
        if self.audience.namespace.is_some() && is_foreign() {
            return;
        }
        let header = self.tickets.header.as_str();
        if head.header(header).is_some() {
            out.edits.push(Edit::Remove { name: header });
        }
        let cookies = self.tickets.cookie.as_deref();
        let rest = cookies.and_then(|name| cookie::remove(&head.header("cookie")?, name));
        out.edits.extend(rest.map(|rest| match rest.is_empty() {
            true => Edit::Remove { name: "cookie" },
            false => Edit::Set { name: "cookie", value: rest.into() },
        }));
        let path = (!self.queries.is_empty()).then(|| head.header(":path")).flatten();
        let path = path.and_then(|path| without(&path, &self.queries));
        out.edits.extend(path.map(|path| Edit::Set { name: ":path", value: path.into() }));
    }

    /// What a ticket opens, all that is cheap to check being checked before its signature.
    pub(super) fn open(
        &self,
        shown: &Shown<'_>,
        config: &FilterConfig,
        now_ms: u64,
        verifier: &impl Verifier,
    ) -> Result<Opened, Refusal> {
        let ticket = Ticket::parse(&shown.text)?;
        let expected = Expected { keys: &self.tickets.keys, audience: &self.audience, now_ms };
        let key = check(&ticket.claims, expected)?;
        let wanted = |lane: &LaneConfig| lane.ticket && lane.name == ticket.claims.lane;
        let lane = config.lanes.iter().position(wanted).ok_or(Refusal::Lane)?;
        let opened = |is_known| Opened {
            lane,
            ends_ms: ticket.claims.expires.saturating_mul(1_000),
            is_in_query: shown.is_in_query,
            is_known,
        };
        match verifier.verify(&ticket, key) {
            Verdict::Valid => Ok(opened(false)),
            Verdict::Known => Ok(opened(true)),
            Verdict::Invalid => Err(Refusal::Signature),
            Verdict::OverBudget => Err(Refusal::Budget),
        }
    }

    /// What a look at a ticket is counted as.
    pub(super) fn counter(&self, looked: Result<Opened, Refusal>) -> Option<CounterId> {
        match looked {
            Ok(Opened { is_known: true, .. }) => Some(self.cached),
            Ok(Opened { is_known: false, .. }) => Some(self.valid),
            Err(refusal) => self.refused.iter().find(|(other, _)| *other == refusal).map(|(_, id)| *id),
        }
    }
}

/// The query parameters in which lanes expect tickets.
fn ticket_queries(config: &FilterConfig) -> Vec<String> {
    let lanes = config.lanes.iter().filter(|lane| lane.ticket);
    let mut queries: Vec<String> =
        lanes.filter_map(|lane| lane.browser.as_ref()).map(|browser| browser.query.clone()).collect();
    queries.sort();
    queries.dedup();
    queries
}

/// The path without any of these query parameters; `None` where it has none of them.
fn without(path: &[u8], queries: &[String]) -> Option<Vec<u8>> {
    let mut rest = None;
    for name in queries {
        rest = query::remove(rest.as_deref().unwrap_or(path), name).or(rest);
    }
    rest
}
