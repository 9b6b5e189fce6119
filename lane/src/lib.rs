//! The lane model and rule engine: the one place where a lane is defined, checked, compiled and decided.
//!
//! Pure by contract: no I/O, no clock and no randomness of its own; time and random draws are arguments.
//! The same code runs inside the Wasm filter, in `lanectl`, in the tests and in the benches, so that all
//! of them decide alike. It knows neither Envoy nor Kubernetes.
//!
//! Data flows one way:
//!
//! ```text
//! text ── parse ──▶ model ── validate ──▶ filter_config ── Program::compile ──▶ Program ── on_request ──▶ Outcome
//! ```

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]

pub mod baggage;
pub mod browser;
pub mod cookie;
pub mod duration;
pub mod fault;
pub mod filter_config;
pub mod head;
pub mod host;
mod index;
pub mod matcher;
pub mod metric;
pub mod model;
pub mod name;
pub mod outcome;
pub mod parse;
pub mod percent;
pub mod precedence;
mod predicate;
mod preflight;
pub mod problem;
pub mod program;
pub mod query;
pub mod recovery;
#[cfg(feature = "schema")]
mod schema;
pub mod share;
pub mod source;
mod subject;
pub mod ticket;
pub mod time;
pub mod trace_id;
pub mod trail;
pub mod validate;
