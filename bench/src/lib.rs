//! Measurements: side by side on a real Envoy, and by counted instructions outside of it.
//!
//! ```text
//! host.rs     a minimal proxy-wasm host: deterministic, counts instructions
//! ours.rs     what our filter is measured at: configurations and requests
//! side.rs     the side-by-side run on a real Envoy
//! sample.rs   median, spread, ratios
//! random.rs   reproducible random numbers
//! ```

pub mod host;
pub mod ours;
pub mod random;
pub mod sample;
pub mod side;
