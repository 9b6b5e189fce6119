//! The Graylane filter: a Wasm module for Envoy that runs one `lane` program per role.
//!
//! A shell: it reads a request's head, asks the program, does what was decided, counts, and reports which
//! configuration it runs. What is decided stands in the crate `lane`; what Envoy offers stands behind the
//! traits of [`host`], so that everything here but the bindings also builds and is tested natively.
//!
//! ```text
//! on_configure ── configure ──▶ Program ──▶ Running ◀── Rc ── Stream ── on_request_headers
//!      │                                      │ head ▶ decide ▶ edits, filter state, counters
//!      └── receipt ◀── on_tick                └── host: trait ◀── envoy ◀── abi: extern "C"
//! ```
//!
//! Nothing here may panic: a trap answers 503 under every failure policy and takes the worker's VM along.
//! Whatever the host refuses, the request goes on.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]

pub mod answer;
pub mod configure;
pub mod head;
pub mod host;
pub mod lines;
pub mod metrics;
pub mod random;
pub mod receipt;
pub mod running;
pub mod signatures;
pub mod traces;
pub mod vm;

#[cfg(target_arch = "wasm32")]
mod abi;
#[cfg(target_arch = "wasm32")]
mod envoy;
#[cfg(target_arch = "wasm32")]
mod root;
#[cfg(target_arch = "wasm32")]
mod start;
#[cfg(target_arch = "wasm32")]
mod stream;
