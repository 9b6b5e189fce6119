//! From the bytes of a configuration to what runs, or to a refusal that says why.

use std::fmt;

use lane::filter_config::Role;
use lane::metric::{BAD_CONFIGS_TOTAL, Metric};
use lane::problem::Problem;
use lane::program::Program;

/// The most problems that a refusal spells out.
const MOST_TOLD: usize = 8;

/// A configuration that cannot be used.
#[derive(Debug)]
pub struct Refused {
    role: Option<Role>,
    problems: Vec<Problem>,
}

/// Compiles a configuration.
///
/// # Errors
/// All problems found, with the role as far as it could be read.
pub fn compile(json: &[u8]) -> Result<Program, Refused> {
    Program::from_json(json).map_err(|problems| Refused { role: role(json), problems })
}

/// The role that a configuration names, whatever else is wrong with it.
fn role(json: &[u8]) -> Option<Role> {
    #[derive(serde::Deserialize)]
    struct Roled {
        role: Role,
    }
    serde_json::from_slice::<Roled>(json).ok().map(|roled| roled.role)
}

impl Refused {
    /// The counter of refusals.
    #[must_use]
    pub fn metric(&self) -> Metric {
        Metric::new(BAD_CONFIGS_TOTAL, [("role", self.role.map_or("unknown", Role::as_str))])
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configuration refused, the last good one stays")?;
        for problem in self.problems.iter().take(MOST_TOLD) {
            write!(f, " | {problem}")?;
        }
        match self.problems.len().saturating_sub(MOST_TOLD) {
            0 => Ok(()),
            more => write!(f, " | and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> Refused {
        compile(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_refusal_names_the_role_where_it_can() {
        for (json, want) in [
            (r#"{"version": 99, "role": "outbound"}"#, "outbound"),
            (r#"{"version": 1, "role": "sideways"}"#, "unknown"),
            ("{", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(refused(json).metric().labels, [("role", want.to_owned())], "{json}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let text = refused(r#"{"version": 99}"#).to_string();
        assert!(text.starts_with("configuration refused, the last good one stays | version: "), "{text}");
    }

    #[test]
    fn a_refusal_is_short() {
        let problem = |i: usize| Problem::error(format!("rules[{i}]"), "bad", "mend it");
        let refused = Refused { role: None, problems: (0..100).map(problem).collect() };
        let text = refused.to_string();
        assert!(text.ends_with("rules[7]: bad; mend it | and 92 more"), "{text}");
    }
}
