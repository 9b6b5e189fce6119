//! Placeholder crate doc, replaced in the next commits.
