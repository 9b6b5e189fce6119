//! `lanectl doctor` on a real API server: it finds what is wrong, and the command that it prints mends it.

mod mended;
mod mesh;
mod module;
mod rights;
