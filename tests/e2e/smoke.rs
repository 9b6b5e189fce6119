//! The harness itself: an Envoy starts, answers, is looked into, and ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use chain::{App, Config};
use serde_json::{Value, json};
use tests::client::{Call, Client};
use tests::diagnostics::Diagnostics;
use tests::envoy::{Envoy, EnvoyOptions, mode_validate};
use tests::raw::raw;
use tests::wait;
use tests::websocket::WebSocket;

/// A proxy from one loopback port to another, in either version of HTTP.
fn proxy(listen: u16, upstream: u16) -> Value {
    let address = |port| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "upgrade_configs": [{ "upgrade_type": "websocket" }],
        "http_filters": [{ "name": "router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }],
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [
            { "match": { "prefix": "/" }, "route": { "cluster": "app" } }] }] },
    });
    let options = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "use_downstream_protocol_config": { "http_protocol_options": {}, "http2_protocol_options": {} },
    });
    json!({
        "admin": { "address": address(0) },
        "static_resources": {
            "listeners": [{ "name": "in", "address": address(listen), "filter_chains": [{ "filters": [
                { "name": "http", "typed_config": manager }] }] }],
            "clusters": [{ "name": "app", "typed_extension_protocol_options": {
                    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options },
                "load_assignment": { "cluster_name": "app", "endpoints": [{ "lb_endpoints": [
                    { "endpoint": { "address": address(upstream) } }] }] } }],
        },
    })
}

fn write(dir: &Path, config: &Value) -> Result<PathBuf> {
    let bootstrap = dir.join("proxy.json");
    std::fs::write(&bootstrap, config.to_string())?;
    Ok(bootstrap)
}

#[tokio::test]
async fn an_envoy_starts_proxies_and_stops() -> Result<()> {
    let diagnostics = Diagnostics::new();
    let dir = tempfile::tempdir()?;
    let app = App { config: Config::new("c", "v1") }.start().await?;
    let port = tests::ports::free()?;
    let bootstrap = write(dir.path(), &proxy(port, app.addr.port()))?;
    mode_validate(&bootstrap).await?;
    let envoy = Envoy::start(&bootstrap, EnvoyOptions::new(&diagnostics).concurrency(2)).await?;
    let addr = ([127, 0, 0, 1], port).into();

    for client in [Client::h1(addr), Client::h2(addr)] {
        assert_eq!(client.send(Call::get("/").header("x-raw", b"\xff")).await?.seen("x-raw")?, [r"\xff"]);
    }
    assert_eq!(Client::h2(addr).send(Call::grpc("/s/M", b"")).await?.grpc_status(), Some(0));
    let mut socket = WebSocket::open(addr, Call::get("/")).await?;
    assert_eq!(socket.echo("hi").await?, "c-v1: hi");
    let refused =
        raw(addr, b"GET / HTTP/1.1\r\nhost: c\r\nx-nul: \0\r\n\r\n", Duration::from_secs(10)).await?;
    assert!(refused.starts_with(b"HTTP/1.1 400"), "{}", refused.escape_ascii());

    wait::succeeds(Duration::from_secs(10), "three responses of 200", async || {
        let stats = envoy.stats().await?;
        anyhow::ensure!(stats.get("cluster.app.upstream_rq_200") == Some(&3), "{stats:?}");
        anyhow::ensure!(stats.get("server.concurrency") == Some(&2), "{stats:?}");
        Ok(())
    })
    .await?;
    assert!(envoy.prometheus().await?.contains("envoy_cluster_upstream_rq"));
    assert!(envoy.admin_get("/clusters").await?.contains("app::"));
    assert!(envoy.config_dump().await?.to_string().contains("HttpConnectionManager"));
    assert!(envoy.admin_get("/no-such-page").await.is_err());

    drop(socket);
    assert!(envoy.stop().await?.success());
    diagnostics.passed();
    Ok(())
}

#[tokio::test]
async fn a_killed_envoy_frees_its_port() -> Result<()> {
    let diagnostics = Diagnostics::new();
    let dir = tempfile::tempdir()?;
    let app = App { config: Config::new("c", "v1") }.start().await?;
    let port = tests::ports::free()?;
    let bootstrap = write(dir.path(), &proxy(port, app.addr.port()))?;
    let client = Client::h1(([127, 0, 0, 1], port).into());
    let mut pids = Vec::new();
    for _ in 0..2 {
        let envoy = Envoy::start(&bootstrap, EnvoyOptions::new(&diagnostics)).await?;
        assert_eq!(client.send(Call::get("/")).await?.hops(), "c-v1");
        pids.push(envoy.pid());
        envoy.kill();
        assert!(client.send(Call::get("/")).await.is_err());
    }
    assert_ne!(pids[0], pids[1]);
    diagnostics.passed();
    Ok(())
}

#[tokio::test]
async fn a_refused_bootstrap_is_an_error_that_says_why() -> Result<()> {
    let diagnostics = Diagnostics::new();
    let dir = tempfile::tempdir()?;
    let mut config = proxy(tests::ports::free()?, 1);
    config["static_resources"]["clusters"][0]["no_such_field"] = json!(1);
    let bootstrap = write(dir.path(), &config)?;
    let refused = mode_validate(&bootstrap).await.unwrap_err();
    assert!(refused.to_string().contains("no_such_field"), "{refused:#}");
    let Err(ended) = Envoy::start(&bootstrap, EnvoyOptions::new(&diagnostics)).await else {
        panic!("it has started")
    };
    assert!(format!("{ended:#}").contains("no_such_field"), "{ended:#}");
    assert!(format!("{ended:#}").contains("it has ended with"), "{ended:#}");
    diagnostics.passed();
    Ok(())
}
