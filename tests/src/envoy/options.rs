//! How an Envoy is started.

use crate::diagnostics::Diagnostics;

/// Options of [`crate::envoy::Envoy::start`].
#[derive(Clone, Debug)]
pub struct EnvoyOptions {
    /// Worker threads.
    pub concurrency: u32,
    /// Log level, such as `info` or `debug`.
    pub log_level: String,
    /// Levels of single components. `main` is held at `warning`: it begins with a hundred lines of inventory.
    pub component_log_level: String,
    /// Further arguments, as on the command line.
    pub extra_args: Vec<String>,
    /// Gets the report of this Envoy.
    pub diagnostics: Diagnostics,
}

impl EnvoyOptions {
    /// One worker, log level `info`.
    #[must_use]
    pub fn new(diagnostics: &Diagnostics) -> Self {
        Self {
            concurrency: 1,
            log_level: "info".to_owned(),
            component_log_level: "main:warning".to_owned(),
            extra_args: Vec::new(),
            diagnostics: diagnostics.clone(),
        }
    }

    /// Another number of workers.
    #[must_use]
    pub fn concurrency(self, concurrency: u32) -> Self {
        Self { concurrency, ..self }
    }

    /// Another log level.
    #[must_use]
    pub fn log_level(self, log_level: &str) -> Self {
        Self { log_level: log_level.to_owned(), ..self }
    }

    /// Other levels of single components, such as `main:warning,wasm:debug`.
    #[must_use]
    pub fn component_log_level(self, levels: &str) -> Self {
        Self { component_log_level: levels.to_owned(), ..self }
    }

    /// Further arguments.
    #[must_use]
    pub fn extra_args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.extra_args.extend(args.into_iter().map(str::to_owned));
        self
    }
}
