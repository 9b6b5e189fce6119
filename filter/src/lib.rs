//! The Graylane filter: the Wasm module that runs inside Envoy.
//!
//! A thin shell around [`lane::program::Program`], which decides everything:
//!
//! ```text
//! Envoy ── root.rs ── configure: bytes ──▶ Program        tick: receipt.rs ──▶ gauges
//!       └─ stream.rs ── head.rs ──▶ Program::on_request ──▶ edits, lane, counters ──▶ host.rs ──▶ Envoy
//! ```
//!
//! Nothing here may panic: a trap answers 503 under every failure policy and takes the worker's VM along.
//! So every host call returns an `Option` or is allowed to fail, headers are bytes, and lints deny unwrap,
//! expect, panic and indexing. Native builds contain everything but the bindings, so that tests run there.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]
#![cfg_attr(
    not(any(target_arch = "wasm32", test)),
    expect(dead_code, reason = "natively only the tests call what Envoy calls")
)]

#[cfg(target_arch = "wasm32")]
mod abi;
mod configured;
mod head;
mod host;
mod lines;
mod metrics;
mod random;
mod receipt;
mod request;
#[cfg(target_arch = "wasm32")]
mod root;
#[cfg(target_arch = "wasm32")]
mod stream;

#[cfg(target_arch = "wasm32")]
mod start {
    //! What the host calls first.

    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(crate::root::Root::default()));
    }}
}
