//! cargo-fuzz on the B3 headers.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::b3::check(bytes));
