//! The lane matrix under Istio: recorded configuration of real sidecars, with our objects applied, in real Envoys.

mod fallback;
mod faults;
mod http2;
mod lanes;
mod off_mesh;
mod policies;
mod strict;
mod user_routes;

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::client::{Call, Client};
use tests::wait;

/// The way of a request of lane gray: b has no gray version, c has one again.
const GRAY: &str = "a-gray,b-v1,c-gray";
/// The way of every other request.
const BASELINE: &str = "a-v1,b-v1,c-v1";
/// How long a change may take to be seen.
const DEADLINE: Duration = Duration::from_secs(300);

/// A request that enters the lane gray.
fn gray() -> Call {
    Call::get("/").header("x-gray", "1")
}

/// The lane gray: for requests with a header `x-gray`.
fn by_header() -> Value {
    json!({ "rules": [{ "name": "flags", "match": { "header": { "name": "x-gray" } } }] })
}

/// Waits until a request takes this way.
async fn goes(client: &Client, call: &Call, hops: &str) -> Result<()> {
    wait::succeeds(DEADLINE, hops, async || {
        let answer = client.send(call.clone()).await?;
        ensure!((answer.status, answer.hops()) == (200, hops), "{} {}", answer.status, answer.hops());
        Ok(())
    })
    .await
}
