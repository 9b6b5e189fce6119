//! The end-to-end tests on real Envoy: one binary, one module per behaviour.

mod smoke;
