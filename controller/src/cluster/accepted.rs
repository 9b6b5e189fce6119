//! Which spec of an object is in force: the newest one that makes sense.
//!
//! An edit that makes none changes nothing for the proxies: what was accepted last stays in force, and `Accepted`
//! says what is wrong with the edit. A lane is judged beside the others as they are in force, so that an edit which
//! breaks something in common, such as the sum of all shares, is refused itself and not its neighbour.

use jiff::Timestamp;
use lane::model::{AcceptedSpec, Lane, LaneGroup, LaneGroupSpec, LaneSpec, Object};
use lane::problem::Problem;
use lane::time::ms_since_1970;
use lane::validate::{self, Facts};

use super::conditions::Draft;

/// The longest spec of a lane as JSON. The object holds it twice, as it is wanted and as it is in force, and the
/// API server refuses objects of more than 1.5 MB.
pub const MAX_SPEC_BYTES: usize = 700_000;

/// A lane with the number that the API server gave its spec.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The lane, with its status.
    pub lane: Lane,
    /// Its `metadata.generation`.
    pub generation: i64,
}

/// What becomes of an object's spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<S> {
    /// What is in force; nothing where there has never been a spec that makes sense, or none does any more.
    pub in_force: Option<AcceptedSpec<S>>,
    /// The condition `Accepted` of the newest spec.
    pub accepted: Draft,
}

impl<S> Verdict<S> {
    fn new(newest: AcceptedSpec<S>, former: Option<AcceptedSpec<S>>, problems: &[Problem]) -> Self {
        let accepted = Draft::accepted(problems);
        if accepted.is_good() {
            return Self { in_force: Some(newest), accepted };
        }
        let rest = match &former {
            Some(former) => format!("generation {} stays in force", former.generation),
            None => "nothing of it is in force".to_owned(),
        };
        Self { in_force: former, accepted: accepted.and(&rest) }
    }
}

/// What is in force of a group.
#[must_use]
pub fn group(group: &LaneGroup, generation: i64) -> Verdict<LaneGroupSpec> {
    let former = group.status.as_ref().and_then(|status| status.accepted.clone());
    let newest = AcceptedSpec { generation, spec: group.spec.clone() };
    Verdict::new(newest, former, &validate::group(group))
}

/// What is in force of each lane of a group that is itself in force.
#[must_use]
pub fn lanes(group: &LaneGroup, wanted: &[Wanted], now: Timestamp) -> Vec<Verdict<LaneSpec>> {
    let facts = Facts { now_ms: ms_since_1970(now), ..Facts::default() };
    let judge = Judge { group, wanted, facts };
    let newest: Vec<Lane> = wanted.iter().map(|wanted| wanted.lane.clone()).collect();
    let problems = judge.check(&newest);
    let settled = problems.iter().any(Problem::is_error).then(|| judge.settle());
    let verdict = |(index, wanted): (usize, &Wanted)| {
        let newest = AcceptedSpec { generation: wanted.generation, spec: wanted.lane.spec.clone() };
        let Some(standing) = &settled else {
            return Verdict::new(newest, None, &judge.own(&problems, wanted));
        };
        let is_former = standing.get(index) == Some(&Standing::Former);
        let former = former(&wanted.lane).filter(|_| is_former).cloned();
        Verdict::new(newest, former, &judge.problems(standing, index))
    };
    wanted.iter().enumerate().map(verdict).collect()
}

fn former(lane: &Lane) -> Option<&AcceptedSpec<LaneSpec>> {
    lane.status.as_ref()?.accepted.as_ref()
}

/// Which spec of a lane stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Newest,
    Former,
    None,
}

struct Judge<'a> {
    group: &'a LaneGroup,
    wanted: &'a [Wanted],
    facts: Facts,
}

impl Judge<'_> {
    /// Begins with what was in force, and lets in one edit after the other as long as any can be: one that lowers
    /// a share makes room for one that raises another.
    fn settle(&self) -> Vec<Standing> {
        let begin = |wanted: &Wanted| former(&wanted.lane).map_or(Standing::None, |_| Standing::Former);
        let mut standing: Vec<Standing> = self.wanted.iter().map(begin).collect();
        // A change of the group may have made them senseless.
        loop {
            let faulty = self.faulty(&standing);
            if faulty.is_empty() {
                break;
            }
            set(&mut standing, &faulty, Standing::None);
        }
        loop {
            let before = standing.clone();
            for index in 0..self.wanted.len() {
                if self.errors(&standing, index) == 0 {
                    set(&mut standing, &[index], Standing::Newest);
                }
            }
            if standing == before {
                return standing;
            }
        }
    }

    /// The lanes that have errors as they stand.
    fn faulty(&self, standing: &[Standing]) -> Vec<usize> {
        let lanes: Vec<Lane> = self.standing(standing).map(|(_, lane)| lane).collect();
        let problems = self.check(&lanes);
        let is_faulty = |index: &usize| {
            let own = self.wanted.get(*index).map(|wanted| self.own(&problems, wanted));
            own.is_some_and(|own| own.iter().any(Problem::is_error))
        };
        self.standing(standing).map(|(index, _)| index).filter(is_faulty).collect()
    }

    fn errors(&self, standing: &[Standing], index: usize) -> usize {
        self.problems(standing, index).iter().filter(|problem| problem.is_error()).count()
    }

    /// The problems of one lane's newest spec beside the others as they stand. It comes last, so that what is too
    /// much for all together is put down to it.
    fn problems(&self, standing: &[Standing], index: usize) -> Vec<Problem> {
        let Some(wanted) = self.wanted.get(index) else { return Vec::new() };
        let others = self.standing(standing).filter(|(other, _)| *other != index).map(|(_, lane)| lane);
        let lanes: Vec<Lane> = others.chain([wanted.lane.clone()]).collect();
        self.own(&self.check(&lanes), wanted)
    }

    fn check(&self, lanes: &[Lane]) -> Vec<Problem> {
        let mut problems = validate::lanes(self.group, lanes, &self.facts);
        problems.extend(lanes.iter().filter_map(too_long));
        problems
    }

    fn standing<'s>(&'s self, standing: &'s [Standing]) -> impl Iterator<Item = (usize, Lane)> + 's {
        let lane = |(wanted, standing): (&Wanted, &Standing)| match standing {
            Standing::Newest => Some(wanted.lane.clone()),
            Standing::Former => {
                let spec = former(&wanted.lane)?.spec.clone();
                Some(Object { spec, ..wanted.lane.clone() })
            }
            Standing::None => None,
        };
        let all = self.wanted.iter().zip(standing).enumerate();
        all.filter_map(move |(index, pair)| Some((index, lane(pair)?)))
    }

    fn own(&self, problems: &[Problem], wanted: &Wanted) -> Vec<Problem> {
        let prefix = prefix(&wanted.lane);
        let own = problems.iter().filter_map(|problem| {
            let path = problem.path.strip_prefix(&prefix)?.to_owned();
            Some(Problem { path, ..problem.clone() })
        });
        own.collect()
    }
}

fn set(standing: &mut [Standing], indices: &[usize], value: Standing) {
    for index in indices {
        if let Some(place) = standing.get_mut(*index) {
            *place = value;
        }
    }
}

/// How the paths of a lane's problems begin.
fn prefix(lane: &Lane) -> String {
    format!("Lane/{} ", lane.metadata.name)
}

fn too_long(lane: &Lane) -> Option<Problem> {
    let bytes = serde_json::to_vec(&lane.spec).map_or(0, |json| json.len());
    let reason = format!("the lane has {bytes} bytes as JSON, more than {MAX_SPEC_BYTES}");
    let remedy = "use in-lists, prefixes or a share instead of single rules";
    let path = format!("{}spec", prefix(lane));
    (bytes > MAX_SPEC_BYTES).then(|| Problem::error(path, reason, remedy))
}

#[cfg(test)]
mod tests;
