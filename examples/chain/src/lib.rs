//! An application of the example call chain.
//!
//! It answers HTTP/1.1, HTTP/2 (prior knowledge), gRPC and WebSocket on one port, and calls the next hop with
//! what it received: same version, method, path and body, and the caller's headers as the bytes they are.
//! It knows nothing of lanes; whatever puts a request into one happens in the proxies around it.
//!
//! ```text
//! app.rs       start, accept, stop             tasks.rs    everything spawned, so that it can be ended
//! hop.rs       one request: relay or answer    headers.rs  what is forwarded, what is reported
//! relay.rs     the call to the next hop        last.rs     the answer of the last hop
//! next.rs      the client that dials it        upgrade.rs  WebSocket: tunnel and echo
//! body.rs      body type, limits               report.rs   the JSON answers
//! config.rs    name, listener, next hop        witness.rs  who is told of each request
//! ```
//!
//! The answer of an ordinary request is JSON: `hops` names every application on the way, and the last one adds
//! the `headers` it saw. Every response carries the same way in its `x-hops` header.

mod app;
mod body;
mod config;
mod headers;
mod hop;
mod last;
mod next;
mod relay;
mod report;
mod tasks;
mod upgrade;
mod witness;

pub use app::{App, Running};
pub use config::{Config, Forward, NextHop};
pub use witness::{Seen, Witness};
