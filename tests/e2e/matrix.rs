//! Every matcher, share and order of lanes, each request with the exact way that it takes.

mod explained;
mod life;
mod matchers;
mod order;
mod shares;
mod source;

/// The way of a request of lane gray: b has no gray version, c has one again.
const GRAY: &str = "a-gray,b-v1,c-gray";
/// The way of every other request.
const BASELINE: &str = "a-v1,b-v1,c-v1";
