//! Golden files: each case has an `in.json`, and what is made of it is compared with its folder `out/`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p envoy-config --test golden` writes the files anew.

mod files;
mod istio;
mod proven;
mod standalone;
