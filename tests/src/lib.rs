//! The harness of the end-to-end tests: it starts real processes and speaks to them.
//!
//! ```text
//! mesh.rs         a gateway and a call chain, an Envoy per workload
//! envoy.rs        a real Envoy: start, admin interface, stop
//! cluster.rs      a Kubernetes control plane without containers
//! istiod.rs       a real istiod, and meshes that it configures
//! controller.rs   the lane-controller binary
//! registry.rs     a registry of images, and a client of it
//! api_proxy.rs    a way to the API server on which something goes wrong
//! fake_proxies.rs answers in place of pods that have no processes
//! lanectl.rs      the lanectl binary, run with arguments
//! process.rs      what both Envoy and its validation run in
//! certificates.rs certificates of an authority of a test
//! client.rs       requests over HTTP/1.1, HTTP/2 and gRPC
//! raw.rs          bytes over a bare TCP connection
//! istio_patch.rs  what istiod makes of EnvoyFilters
//! istio_mesh.rs   the same mesh from recorded configuration of Istio's sidecars, with our objects applied
//! websocket.rs    an echo over WebSocket
//! load.rs         many requests in the background, each recorded
//! figures.rs      what a test has measured, for people to read
//! drains.rs       counters that move when a proxy drains a listener or closes a connection
//! hold.rs         a single thread of a process, held back
//! ports.rs        loopback ports that nobody else takes
//! wait.rs         waiting for a condition, with a deadline
//! diagnostics.rs  what is printed when a test fails
//! ```
//!
//! The tests themselves stand in `e2e/`. They get their binaries by environment variables
//! (`GRAYLANE_ENVOY`, `GRAYLANE_LANECTL`, `GRAYLANE_CONTROLLER`, `GRAYLANE_KUBERNETES`), which `cargo xtask test` sets;
//! `cargo xtask e2e` adds `GRAYLANE_ISTIOD`.

pub mod api_proxy;
pub mod certificates;
pub mod client;
pub mod cluster;
pub mod controller;
pub mod diagnostics;
pub mod drains;
pub mod envoy;
pub mod fake_proxies;
pub mod figures;
pub mod hold;
pub mod istio_mesh;
pub mod istio_patch;
pub mod istiod;
pub mod lanectl;
pub mod load;
pub mod mesh;
pub mod ports;
mod process;
pub mod raw;
pub mod registry;
pub mod wait;
pub mod websocket;
