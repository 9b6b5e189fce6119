//! Tickets at the entry: where a request carries one, what it opens, and that it goes no further.

use std::borrow::Cow;

use super::CounterList;
use crate::cookie;
use crate::filter_config::{FilterConfig, LaneConfig, Role, TicketConfig};
use crate::head::RequestHead;
use crate::metric::{CounterId, Metric, TICKETS_TOTAL};
use crate::outcome::{Edit, Outcome};
use crate::ticket::{Audience, Expected, Refusal, Ticket, Verdict, Verifier, check};

/// The ticket that a request shows.
pub(super) struct Shown<'h>(Cow<'h, [u8]>);

/// What a ticket opens: a lane, by its place, and whether that was known before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) lane: usize,
    is_known: bool,
}

/// The compiled check of tickets.
#[derive(Debug)]
pub(super) struct Gate {
    tickets: TicketConfig,
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
            audience: config.audience(),
            valid: counter("valid"),
            cached: counter("cached"),
            refused: Refusal::ALL.map(|refusal| (refusal, counter(refusal.as_str()))),
        })
    }

    /// The ticket that a request shows: in the header, else in the cookie.
    pub(super) fn shown<'h>(&self, head: &'h impl RequestHead) -> Option<Shown<'h>> {
        let in_cookie = || {
            let header = head.header("cookie")?;
            Some(Cow::Owned(cookie::get(&header, self.tickets.cookie.as_deref()?)?.to_vec()))
        };
        head.header(self.tickets.header.as_str()).or_else(in_cookie).map(Shown)
    }

    /// Takes the ticket out of the request, so that no application sees it. Where the proxy serves several groups one
    /// that names another group stays: the filter of that group looks at it next.
    pub(super) fn take<'a>(&'a self, shown: &Shown<'_>, head: &impl RequestHead, out: &mut Outcome<'a>) {
        let is_foreign =
            || Ticket::parse(&shown.0).is_ok_and(|ticket| ticket.claims.audience != self.audience);
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
    }

    /// What a ticket opens, all that is cheap to check being checked before its signature.
    pub(super) fn open(
        &self,
        shown: &Shown<'_>,
        config: &FilterConfig,
        now_ms: u64,
        verifier: &impl Verifier,
    ) -> Result<Opened, Refusal> {
        let ticket = Ticket::parse(&shown.0)?;
        let expected = Expected { keys: &self.tickets.keys, audience: &self.audience, now_ms };
        let key = check(&ticket.claims, expected)?;
        let wanted = |lane: &LaneConfig| lane.ticket && lane.name == ticket.claims.lane;
        let lane = config.lanes.iter().position(wanted).ok_or(Refusal::Lane)?;
        match verifier.verify(&ticket, key) {
            Verdict::Valid => Ok(Opened { lane, is_known: false }),
            Verdict::Known => Ok(Opened { lane, is_known: true }),
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
