//! `lanectl` on a real API server: the same verbs as on files, run as a person or a pipeline runs them.

mod faults;
mod lost_lanes;
mod promotion;
mod refusals;
mod releases;
mod setup;
mod shop;
mod waiting;

pub(crate) use shop::Shop;
