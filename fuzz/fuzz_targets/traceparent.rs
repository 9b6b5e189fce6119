//! cargo-fuzz on the `traceparent` header.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::traceparent::check(bytes));
