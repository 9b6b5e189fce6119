//! Rules on who calls: the URI in the caller's certificate, under mutual TLS.
//!
//! Callers are Envoys of their own, which speak TLS with a certificate, as a sidecar does for its application.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use tests::certificates::{Authority, Identity};
use tests::client::{Call, Client};
use tests::diagnostics::Diagnostics;
use tests::envoy::{Envoy, EnvoyOptions};
use tests::mesh::{Mesh, MeshOptions};

use super::{BASELINE, GRAY};
use crate::lanes;

/// An Envoy that takes plain HTTP and calls the gateway over TLS.
struct Caller {
    _envoy: Envoy,
    address: SocketAddr,
}

impl Caller {
    async fn start(
        dir: &Path,
        name: &str,
        gateway: SocketAddr,
        identity: Option<&Identity>,
        diagnostics: &Diagnostics,
    ) -> Result<Self> {
        let port = tests::ports::free()?;
        let bootstrap = dir.join(format!("{name}.json"));
        std::fs::write(&bootstrap, bootstrap_of(port, gateway, identity).to_string())?;
        let envoy = Envoy::start(&bootstrap, EnvoyOptions::new(diagnostics)).await?;
        Ok(Self { _envoy: envoy, address: ([127, 0, 0, 1], port).into() })
    }

    async fn hops(&self, call: Call) -> Result<String> {
        let answer = Client::h1(self.address).send(call).await?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Ok(answer.hops().to_owned())
    }
}

fn bootstrap_of(listen: u16, gateway: SocketAddr, identity: Option<&Identity>) -> Value {
    let socket = |port| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let certificates: Vec<Value> = identity
        .into_iter()
        .map(|identity| {
            json!({ "certificate_chain": { "filename": identity.certificate },
                    "private_key": { "filename": identity.key } })
        })
        .collect();
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "caller",
        "http_filters": [{ "name": "router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }],
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [
            { "match": { "prefix": "/" }, "route": { "cluster": "gateway" } }] }] },
    });
    let tls = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": "localhost",
        "common_tls_context": { "tls_certificates": certificates },
    });
    json!({
        "admin": { "address": socket(0) },
        "static_resources": {
            "listeners": [{ "name": "in", "address": socket(listen), "filter_chains": [{ "filters": [
                { "name": "http", "typed_config": manager }] }] }],
            "clusters": [{ "name": "gateway",
                "transport_socket": { "name": "envoy.transport_sockets.tls", "typed_config": tls },
                "load_assignment": { "cluster_name": "gateway", "endpoints": [{ "lb_endpoints": [
                    { "endpoint": { "address": socket(gateway.port()) } }] }] } }],
        },
    })
}

#[tokio::test]
async fn a_rule_on_the_caller_takes_the_certificates_uri_and_nothing_that_is_only_said() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let authority = Authority::new(dir.path())?;
    let tester = "spiffe://shop.example/ns/test/sa/tester";
    let robot = "spiffe://shop.example/ns/robots/sa/7";
    let stranger = "spiffe://shop.example/ns/test/sa/testers";
    let options = MeshOptions { tls: Some(authority.gateway()?), ..MeshOptions::default() };
    let mesh = Mesh::start(options).await?;
    let rules = json!([
        { "name": "tester", "match": { "source": { "exact": tester } } },
        { "name": "robots", "match": { "source": { "prefix": "spiffe://shop.example/ns/robots/" } } },
    ]);
    lanes::set(&mesh, "gray", json!({ "rules": rules })).await?;

    let diagnostics = Diagnostics::new();
    let expected = [(Some(tester), GRAY), (Some(robot), GRAY), (Some(stranger), BASELINE), (None, BASELINE)];
    for (number, (uri, hops)) in expected.into_iter().enumerate() {
        let name = format!("caller-{number}");
        let identity = uri.map(|uri| authority.workload(&name, uri)).transpose()?;
        let caller =
            Caller::start(dir.path(), &name, mesh.gateway(), identity.as_ref(), &diagnostics).await?;
        let said = Call::get("/").header("x-forwarded-client-cert", format!("URI={tester}"));
        for call in [Call::get("/"), said] {
            assert_eq!(caller.hops(call).await?, hops, "{uri:?}");
        }
    }
    diagnostics.passed();
    mesh.passed().await;
    Ok(())
}
