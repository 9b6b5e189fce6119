//! The end-to-end tests on real Envoy: one binary, one module per behaviour.

mod bad_config;
mod bad_input;
mod cluster;
mod controller;
mod differential;
mod docs;
mod doctor_cluster;
mod fallback;
mod images;
mod istio_matrix;
mod istiod;
mod jenkins;
mod lanectl_cluster;
mod lanes;
mod matrix;
mod memory;
mod observability;
mod order;
mod propagation;
mod protocols;
mod receipts;
mod smoke;
mod standalone_files;
mod strict;
mod zero_drain;
