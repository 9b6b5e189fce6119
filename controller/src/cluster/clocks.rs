//! The clocks of a group's proxies that are not the controller's, as its status tells them.
//!
//! What is told stays as long as it is nearly true: a status that follows every second would be written every second.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use lane::model::ClockApart;

use super::conditions::{CLOCKS_AGREE, Draft, reason};
use crate::clock;

/// How many are named, those that are furthest apart first.
const MOST: usize = 10;

/// The clocks that are apart, with how many they are in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// The worst of them.
    pub named: Vec<ClockApart>,
    apart: usize,
    read: usize,
}

impl Clocks {
    /// What there is to tell of clocks, each ahead by so much or not known, after what was told last.
    #[must_use]
    pub fn of(clocks: &BTreeMap<String, Option<SignedDuration>>, told: &[ClockApart]) -> Self {
        let tell = |(pod, ahead): (&String, &Option<SignedDuration>)| {
            let former = told.iter().find(|former| former.pod == *pod);
            let is_still_so = |former: &&ClockApart| {
                ahead.is_none_or(|ahead| is_near(SignedDuration::from_secs(former.ahead_seconds), ahead))
            };
            former.filter(is_still_so).cloned().or_else(|| {
                let ahead = ahead.filter(|ahead| clock::is_apart(*ahead))?;
                Some(ClockApart { pod: pod.clone(), ahead_seconds: ahead.as_secs() })
            })
        };
        let mut named: Vec<ClockApart> = clocks.iter().filter_map(tell).collect();
        named.sort_by_key(|clock| std::cmp::Reverse(clock.ahead_seconds.unsigned_abs()));
        let (apart, read) = (named.len(), clocks.values().flatten().count());
        named.truncate(MOST);
        Self { named, apart, read }
    }

    /// The condition; none where no clock is known.
    #[must_use]
    pub fn condition(&self) -> Option<Draft> {
        if self.apart == 0 {
            return (self.read > 0).then(|| Draft::good(CLOCKS_AGREE, CLOCKS_AGREE, ""));
        }
        let told = |clock: &ClockApart| {
            let ahead = clock::told(SignedDuration::from_secs(clock.ahead_seconds));
            format!("pod {} is {ahead}", clock.pod)
        };
        let named = self.named.iter().map(told).collect::<Vec<_>>().join(", ");
        let others = match self.apart.saturating_sub(self.named.len()) {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        let remedy = "lanes and tickets end by the clock of each proxy: look after the time service of their nodes, \
                      and of the controller's";
        let message = format!("by the controller's clock {named}{others}; {remedy}");
        Some(Draft::bad(CLOCKS_AGREE, reason::CLOCKS_APART, message))
    }
}

/// Whether two readings of a clock may be of the same one.
fn is_near(one: SignedDuration, other: SignedDuration) -> bool {
    one.saturating_sub(other).unsigned_abs() <= clock::BLUR.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(all: &[(&str, Option<i64>)]) -> BTreeMap<String, Option<SignedDuration>> {
        all.iter().map(|(pod, ahead)| ((*pod).to_owned(), ahead.map(SignedDuration::from_secs))).collect()
    }

    fn named(clocks: &Clocks) -> Vec<(&str, i64)> {
        clocks.named.iter().map(|clock| (clock.pod.as_str(), clock.ahead_seconds)).collect()
    }

    #[test]
    fn those_that_are_apart_are_named_the_worst_first() {
        let found =
            Clocks::of(&clocks(&[("a", Some(0)), ("b", Some(60)), ("c", Some(-3600)), ("d", None)]), &[]);
        assert_eq!(named(&found), [("c", -3600), ("b", 60)]);
        let told = found.condition().unwrap();
        assert!(!told.is_good());
        insta::assert_snapshot!(told.message(), @"by the controller's clock pod c is 1h behind, pod b is 1m ahead; lanes and tickets end by the clock of each proxy: look after the time service of their nodes, and of the controller's");
    }

    #[test]
    fn what_was_told_stays_as_long_as_it_is_nearly_true() {
        let told = Clocks::of(&clocks(&[("a", Some(6)), ("b", Some(3600))]), &[]).named;
        for (now, wanted) in [
            ([Some(4), Some(3602)], vec![("b", 3600), ("a", 6)]),
            ([None, None], vec![("b", 3600), ("a", 6)]),
            ([Some(3), Some(3603)], vec![("b", 3603)]),
            ([Some(0), Some(0)], vec![]),
        ] {
            let found = Clocks::of(&clocks(&[("a", now[0]), ("b", now[1])]), &told);
            assert_eq!(named(&found), wanted, "{now:?}");
        }
        assert_eq!(named(&Clocks::of(&clocks(&[("a", None)]), &told)), [("a", 6)], "b is gone");
    }

    #[test]
    fn a_condition_is_true_only_where_a_clock_is_known() {
        assert_eq!(Clocks::of(&clocks(&[("a", None)]), &[]).condition(), None);
        assert!(Clocks::of(&clocks(&[("a", Some(4))]), &[]).condition().unwrap().is_good());
    }

    #[test]
    fn of_many_the_worst_are_named() {
        let pods: Vec<String> = (0..12).map(|number| format!("pod-{number:02}")).collect();
        let all: Vec<_> = pods.iter().map(|pod| (pod.as_str(), Some(3600))).collect();
        let message = Clocks::of(&clocks(&all), &[]).condition().unwrap().message().to_owned();
        assert!(message.contains("pod-09 is 1h ahead, and 2 more;"), "{message}");
    }
}
