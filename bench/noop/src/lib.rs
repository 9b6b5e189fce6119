//! A filter that does nothing, written the way the SDK's documentation shows.
//!
//! It is the yardstick of the benches: all that the plain SDK exports is left in, so that a comparison with
//! it says what a Wasm filter costs before it has done any work of its own.
#![cfg(target_arch = "wasm32")]
#![expect(missing_docs, reason = "the SDK's macro makes a public function without documentation")]

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_http_context(|_, _| Box::new(Noop));
}}

/// The stream context; every callback is the SDK's default.
struct Noop;

impl Context for Noop {}
impl HttpContext for Noop {}
