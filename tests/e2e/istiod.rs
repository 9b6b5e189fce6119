//! Lanes on a real istiod: the controller writes objects, istiod makes configuration of them, and plain Envoys
//! run it. Not part of the normal run, since an istiod has to be brought along: `cargo xtask e2e --istiod PATH`.

mod matrix;
