//! How browsers ask for a lane, as the filter needs it: a rule like any other, and the cookie to set.

use lane::filter_config::BrowserConfig;
use lane::model::browser::{DEFAULT_LANE_COOKIE, RULE};
use lane::model::{Condition, Lane, LaneGroup, NamedMatch, Rule, Trust, ValueMatch};

/// The query parameter and the cookie of a lane; `None` where browsers do not ask for it, or where the group has no
/// cookie for its ticket.
pub(super) fn config(group: &LaneGroup, lane: &Lane) -> Option<BrowserConfig> {
    let browser = lane.spec.cookie_from_query.as_ref()?;
    let cookie = match lane.spec.trust {
        Trust::Ticket => group.spec.tickets.as_ref()?.cookie.clone()?,
        Trust::Free | Trust::Source => browser.cookie.clone().unwrap_or(DEFAULT_LANE_COOKIE.to_owned()),
    };
    Some(BrowserConfig { query: browser.query.clone(), cookie })
}

/// The rule by which browsers enter: the query says so, or it says nothing and the cookie does. What a ticket is worth
/// is looked at beside the rule.
pub(super) fn rule(group: &LaneGroup, lane: &Lane) -> Option<Rule> {
    let BrowserConfig { query, cookie } = config(group, lane)?;
    let in_query = |value| Condition::Query(NamedMatch { name: query.clone(), value });
    let in_cookie = |value| Condition::Cookie(NamedMatch { name: cookie.clone(), value });
    let not = |condition| Condition::Not(Box::new(condition));
    let by_cookie = |value| Condition::All(vec![in_cookie(value), not(in_query(ValueMatch::Present))]);
    let parts = match lane.spec.trust {
        Trust::Ticket => {
            let empty = in_query(ValueMatch::Exact(String::new()));
            let by_query = Condition::All(vec![in_query(ValueMatch::Present), not(empty)]);
            vec![by_query, by_cookie(ValueMatch::Present)]
        }
        Trust::Free | Trust::Source => {
            let name = || ValueMatch::Exact(lane.metadata.name.to_string());
            vec![in_query(name()), by_cookie(name())]
        }
    };
    Some(Rule { name: RULE.parse().ok()?, condition: Condition::Any(parts) })
}

#[cfg(test)]
mod tests {
    use lane::filter_config::Role;
    use lane::head::MemoryHead;
    use lane::model::{LANE, LANE_GROUP};
    use lane::name::WorkloadName;
    use lane::program::Program;

    use super::*;
    use crate::filter_configs::{Place, filter_config};

    /// The program of an entry for lane `gray` with this specification.
    fn entry(lane: &str) -> Program {
        let public = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
        let tickets = format!(r#"{{"cookie":"pass","keys":[{{"id":"k1","publicKey":"{public}"}}]}}"#);
        let group = format!(r#"{{"entries":["edge"],"services":[],"tickets":{tickets}}}"#);
        let group =
            LaneGroup::new(LANE_GROUP, "shop".parse().unwrap(), serde_json::from_str(&group).unwrap());
        let lane = format!(r#"{{"group":"shop",{lane}}}"#);
        let lane = Lane::new(LANE, "gray".parse().unwrap(), serde_json::from_str(&lane).unwrap());
        let name: WorkloadName = "edge".parse().unwrap();
        let place = Place { name: &name, lane: None, is_workload: false, is_entry: true };
        let config = filter_config(&group, &[&lane], place, Role::Entry, 7, |_| false);
        assert_eq!(config.version, 3, "an older module would not know the cookie");
        Program::compile(config).unwrap()
    }

    fn cookie(program: &Program) -> &str {
        &program.config().lanes[0].browser.as_ref().unwrap().cookie
    }

    #[test]
    fn the_query_decides_where_it_is_and_else_the_cookie() {
        let program = entry(r#""cookieFromQuery":{"query":"lane"}"#);
        assert_eq!(cookie(&program), DEFAULT_LANE_COOKIE);
        for (path, cookie, enters) in [
            ("/?lane=gray", "", true),
            ("/", "lane=gray", true),
            ("/?lane=gray", "lane=blue", true),
            ("/?lane=blue", "lane=gray", false),
            ("/?lane=", "lane=gray", false),
            ("/?other=gray", "", false),
            ("/", "lane=blue", false),
        ] {
            let line = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
            let headers = vec![line(":path", path), line("cookie", cookie)];
            let decision = program.decide(&MemoryHead { headers, ..MemoryHead::default() }, 0, 0);
            let rule = decision.and_then(|decision| decision.rule).map(|rule| rule.name.as_str());
            assert_eq!(rule, enters.then_some(RULE), "{path} {cookie}");
        }
    }

    #[test]
    fn a_ticket_is_in_the_cookie_of_tickets() {
        let browser = r#""cookieFromQuery":{"query":"lane"}"#;
        assert_eq!(cookie(&entry(&format!(r#""trust":"Ticket",{browser}"#))), "pass");
        let named = r#""cookieFromQuery":{"query":"lane","cookie":"__Host-lane"}"#;
        assert_eq!(cookie(&entry(named)), "__Host-lane");
    }
}
