//! Finds the rules that can hold for a request without trying them all.
//!
//! Each rule hangs at *anchors*: matches of which at least one must hold wherever the rule holds. An
//! anchor on a whole value is found by one hash lookup per subject, one on a prefix or suffix by one
//! lookup per distinct length, the rest stands in a short list per subject that is looked at only when the
//! request has that subject at all. Rules without an anchor (`not`, a bare share) are always tried.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasherDefault;

use xxhash_rust::xxh64::Xxh64;

use crate::head::RequestHead;
use crate::matcher::Matcher;
use crate::predicate::Predicate;
use crate::subject::Subject;

/// A hasher without random keys. The tables hold only what the configuration names, so that a sender
/// cannot make them degenerate.
pub(crate) type StableState = BuildHasherDefault<Xxh64>;

/// A rule's place in the order of precedence; 0 wins over everything.
pub(crate) type Rank = usize;

/// The anchors of all rules of a program.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_subject: Vec<(Subject, SubjectIndex)>,
    always: Vec<Rank>,
}

#[derive(Debug, Default)]
struct SubjectIndex {
    exact: HashMap<Box<[u8]>, Vec<Rank>, StableState>,
    prefix: AffixIndex,
    suffix: AffixIndex,
    list: Vec<Rank>,
}

#[derive(Debug, Default)]
struct AffixIndex {
    lengths: Vec<usize>,
    by_text: HashMap<Box<[u8]>, Vec<Rank>, StableState>,
}

impl Index {
    /// Builds the index over `predicates`, whose places are their ranks.
    pub(crate) fn build<'p>(predicates: impl Iterator<Item = &'p Predicate>) -> Self {
        let mut by_subject: BTreeMap<Subject, SubjectIndex> = BTreeMap::new();
        let mut always = Vec::new();
        for (rank, predicate) in predicates.enumerate() {
            match anchors(predicate) {
                Some(anchors) => {
                    for anchor in anchors {
                        by_subject.entry(anchor.subject.clone()).or_default().add(anchor.matcher, rank);
                    }
                }
                None => always.push(rank),
            }
        }
        Self { by_subject: by_subject.into_iter().collect(), always }
    }

    /// The smallest rank for which `accepts` says yes, among the rules that can hold for `head`.
    pub(crate) fn first(&self, head: &impl RequestHead, accepts: impl Fn(Rank) -> bool) -> Option<Rank> {
        let mut best = Best { rank: Rank::MAX, accepts };
        best.try_list(&self.always);
        for (subject, index) in &self.by_subject {
            if let Some(value) = subject.read(head) {
                index.search(&value, &mut best);
            }
        }
        (best.rank != Rank::MAX).then_some(best.rank)
    }
}

impl SubjectIndex {
    fn add(&mut self, matcher: &Matcher, rank: Rank) {
        match matcher {
            Matcher::Exact(text) => push(self.exact.entry(text.clone()).or_default(), rank),
            Matcher::In(texts) => {
                for text in texts {
                    push(self.exact.entry(text.clone()).or_default(), rank);
                }
            }
            Matcher::Prefix(text) => self.prefix.add(text, rank),
            Matcher::Suffix(text) => self.suffix.add(text, rank),
            Matcher::Present | Matcher::Contains(_) | Matcher::Regex(_) => {
                push(&mut self.list, rank);
            }
        }
    }

    fn search<A: Fn(Rank) -> bool>(&self, value: &[u8], best: &mut Best<A>) {
        if !self.exact.is_empty()
            && let Some(ranks) = self.exact.get(value)
        {
            best.try_list(ranks);
        }
        self.prefix.search(best, |length| value.get(..length));
        self.suffix.search(best, |length| value.get(value.len().checked_sub(length)?..));
        best.try_list(&self.list);
    }
}

impl AffixIndex {
    fn add(&mut self, text: &[u8], rank: Rank) {
        if let Err(place) = self.lengths.binary_search(&text.len()) {
            self.lengths.insert(place, text.len());
        }
        push(self.by_text.entry(text.into()).or_default(), rank);
    }

    fn search<'v, A: Fn(Rank) -> bool>(&self, best: &mut Best<A>, part: impl Fn(usize) -> Option<&'v [u8]>) {
        for length in &self.lengths {
            let Some(text) = part(*length) else { break };
            if let Some(ranks) = self.by_text.get(text) {
                best.try_list(ranks);
            }
        }
    }
}

/// Ranks arrive in ascending order; a rule with two anchors in one list stands there once.
fn push(list: &mut Vec<Rank>, rank: Rank) {
    if list.last() != Some(&rank) {
        list.push(rank);
    }
}

struct Best<A> {
    rank: Rank,
    accepts: A,
}

impl<A: Fn(Rank) -> bool> Best<A> {
    /// Tries an ascending list up to the best rank known.
    fn try_list(&mut self, ranks: &[Rank]) {
        let better = ranks.iter().copied().take_while(|rank| *rank < self.rank);
        if let Some(rank) = better.into_iter().find(|rank| (self.accepts)(*rank)) {
            self.rank = rank;
        }
    }
}

/// A match that can stand for its rule in the index.
#[derive(Clone, Copy)]
struct Anchor<'p> {
    subject: &'p Subject,
    matcher: &'p Matcher,
}

impl Anchor<'_> {
    /// How many requests pass the anchor, roughly; fewer is better.
    fn cost(&self) -> u8 {
        let kind = match self.matcher {
            Matcher::Exact(_) | Matcher::In(_) => 0,
            Matcher::Prefix(_) | Matcher::Suffix(_) => 1,
            Matcher::Present | Matcher::Contains(_) | Matcher::Regex(_) => 2,
        };
        match (self.subject, kind) {
            // A whole path is as narrow as a header's value; methods and hosts are shared by many requests.
            (Subject::Method | Subject::Host, kind) => 4 + kind,
            (subject, 2) if subject.is_in_every_request() => 6,
            (_, kind) => kind,
        }
    }
}

/// Matches of which at least one must hold wherever the predicate holds; `None` when there is no such set.
fn anchors(predicate: &Predicate) -> Option<Vec<Anchor<'_>>> {
    match predicate {
        Predicate::Is(subject, matcher) => Some(vec![Anchor { subject, matcher }]),
        Predicate::Not(_) => None,
        Predicate::All(parts) => parts.iter().filter_map(anchors).min_by_key(|found| worst(found)),
        Predicate::Any(parts) => {
            let found: Option<Vec<_>> = parts.iter().map(anchors).collect();
            found.map(|lists| lists.into_iter().flatten().collect())
        }
    }
}

fn worst(anchors: &[Anchor<'_>]) -> (u8, usize) {
    let subjects: HashSet<&Subject, StableState> = anchors.iter().map(|anchor| anchor.subject).collect();
    (anchors.iter().map(Anchor::cost).max().unwrap_or(0), subjects.len())
}
