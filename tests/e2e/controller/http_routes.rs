//! HTTPRoutes of the Gateway API: their routes are routed by lane, or it is said why not.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::cluster::{Cluster, GATEWAY_API};
use tests::wait;

use super::demo::Demo;
use super::{DEADLINE, condition};

#[tokio::test]
async fn the_routes_of_an_http_route_are_routed_by_lane_or_named() -> Result<()> {
    let cluster = Cluster::shared().await?;
    cluster.install_crds(&[GATEWAY_API]).await?;
    let demo = Demo::start().await?;
    let parent = json!([{ "group": "", "kind": "Service", "name": "a" }]);
    let backend = json!([{ "name": "a", "port": 8080 }]);
    let rules = json!([{ "name": "all", "backendRefs": backend }]);
    demo.put_http_route("a", json!({ "parentRefs": parent, "rules": rules })).await?;
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }] })).await?;
    let name = format!("graylane.{}.shop.routes", demo.namespace);
    wait::succeeds(DEADLINE, "the routes to be patched by their names", async || {
        let found = demo.istio("EnvoyFilter").get(&name).await?.data.to_string();
        let of_index = format!("\"name\":\"{}.a.0\"", demo.namespace);
        ensure!(found.contains(&of_index) && found.contains("\"name\":\"all\""), "{found}");
        Ok(())
    })
    .await?;

    // One that cannot be read.
    let rules = json!([{ "backendRefs": "all of them" }]);
    demo.put_http_route("a", json!({ "parentRefs": parent, "rules": rules })).await?;
    wait::succeeds(DEADLINE, "the route to be reported", async || {
        let (status, reason, message) = condition(&demo, "Programmed").await?;
        ensure!((status.as_str(), reason.as_str()) == ("False", "RouteUnsupported"), "{reason}: {message}");
        ensure!(message.contains(&format!("HTTPRoute {}/a is left alone", demo.namespace)), "{message}");
        Ok(())
    })
    .await
}
