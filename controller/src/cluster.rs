//! The Kubernetes target: custom resources that a controller turns into Istio's objects.
//!
//! ```text
//! watches ─▶ world ─▶ dereference ─▶ validate (lane) ─▶ build (envoy_config::istio) ─▶ apply ─▶ conditions
//!              ▲                                                                         │
//!              └──────────────── receipts of proxies ◀──── istiod ◀──── API server ◀─────┘
//! ```
//!
//! I/O is in [`world`], [`apply`], [`receipts`], [`leader`] and in the status that [`reconcile`] writes; all else
//! is a function of what was read.

pub mod accepted;
pub mod apply;
pub mod client;
pub mod clocks;
pub mod clusters;
pub mod conditions;
pub mod crd;
pub mod dereference;
pub mod doctor;
pub mod install;
pub mod leader;
pub mod lost_lanes;
mod main;
pub mod metrics;
pub mod module;
pub mod neighbours;
pub mod phases;
pub mod queue;
pub mod receipts;
pub mod reconcile;
pub mod release;
pub mod run;
pub mod server;
pub mod world;

pub use main::main;
