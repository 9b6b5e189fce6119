//! The lane matrix under Istio: recorded configuration of real sidecars, with our objects applied, in real Envoys.

mod lanes;

use serde_json::{Value, json};
use tests::client::Call;

/// The way of a request of lane gray: b has no gray version, c has one again.
const GRAY: &str = "a-gray,b-v1,c-gray";
/// The way of every other request.
const BASELINE: &str = "a-v1,b-v1,c-v1";

/// A request that enters the lane gray.
fn gray() -> Call {
    Call::get("/").header("x-gray", "1")
}

/// The lane gray: for requests with a header `x-gray`.
fn by_header() -> Value {
    json!({ "rules": [{ "name": "flags", "match": { "header": { "name": "x-gray" } } }] })
}
