//! cargo-fuzz on the `cookie` header.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::cookie::check(bytes));
