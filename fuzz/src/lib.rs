//! What must hold for whatever bytes a parser is given: one checking function for each.
//!
//! The targets in `fuzz_targets` hand them what libFuzzer makes up; the tests of this crate hand them the files of
//! `corpus`, and changed copies of these. A check fails by a panic, as a test does.

pub mod b3;
pub mod baggage;
pub mod cookie;
pub mod filter_config;
pub mod path;
pub mod ticket;
pub mod traceparent;

/// Says by a panic that something does not hold for these bytes.
pub type Check = fn(&[u8]);

/// The checks, by the name of their target and of their folder in `corpus`.
pub const TARGETS: [(&str, Check); 7] = [
    ("b3", b3::check),
    ("baggage", baggage::check),
    ("cookie", cookie::check),
    ("filter_config", filter_config::check),
    ("path", path::check),
    ("ticket", ticket::check),
    ("traceparent", traceparent::check),
];
