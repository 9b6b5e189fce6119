//! The rows of the table: what is measured, with which request, and against which base.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::envoy_config::{FALLBACK_CLUSTER, LANE_CLUSTER, Routes};
use super::filters;
use crate::ours::{
    self, BASELINE, CARRIES, ENTERS, FOREIGN_BAGGAGE, LANE, LANE_BAGGAGE, Line, OTHER, TICKET, WRONG_TICKET,
};

/// Row of the SDK's no-op filter.
pub const NOOP: &str = "noop";
/// Row of the Lua filter, without a lane; with a lane `-lane` follows.
pub const LUA: &str = "lua";
/// Row of a hop without a decision.
pub const MATCHER: &str = "matcher";

/// A row: a listener of its own, and the request that it gets.
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) title: String,
    /// Key of the row that it is compared with: the same routes and the same request without the filter.
    pub(crate) base: Option<String>,
    pub(crate) routes: Routes,
    pub(crate) filters: Vec<Value>,
    pub(crate) early_removal: bool,
    pub(crate) request: Vec<Line>,
    /// Body of the answer, which proves where the request went.
    pub(crate) body: &'static str,
}

impl Row {
    fn new(key: &str, title: &str, base: Option<&str>, routes: Routes, request: &[Line]) -> Self {
        // Without a filter, only what carries the lane header is routed to the lane, and only by a second route.
        let by_header = request.contains(&CARRIES) && !matches!(routes, Routes::One | Routes::Cluster);
        Self {
            key: key.to_owned(),
            title: title.to_owned(),
            base: base.map(str::to_owned),
            routes,
            filters: Vec::new(),
            early_removal: false,
            request: request.to_vec(),
            body: if by_header { LANE } else { BASELINE },
        }
    }

    /// A row of a filter in front of both routes, compared with the same request without it.
    fn filter(key: &str, title: &str, filter: Value, request: &[Line], in_lane: bool) -> Self {
        let base = base_key(request);
        let row = Self::new(key, title, Some(base), Routes::ByLane, request);
        Self { filters: vec![filter], body: if in_lane { LANE } else { BASELINE }, ..row }
    }
}

/// All rows, in the order of the table.
pub(crate) fn rows(module: &Path, noop_module: &Path) -> Result<Vec<Row>> {
    let mut rows = bases();
    rows.extend(native());
    rows.extend(lua());
    rows.push(Row::filter(
        NOOP,
        "Wasm: no-op filter of the SDK",
        filters::noop(noop_module),
        &[OTHER],
        false,
    ));
    for case in ours::cases()? {
        let filter = filters::ours(module, &case.config)?;
        let row =
            Row::filter(case.key, &format!("Graylane: {}", case.title), filter, &case.request, case.in_lane);
        let early_removal = case.key.starts_with(ours::RENDERED);
        rows.push(Row { early_removal, ..row });
    }
    rows.extend(hops());
    Ok(rows)
}

/// Key of the row without a filter that gets this request.
fn base_key(request: &[Line]) -> &'static str {
    match request {
        [ENTERS] => "routes-gray",
        [CARRIES] => "routes-lane",
        [OTHER, FOREIGN_BAGGAGE] => "routes-baggage",
        [ENTERS, FOREIGN_BAGGAGE] => "routes-gray-baggage",
        [OTHER, LANE_BAGGAGE] => "routes-lane-baggage",
        [ENTERS, TICKET] => "routes-ticket",
        [ENTERS, WRONG_TICKET] => "routes-wrong-ticket",
        _ => "routes",
    }
}

fn bases() -> Vec<Row> {
    let none = Row::new("none", "no filter, one route", None, Routes::One, &[OTHER]);
    let title = "native: route header match (two routes)";
    let routes = Row::new("routes", title, Some("none"), Routes::ByLane, &[OTHER]);
    let requests: [(&str, &[Line]); 7] = [
        ("x-gray", &[ENTERS]),
        ("x-lane", &[CARRIES]),
        ("baggage", &[OTHER, FOREIGN_BAGGAGE]),
        ("x-gray and baggage", &[ENTERS, FOREIGN_BAGGAGE]),
        ("the lane in baggage", &[OTHER, LANE_BAGGAGE]),
        ("x-gray and a ticket", &[ENTERS, TICKET]),
        ("x-gray and a wrong ticket", &[ENTERS, WRONG_TICKET]),
    ];
    let others = requests.map(|(what, request)| {
        let title = format!("no filter, two routes; request with {what}");
        Row::new(base_key(request), &title, None, Routes::ByLane, request)
    });
    [none, routes].into_iter().chain(others).collect()
}

fn native() -> [Row; 2] {
    [
        Row::filter("fault", "native: fault filter at 0 %", filters::idle_fault(), &[OTHER], false),
        Row::filter(
            "header-to-metadata",
            "native: header_to_metadata, header present",
            filters::header_to_metadata(),
            &[ENTERS],
            false,
        ),
    ]
}

fn lua() -> [Row; 4] {
    [
        Row::filter(LUA, "Lua, the entry's logic, no lane", filters::lua(false), &[OTHER], false),
        Row::filter("lua-lane", "Lua, the entry's logic, lane", filters::lua(false), &[ENTERS], true),
        Row::filter(
            "lua-baggage",
            "Lua, entry and baggage, no lane",
            filters::lua(true),
            &[OTHER, FOREIGN_BAGGAGE],
            false,
        ),
        Row::filter(
            "lua-baggage-lane",
            "Lua, entry and baggage, lane",
            filters::lua(true),
            &[ENTERS, FOREIGN_BAGGAGE],
            true,
        ),
    ]
}

/// Hops that decide nothing: they forward to an upstream, as their bases do.
fn hops() -> [Row; 5] {
    let cluster = "cluster";
    let cluster_lane = "cluster-lane";
    let to = |lane_cluster| Routes::Matcher { lane_cluster };
    [
        Row::new(cluster, "forward to a cluster, no filter", None, Routes::Cluster, &[OTHER]),
        Row::new(
            cluster_lane,
            "forward to a cluster, no filter; request with x-lane",
            None,
            Routes::Cluster,
            &[CARRIES],
        ),
        Row::new(MATCHER, "matcher alone, no lane", Some(cluster), to(LANE_CLUSTER), &[OTHER]),
        Row::new("matcher-lane", "matcher alone, lane", Some(cluster_lane), to(LANE_CLUSTER), &[CARRIES]),
        Row::new(
            "matcher-aggregate",
            "matcher and aggregate cluster, lane",
            Some(cluster_lane),
            to(FALLBACK_CLUSTER),
            &[CARRIES],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_base_is_a_row_with_the_same_request() {
        let rows = rows(Path::new("a.wasm"), Path::new("b.wasm")).unwrap();
        for row in &rows {
            let Some(base) = &row.base else { continue };
            let base = rows.iter().find(|other| other.key == *base);
            assert_eq!(base.map(|base| &base.request), Some(&row.request), "{}", row.key);
        }
    }

    #[test]
    fn keys_are_unique() {
        let rows = rows(Path::new("a.wasm"), Path::new("b.wasm")).unwrap();
        let keys: std::collections::BTreeSet<_> = rows.iter().map(|row| &row.key).collect();
        assert_eq!(keys.len(), rows.len());
    }
}
