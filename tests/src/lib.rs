//! The harness of the end-to-end tests: it starts real processes and speaks to them.
//!
//! ```text
//! envoy.rs      a real Envoy: start, admin interface, stop       process.rs    spawning that outlives a test thread
//! lanectl.rs    the lanectl binary, run with arguments           ports.rs      loopback ports that nobody else takes
//! client.rs     requests over HTTP/1.1, HTTP/2 and gRPC          raw.rs        bytes over a bare TCP connection
//! load.rs       many of them in the background, each recorded    websocket.rs  an echo over WebSocket
//! wait.rs       waiting for a condition, with a deadline         diagnostics.rs  what to print when a test fails
//! ```
//!
//! The tests themselves stand in `e2e/`. They get their binaries by environment variables
//! (`GRAYLANE_ENVOY`, `GRAYLANE_LANECTL`), which `cargo xtask test` sets.

pub mod client;
pub mod diagnostics;
pub mod envoy;
pub mod lanectl;
pub mod load;
pub mod ports;
mod process;
pub mod raw;
pub mod wait;
pub mod websocket;
