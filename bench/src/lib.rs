//! Measurements: side by side on a real Envoy, and by counted instructions outside of it.
//!
//! ```text
//! host.rs   a minimal proxy-wasm host: deterministic, counts instructions
//! ```

pub mod host;
