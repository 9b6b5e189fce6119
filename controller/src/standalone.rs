//! The standalone target: a directory of objects and of configuration files for plain Envoys.
//!
//! ```text
//! group.yaml  topology.yaml  lanes/NAME.yaml     what the user wants
//! state.json                                     what was last applied, and the generation
//! proxies/NAME/…                                 what each Envoy reads
//! ```
//!
//! A change writes what is wanted first and then converges: [`change`] renders from the objects alone, so
//! that a run which was cut off is finished by the next one.

pub mod change;
pub mod documents;
pub mod error;
pub mod files;
pub mod receipts;
pub mod store;
