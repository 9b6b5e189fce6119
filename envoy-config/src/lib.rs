//! The Envoy configuration that follows from a lane group: pure generation.
//!
//! Same input, same bytes: no I/O, no clock, no randomness, no network. Whoever calls [`standalone::render`]
//! writes the files and reads the receipts.
//!
//! ```text
//! LaneGroup + Lanes + Topology ── topology::validate ──▶ standalone::render ──▶ Vec<Proxy> (files by stage)
//! ```

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]

mod connection_manager;
mod envoy;
mod faults;
pub mod filter_configs;
pub mod istio;
pub mod names;
mod plugin;
mod routing;
pub mod standalone;
pub mod topology;
mod upstream;
