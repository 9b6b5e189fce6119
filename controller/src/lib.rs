//! `lanectl`: a library of verbs over a target, and the command line in front of it.
//!
//! The one target so far is [`standalone`]: files for plain Envoys. Everything that decides anything lies in
//! `lane` and `envoy-config`; here are the files, the proxies' admin interfaces and the terminal.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod ending;
pub mod losses;
pub mod spoken;
pub mod standalone;
