//! `docs/performance.md`: what the data say, and what they cannot.
//!
//! ```text
//! aims.rs          what was aimed at, beside what was measured
//! side.rs          the table of the side-by-side run
//! instructions.rs  counted instructions
//! memory.rs        size, load time and memory
//! delays.rs        how exact delays are
//! cluster.rs       the controller with many groups
//! ```

pub mod aims;
pub mod cluster;
pub mod delays;
pub mod instructions;
pub mod memory;
pub mod side;

use crate::performance::{Origin, Part, Performance};

/// What stands above the tables.
const HEAD: &str = "# Performance

This page and its data, `performance.json`, are written by `bench`; do not edit them.
Absolute figures belong to the machine that they were measured on; ratios of one run are what to look at.
";

/// What stands below them.
const TAIL: &str = include_str!("report/tail.md");

/// The whole page; a part that was not measured is left out.
#[must_use]
pub fn page(performance: &Performance) -> String {
    let Performance { http2, http1, instructions, memory, delays, cluster } = performance;
    let mut page = HEAD.to_owned();
    page += &section("Aims", None, &aims::table(performance));
    let mut add = |title, part: Option<(&Origin, String)>| {
        if let Some((origin, text)) = part {
            page += &section(title, Some(origin), &text);
        }
    };
    add("Side by side, HTTP/2", render(http2.as_ref(), side::table));
    add("Side by side, HTTP/1.1", render(http1.as_ref(), side::table));
    add("Instructions", render(instructions.as_ref(), instructions::tables));
    add("Size, load time, memory", render(memory.as_ref(), memory::tables));
    add("How exact delays are", render(delays.as_ref(), |rows| delays::table(rows)));
    add("The controller with many groups", render(cluster.as_ref(), cluster::tables));
    page + TAIL
}

fn render<T>(part: Option<&Part<T>>, table: impl Fn(&T) -> String) -> Option<(&Origin, String)> {
    part.map(|part| (&part.origin, table(&part.data)))
}

fn section(title: &str, origin: Option<&Origin>, text: &str) -> String {
    let origin = origin.map(origin_line).unwrap_or_default();
    format!("\n## {title}\n\n{origin}{text}")
}

fn origin_line(origin: &Origin) -> String {
    let Origin { command, commit, module_sha256, cpu, cores, load_average } = origin;
    let short = |digest: &String| format!(" module sha256 `{}…`,", digest.get(..12).unwrap_or(digest));
    let module = module_sha256.as_ref().map(short).unwrap_or_default();
    format!(
        "`{command}` at commit `{commit}`,{module} on {cores} cores of {cpu}, load average {load_average} before.\n\n"
    )
}

/// A Markdown table. The first column is text, the others are figures.
fn markdown(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rule = format!("|---{}|\n", "|--:".repeat(head.len().saturating_sub(1)));
    rows.into_iter().fold(line(&head) + &rule, |table, row| table + &line(&row))
}

/// A whole number with commas.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0.0, 999.4, 1000.0, 1_234_567.0].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_table_has_a_rule_below_its_head() {
        let rows = [vec!["x".to_owned(), "1".to_owned()]];
        assert_eq!(markdown(&["what", "µs"], rows), "| what | µs |\n|---|--:|\n| x | 1 |\n");
    }

    #[test]
    fn a_page_without_data_has_aims_and_limits_of_the_method() {
        let page = page(&Performance::default());
        assert!(page.contains("## Aims") && page.contains("cannot tell"), "{page}");
        assert_eq!(aims::table(&Performance::default()).matches("not measured").count(), aims::COUNT);
    }
}
