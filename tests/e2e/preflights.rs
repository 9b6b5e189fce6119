//! CORS preflights: they reach the workload that the request after them will reach, which alone knows what it allows.

use anyhow::Result;
use http::Method;
use tests::client::Call;
use tests::mesh::{Mesh, MeshOptions};

use crate::lanes::{self, Case};

const GRAY: &str = "a-gray,b-v1,c-gray";
const BASELINE: &str = "a-v1,b-v1,c-v1";

fn options(path: &str) -> Call {
    Call::get(path).method(Method::OPTIONS)
}

fn preflight(path: &str) -> Call {
    options(path).header("origin", "https://shop.example").header("access-control-request-method", "PUT")
}

#[tokio::test]
async fn a_preflight_reaches_the_lane_of_the_request_after_it() -> Result<()> {
    const NAMES: &str = "access-control-request-headers";
    let mesh = Mesh::start(MeshOptions::default()).await?;
    lanes::set(
        &mesh,
        "gray",
        serde_json::json!({ "rules": [
            { "name": "flag", "match": { "header": { "name": lanes::ENTERS } } },
            { "name": "origin", "match": { "header": { "name": "origin", "value": { "exact": "https://gray.example" } } } },
            { "name": "path", "match": { "path": { "prefix": "/gray/" } } },
        ] }),
    )
    .await?;
    let cases = [
        Case::new("names the header", preflight("/").header(NAMES, "x-gray"), GRAY)
            .trail("gateway;lane=gray;why=rule:flag"),
        Case::new("in a list", preflight("/").header(NAMES, "content-type, X-Gray"), GRAY),
        Case::new("in two lines", preflight("/").header(NAMES, "content-type").header(NAMES, "x-gray"), GRAY),
        Case::new("names others", preflight("/").header(NAMES, "content-type, x-grayer"), BASELINE),
        Case::new("names none", preflight("/"), BASELINE),
        Case::new("no preflight", options("/").header(NAMES, "x-gray"), BASELINE),
        Case::new(
            "another method",
            Call::get("/").header("access-control-request-method", "PUT").header(NAMES, "x-gray"),
            BASELINE,
        ),
        Case::new("by path", preflight("/gray/a"), GRAY),
        Case::new(
            "by origin",
            options("/")
                .header("origin", "https://gray.example")
                .header("access-control-request-method", "PUT"),
            GRAY,
        ),
        Case::new("the request itself", Call::get("/").header(lanes::ENTERS, "1"), GRAY),
    ];
    lanes::check_all(&mesh, &cases).await?;
    mesh.passed().await;
    Ok(())
}
