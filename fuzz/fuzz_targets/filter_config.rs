//! cargo-fuzz on the filter's configuration.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::filter_config::check(bytes));
