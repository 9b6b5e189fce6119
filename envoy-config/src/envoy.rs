//! The subset of Envoy's v3 configuration that we write, as types.
//!
//! Field names are those of the protobuf messages, which Envoy's JSON reader accepts; a struct bears the
//! name of its message and its doc gives the full name. What is `None` or empty is left out, so that Envoy's
//! default holds.

pub(crate) mod access_log;
pub(crate) mod any;
pub(crate) mod bootstrap;
pub(crate) mod cluster;
pub(crate) mod core;
pub(crate) mod discovery;
pub(crate) mod fault;
pub(crate) mod hcm;
pub(crate) mod listener;
pub(crate) mod matcher;
pub(crate) mod retry;
pub(crate) mod route;
pub(crate) mod tls;
pub(crate) mod wasm;
