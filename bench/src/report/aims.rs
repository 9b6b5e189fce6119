//! What was aimed at, beside what was measured.

use super::markdown;
use crate::instructions::Counts;
use crate::performance::Performance;
use crate::sample::Ratio;
use crate::side::{LUA, MATCHER, NOOP, Run};

/// How many aims there are.
pub const COUNT: usize = 7;

/// An aim: a ratio that is to stay at or below a limit.
struct Aim {
    what: &'static str,
    limit: f64,
    measured: Option<Measured>,
}

/// A ratio, with its interval where it is no exact count.
struct Measured {
    value: f64,
    interval: Option<(f64, f64)>,
}

/// All aims as a Markdown table.
#[must_use]
pub fn table(performance: &Performance) -> String {
    let run = performance.http2.as_ref().map(|part| &part.data);
    let counts = performance.instructions.as_ref().map(|part| &part.data);
    let rows = aims(run, counts).into_iter().map(|aim| {
        let measured = aim.measured.as_ref().map_or_else(|| "not measured".to_owned(), Measured::text);
        vec![aim.what.to_owned(), format!("≤ {}", aim.limit), measured, aim.verdict().to_owned()]
    });
    markdown(&["ratio", "aim", "measured", "verdict"], rows)
}

fn aims(run: Option<&Run>, counts: Option<&Counts>) -> [Aim; COUNT] {
    let cost = |what, limit, row: &str, other: &str| {
        let ratio = run.and_then(|run| run.ratio(row, other));
        Aim { what, limit, measured: ratio.map(Measured::from) }
    };
    let rules = |what, many: &str, one: &str| {
        let count = |key: &str| Some(counts?.request(key)?.instructions);
        Aim { what, limit: 1.02, measured: exact(count(many), count(one)) }
    };
    let engine = |key: &str| Some(counts?.engine(key)?.instructions);
    [
        cost("CPU: entry without a lane ÷ no-op filter of the SDK", 1.0, "entry", NOOP),
        cost("CPU: entry without a lane ÷ Lua", 0.75, "entry", LUA),
        cost("CPU: entry with a lane ÷ Lua", 1.2, "entry-lane", "lua-lane"),
        cost("CPU: hop without a decision ÷ no-op filter of the SDK", 0.35, MATCHER, NOOP),
        rules("Wasm instructions: 10,000 rules ÷ one, no lane", "rules-10000", "entry"),
        rules("Wasm instructions: 10,000 rules ÷ one, lane", "rules-10000-lane", "entry-lane"),
        Aim {
            what: "native instructions of a decision: 10,000 rules ÷ one, lane",
            limit: 1.02,
            measured: exact(engine("rules-10000-lane"), engine("entry-lane")),
        },
    ]
}

fn exact(above: Option<f64>, below: Option<f64>) -> Option<Measured> {
    Some(Measured { value: above? / below?, interval: None })
}

impl From<Ratio> for Measured {
    fn from(ratio: Ratio) -> Self {
        Self { value: ratio.value, interval: Some((ratio.low, ratio.high)) }
    }
}

impl Measured {
    fn text(&self) -> String {
        match self.interval {
            Some((low, high)) => format!("{:.2} ({low:.2}–{high:.2})", self.value),
            None => format!("{:.3}", self.value),
        }
    }
}

impl Aim {
    fn verdict(&self) -> &'static str {
        let Some(Measured { value, interval }) = &self.measured else {
            return "";
        };
        let (low, high) = interval.unwrap_or((*value, *value));
        match *value <= self.limit {
            true if high <= self.limit => "met",
            true => "met, within the noise",
            false if low > self.limit => "missed",
            false => "missed, within the noise",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_whether_noise_decides() {
        let verdict = |value, interval| {
            Aim { what: "", limit: 1.0, measured: Some(Measured { value, interval }) }.verdict()
        };
        assert_eq!(verdict(1.0, None), "met");
        assert_eq!(verdict(1.01, None), "missed");
        assert_eq!(verdict(0.9, Some((0.8, 0.95))), "met");
        assert_eq!(verdict(0.9, Some((0.8, 1.1))), "met, within the noise");
        assert_eq!(verdict(1.1, Some((0.9, 1.3))), "missed, within the noise");
        assert_eq!(verdict(1.1, Some((1.05, 1.3))), "missed");
    }
}
