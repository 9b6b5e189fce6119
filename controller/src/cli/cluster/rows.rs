//! Lanes and groups as rows of a table.

use jiff::Timestamp;
use kube::ResourceExt as _;
use lane::model::{ObjectCondition, ProxyCount};

use crate::cli::get::sticky;
use crate::cluster::conditions::{ACCEPTED, PROGRAMMED};
use crate::cluster::crd::{Lane, LaneGroup};
use crate::ending;

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

/// An object that is listed.
pub(super) trait Listed {
    /// Its kind as `kind/name` has it.
    const KIND: &'static str;
    /// The columns of a table, then those of a wide one.
    const COLUMNS: (&'static [&'static str], &'static [&'static str]);

    /// The cells of a table.
    fn row(&self) -> Vec<String>;

    /// The further cells of a wide one.
    fn wide(&self) -> Vec<String>;
}

impl Listed for Lane {
    const KIND: &'static str = "lane";
    const COLUMNS: (&'static [&'static str], &'static [&'static str]) = (
        &["NAME", "GROUP", "RULES", "SHARE", "ENDS", "ACCEPTED", "PROGRAMMED"],
        &["EXPIRES", "STICKY", "PRIORITY", "OWNER"],
    );

    fn row(&self) -> Vec<String> {
        let spec = &self.spec.0;
        let conditions = self.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        vec![
            self.name_any(),
            spec.group.to_string(),
            spec.rules.len().to_string(),
            spec.share.as_ref().map_or_else(nothing, |share| share.percent.to_string()),
            ending::cell(spec.expires, Timestamp::now()),
            state(conditions, ACCEPTED),
            state(conditions, PROGRAMMED),
        ]
    }

    fn wide(&self) -> Vec<String> {
        let spec = &self.spec.0;
        let key = spec.share.as_ref().and_then(|share| share.key.as_ref());
        vec![
            spec.expires.map_or_else(nothing, |end| end.to_string()),
            key.map_or_else(nothing, sticky),
            spec.priority.to_string(),
            spec.owner.clone().unwrap_or_else(nothing),
        ]
    }
}

impl Listed for LaneGroup {
    const KIND: &'static str = "lanegroup";
    const COLUMNS: (&'static [&'static str], &'static [&'static str]) = (
        &["NAME", "ENTRIES", "SERVICES", "ACCEPTED", "PROGRAMMED", "PROXIES"],
        &["HEADER", "FALLBACK", "GENERATION"],
    );

    fn row(&self) -> Vec<String> {
        let spec = &self.spec.0;
        let status = self.status.clone().unwrap_or_default();
        let entries: Vec<_> = spec.entries.iter().map(ToString::to_string).collect();
        let services: Vec<_> = spec.services.iter().map(|service| service.name.as_str()).collect();
        vec![
            self.name_any(),
            entries.join(","),
            services.join(","),
            state(&status.conditions, ACCEPTED),
            state(&status.conditions, PROGRAMMED),
            proxies(status.proxies),
        ]
    }

    fn wide(&self) -> Vec<String> {
        let spec = &self.spec.0;
        let generation = self.status.as_ref().map_or(0, |status| status.rules_generation);
        vec![spec.lane_header.to_string(), format!("{:?}", spec.fallback), generation.to_string()]
    }
}

/// The status of a condition; unknown where nobody has looked.
pub(super) fn state(conditions: &[ObjectCondition], kind: &str) -> String {
    let found = conditions.iter().find(|condition| condition.kind == kind);
    found.map_or("Unknown", |condition| condition.status.as_str()).to_owned()
}

/// How many proxies have followed.
pub(super) fn proxies(ProxyCount { ready, total, .. }: ProxyCount) -> String {
    format!("{ready} of {total}")
}

fn nothing() -> String {
    NOTHING.to_owned()
}

/// Columns of rows that come one after the other: each is as wide as its widest cell so far.
#[derive(Default)]
pub(super) struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    pub(super) fn line(&mut self, cells: &[String]) -> String {
        self.widths.resize(self.widths.len().max(cells.len()), 0);
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&mut self.widths) {
            *width = (*width).max(cell.chars().count());
            line.push_str(cell);
            let gap = width.saturating_sub(cell.chars().count()).saturating_add(3);
            line.extend(std::iter::repeat_n(' ', gap));
        }
        line.trim_end().to_owned() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_rows_keep_the_columns_of_earlier_ones() {
        let mut columns = Columns::default();
        let mut line = |a: &str, b: &str| columns.line(&[a.to_owned(), b.to_owned()]);
        assert_eq!(line("NAME", "GROUP"), "NAME   GROUP\n");
        assert_eq!(line("a", "shop"), "a      shop\n");
        assert_eq!(line("a-long-name", "x"), "a-long-name   x\n");
        assert_eq!(line("b", "x"), "b             x\n");
    }
}
