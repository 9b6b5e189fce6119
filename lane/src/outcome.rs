//! What the engine wants done with a request: edits, the lane, and what to count.

use std::borrow::Cow;

use crate::browser::CookieChange;
use crate::metric::CounterId;
use crate::name::{FaultName, LaneName};

/// One change of the request's headers, applied in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit<'a> {
    /// Replace all lines of `name` by one line with `value`, or add it.
    Set {
        /// Header name, lower case.
        name: &'a str,
        /// The whole new value.
        value: Cow<'a, [u8]>,
    },
    /// Remove all lines of `name`.
    Remove {
        /// Header name, lower case.
        name: &'a str,
    },
}

/// What one role wants done with one request. Holds no allocation when there is nothing to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// Changes of the headers, in order.
    pub edits: Vec<Edit<'a>>,
    /// The lane that the request is in when it leaves this role; `None` on the baseline.
    pub lane: Option<&'a LaneName>,
    /// The fault that is injected, of which the edits tell Envoy's fault filter.
    pub fault: Option<&'a FaultName>,
    /// Counters to increment by one.
    pub counters: Counters,
    /// What the answer to the request says of cookies.
    pub cookies: Vec<CookieChange>,
}

/// At most [`Counters::CAPACITY`] counters, without allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    ids: [Option<CounterId>; Self::CAPACITY],
}

impl Counters {
    /// The most counters that one request increments in one role.
    pub const CAPACITY: usize = 6;

    /// Adds a counter; one too many is dropped, which a debug build asserts against.
    pub fn push(&mut self, id: CounterId) {
        let free = self.ids.iter_mut().find(|slot| slot.is_none());
        debug_assert!(free.is_some(), "more than {} counters for one request", Self::CAPACITY);
        if let Some(slot) = free {
            *slot = Some(id);
        }
    }

    /// The counters in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = CounterId> + '_ {
        self.ids.iter().copied().flatten()
    }
}
