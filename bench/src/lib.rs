//! Measurements: side by side on a real Envoy, and by counted instructions outside of it.
//!
//! ```text
//! ours.rs          what our filter is measured at: configurations and requests
//! host.rs          a minimal proxy-wasm host: deterministic, counts instructions
//! instructions.rs  instructions and host calls of each case
//! callgrind.rs     instructions of the engine alone
//! side.rs          the side-by-side run on a real Envoy
//! memory.rs        size, load time and memory of an Envoy with the filter
//! delays.rs        how exact delays are, beside those of Envoy itself
//! cluster.rs       the controller with many groups, on a real API server
//! performance.rs   the data of all measurements
//! report.rs        docs/performance.md
//! sample.rs        median, spread, ratios
//! random.rs        reproducible random numbers
//! ```

pub mod callgrind;
pub mod cluster;
pub mod delays;
pub mod host;
pub mod instructions;
pub mod memory;
pub mod ours;
pub mod performance;
pub mod random;
pub mod report;
pub mod sample;
pub mod side;
