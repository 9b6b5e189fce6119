//! The rules that look at headers: a preflight only names these, so that the index does not find the rules by their values.

use std::collections::BTreeSet;

use crate::head::RequestHead;
use crate::index::Rank;
use crate::predicate::Predicate;
use crate::preflight::Preflight;

/// The most rules that are tried for one preflight, so that a flood of them costs what other requests do.
const MOST_TRIED: usize = 256;

/// The rules that look at headers, in order of precedence, and what they look at.
#[derive(Debug, Default)]
pub(super) struct Announced {
    ranks: Vec<Rank>,
    headers: BTreeSet<String>,
}

impl Announced {
    /// Finds these rules; the place of each predicate is its rank.
    pub(super) fn new(predicates: &[Predicate]) -> Self {
        let mut found = Self::default();
        for (rank, predicate) in predicates.iter().enumerate() {
            let mut headers = BTreeSet::new();
            predicate.add_headers(&mut headers);
            if !headers.is_empty() {
                found.ranks.push(rank);
                found.headers.append(&mut headers);
            }
        }
        found
    }

    /// The request as a preflight, if it is one that names a header of a rule.
    pub(super) fn preflight<'h>(&self, head: &'h impl RequestHead) -> Option<Preflight<'h>> {
        if self.headers.is_empty() {
            return None;
        }
        let names = |name: &[u8]| {
            std::str::from_utf8(name).is_ok_and(|name| self.headers.contains(&name.to_ascii_lowercase()))
        };
        Preflight::of(head).filter(|preflight| preflight.headers().any(names))
    }

    /// The first of these rules that is accepted, if it comes before `found`.
    pub(super) fn first_before(&self, found: Option<Rank>, accepts: impl Fn(Rank) -> bool) -> Option<Rank> {
        let before = |rank: &Rank| found.is_none_or(|found| *rank < found);
        self.ranks.iter().copied().take(MOST_TRIED).take_while(before).find(|rank| accepts(*rank))
    }
}
