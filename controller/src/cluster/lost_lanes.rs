//! The workloads whose applications lose lanes, for the status of a group.
//!
//! Counters grow with every request, and a status that grew with them would be written, and looked at by every watch,
//! as often as the proxies are asked. So a number stands until it has doubled.

use std::collections::{BTreeMap, BTreeSet};

use lane::model::LostLane;
use lane::name::LaneName;

use super::dereference::Serves;
use crate::losses::Loss;

/// The most entries that a status holds: those with the most requests.
const MOST: usize = 20;

/// What one proxy of a workload has said.
#[derive(Clone, Debug)]
pub struct Told<'p> {
    /// The workload.
    pub serves: &'p Serves,
    /// What it has lost; `None` where the proxy could not be asked.
    pub losses: Option<&'p [Loss]>,
}

/// What an entry is about: service, workload, lane and reason.
type Key = (String, String, Option<LaneName>, String);

/// The entries of the status, by those that stand there and what the proxies say now; of `lanes` alone.
#[must_use]
pub fn next(former: &[LostLane], told: &[Told<'_>], lanes: &[&LaneName]) -> Vec<LostLane> {
    let of_group = |lane: &Option<LaneName>| lane.as_ref().is_none_or(|lane| lanes.contains(&lane));
    let mut now = sums(told);
    // What a proxy has said that is silent now is not forgotten.
    let silent: BTreeSet<_> =
        told.iter().filter(|told| told.losses.is_none()).map(|told| told.serves).collect();
    for entry in former {
        let serves = Serves { service: entry.service.clone(), workload: entry.workload.clone() };
        if silent.contains(&serves) {
            let sum = now.entry(key(entry)).or_default();
            *sum = entry.requests.max(*sum);
        }
    }
    now.retain(|(_, _, lane, _), _| of_group(lane));
    let known: BTreeMap<Key, u64> = former.iter().map(|entry| (key(entry), entry.requests)).collect();
    let mut entries: Vec<LostLane> =
        now.into_iter().map(|(key, sum)| entry(shown(known.get(&key).copied(), sum), key)).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.requests));
    entries.truncate(MOST);
    entries.sort_by_key(key);
    entries
}

/// The number that stands there, unless it has doubled, or begun anew with the proxies.
fn shown(former: Option<u64>, now: u64) -> u64 {
    former.filter(|former| (*former..former.saturating_mul(2)).contains(&now)).unwrap_or(now)
}

fn sums(told: &[Told<'_>]) -> BTreeMap<Key, u64> {
    let mut sums = BTreeMap::new();
    for Told { serves, losses } in told {
        for loss in losses.iter().copied().flatten().filter(|loss| loss.is_of_all()) {
            let lane = match &loss.lane {
                None => None,
                // What is no name is none of ours.
                Some(lane) => match lane.parse() {
                    Ok(lane) => Some(lane),
                    Err(_) => continue,
                },
            };
            let key = (serves.service.clone(), serves.workload.clone(), lane, loss.reason.clone());
            let sum: &mut u64 = sums.entry(key).or_default();
            *sum = sum.saturating_add(loss.requests);
        }
    }
    sums
}

fn key(entry: &LostLane) -> Key {
    (entry.service.clone(), entry.workload.clone(), entry.lane.clone(), entry.reason.clone())
}

fn entry(requests: u64, (service, workload, lane, reason): Key) -> LostLane {
    LostLane { service, workload, lane, reason, requests }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serves(workload: &str) -> Serves {
        Serves { service: "demo/b".to_owned(), workload: workload.to_owned() }
    }

    fn lost(reason: &str, requests: u64) -> Loss {
        let lane = (reason != "ambiguous").then(|| "gray".to_owned());
        Loss { lane, reason: reason.to_owned(), requests }
    }

    /// The entries as text, after each proxy of `b-v1` has said this.
    fn after(former: &[LostLane], proxies: &[Option<Vec<Loss>>]) -> Vec<LostLane> {
        let b = serves("b-v1");
        let told: Vec<Told<'_>> =
            proxies.iter().map(|losses| Told { serves: &b, losses: losses.as_deref() }).collect();
        next(former, &told, &[&"gray".parse().unwrap()])
    }

    fn texts(entries: &[LostLane]) -> Vec<String> {
        let text = |entry: &LostLane| format!("{} {} {}", entry.workload, entry.reason, entry.requests);
        entries.iter().map(text).collect()
    }

    #[test]
    fn the_proxies_of_a_workload_are_added_up() {
        let one = vec![lost("trace", 3), lost("baggage", 9), lost("ambiguous", 1)];
        let other = Loss { lane: Some("blue".to_owned()), ..lost("trace", 5) };
        let entries = after(&[], &[Some(one), Some(vec![lost("trace", 4), other])]);
        assert_eq!(texts(&entries), ["b-v1 ambiguous 1", "b-v1 trace 7"], "blue is no lane of the group");
    }

    #[test]
    fn a_number_stands_until_it_has_doubled_or_begun_anew() {
        let mut entries = Vec::new();
        for (now, want) in [(7, 7), (7, 7), (13, 7), (14, 14), (27, 14), (3, 3)] {
            entries = after(&entries, &[Some(vec![lost("trace", now)])]);
            assert_eq!(texts(&entries), [format!("b-v1 trace {want}")], "{now}");
        }
        assert_eq!(after(&entries, &[Some(Vec::new())]), [], "a mended application is not named");
    }

    #[test]
    fn who_is_silent_is_not_forgotten_and_who_is_gone_is() {
        let known = after(&[], &[Some(vec![lost("trace", 8)])]);
        assert_eq!(after(&known, &[None]), known);
        assert_eq!(texts(&after(&known, &[None, Some(vec![lost("trace", 2)])])), ["b-v1 trace 8"]);
        assert_eq!(next(&known, &[], &[&"gray".parse().unwrap()]), []);
        let b = serves("b-v1");
        assert_eq!(next(&known, &[Told { serves: &b, losses: None }], &[]), [], "the lane is gone");
    }

    #[test]
    fn the_list_is_bounded_and_those_that_lose_most_stay() {
        let workloads: Vec<Serves> = (0..50).map(|number| serves(&format!("w-{number}"))).collect();
        let losses: Vec<Vec<Loss>> = (1..=50).map(|requests| vec![lost("trace", requests)]).collect();
        let told: Vec<Told<'_>> = workloads
            .iter()
            .zip(&losses)
            .map(|(serves, losses)| Told { serves, losses: Some(losses) })
            .collect();
        let entries = next(&[], &told, &[&"gray".parse().unwrap()]);
        assert_eq!(entries.len(), MOST);
        assert!(entries.iter().all(|entry| entry.requests > 30));
    }
}
