//! The tools that the tasks need beside cargo, each at a pinned version.

pub(crate) mod rust;
