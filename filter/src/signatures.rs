//! What is known of the signatures of lane tickets, and how many more are looked at.
//!
//! To look at a signature takes a worker as long as some tens of requests, and whoever can reach the entry can send
//! tickets with a wrong one. So a VM remembers what it has found out, by the SHA-256 of ticket and key: an attacker can
//! neither find another ticket of the same digest nor push valid ones out with wrong ones. And it looks at no more than
//! [`BUDGET`] unknown tickets in a second; what is beyond gets the baseline, as a wrong ticket does.
//!
//! All that changes with time or configuration (end, group, lane, keys) is checked at every request and not
//! remembered, so that this outlives configurations.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};

use lane::ticket::{PublicKey, Ticket, Verdict, Verifier};
use sha2::{Digest as _, Sha256};

/// The most unknown tickets whose signature a worker looks at in a second.
pub const BUDGET: u32 = 200;

/// The most tickets of each kind, valid and wrong, that a worker remembers.
pub const REMEMBERED: usize = 4096;

const SECOND_MS: u64 = 1000;

/// SHA-256 of a key and a ticket.
type Fingerprint = [u8; 32];

/// What one VM knows.
#[derive(Debug, Default)]
pub struct Signatures {
    valid: Memory,
    wrong: Memory,
    /// When the second of the budget began, and how much of it is spent.
    second_ms: u64,
    spent: u32,
}

impl Signatures {
    fn verify(&mut self, ticket: &Ticket<'_>, key: &PublicKey, now_ms: u64) -> Verdict {
        let fingerprint =
            Sha256::new().chain_update(key.as_bytes()).chain_update(ticket.text).finalize().into();
        if self.valid.holds(&fingerprint) {
            return Verdict::Known;
        }
        if self.wrong.holds(&fingerprint) {
            return Verdict::Invalid;
        }
        if !self.spend(now_ms) {
            return Verdict::OverBudget;
        }
        if ticket.is_signed_by(key) {
            self.valid.add(fingerprint);
            Verdict::Valid
        } else {
            self.wrong.add(fingerprint);
            Verdict::Invalid
        }
    }

    /// Takes one look from the budget, if there is one left in this second. A clock that was set back begins anew.
    fn spend(&mut self, now_ms: u64) -> bool {
        if !(self.second_ms..self.second_ms.saturating_add(SECOND_MS)).contains(&now_ms) {
            (self.second_ms, self.spent) = (now_ms, 0);
        }
        let is_left = self.spent < BUDGET;
        self.spent = self.spent.saturating_add(u32::from(is_left));
        is_left
    }
}

/// Fingerprints, the oldest of which makes room for a new one.
#[derive(Debug, Default)]
struct Memory {
    known: BTreeSet<Fingerprint>,
    order: VecDeque<Fingerprint>,
}

impl Memory {
    fn holds(&self, fingerprint: &Fingerprint) -> bool {
        self.known.contains(fingerprint)
    }

    fn add(&mut self, fingerprint: Fingerprint) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        if self.known.insert(fingerprint) {
            self.order.push_back(fingerprint);
        }
    }
}

/// Looks at signatures for a request, with what the VM knows.
#[derive(Clone, Copy, Debug)]
pub struct Checker<'v> {
    signatures: &'v RefCell<Signatures>,
    now_ms: u64,
}

impl<'v> Checker<'v> {
    /// For a request at `now_ms`.
    #[must_use]
    pub fn new(signatures: &'v RefCell<Signatures>, now_ms: u64) -> Self {
        Self { signatures, now_ms }
    }
}

impl Verifier for Checker<'_> {
    fn verify(&self, ticket: &Ticket<'_>, key: &PublicKey) -> Verdict {
        // Nothing else holds it: no callback of ours runs inside another.
        let Ok(mut signatures) = self.signatures.try_borrow_mut() else { return Verdict::OverBudget };
        signatures.verify(ticket, key, self.now_ms)
    }
}

#[cfg(test)]
mod tests;
