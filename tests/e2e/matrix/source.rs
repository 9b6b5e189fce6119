//! Who calls: the URI in the caller's certificate, under mutual TLS, in rules and as what a lane trusts.
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

    let expected = [(Some(tester), GRAY), (Some(robot), GRAY), (Some(stranger), BASELINE), (None, BASELINE)];
    check(&mesh, &authority, dir.path(), &expected, || Call::get("/")).await?;
    mesh.passed().await;
    Ok(())
}

/// Each caller, by the URI in its certificate, gets where it is expected, whatever it says of itself in headers.
async fn check(
    mesh: &Mesh,
    authority: &Authority,
    dir: &Path,
    expected: &[(Option<&str>, &str)],
    call: impl Fn() -> Call,
) -> Result<()> {
    let diagnostics = Diagnostics::new();
    let first = expected.iter().find_map(|(uri, _)| *uri).unwrap_or_default();
    for (number, (uri, hops)) in expected.iter().enumerate() {
        let name = format!("caller-{number}");
        let identity = uri.map(|uri| authority.workload(&name, uri)).transpose()?;
        let caller = Caller::start(dir, &name, mesh.gateway(), identity.as_ref(), &diagnostics).await?;
        let said = call().header("x-forwarded-client-cert", format!("URI={first}"));
        for call in [call(), said] {
            assert_eq!(caller.hops(call).await?, *hops, "{uri:?}");
        }
    }
    diagnostics.passed();
    Ok(())
}

#[tokio::test]
async fn a_lane_lets_in_the_principals_that_it_lists() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let authority = Authority::new(dir.path())?;
    let options = MeshOptions { tls: Some(authority.gateway()?), ..MeshOptions::default() };
    let mesh = Mesh::start(options).await?;
    let principals = "spiffe://shop.example/ns/test/sa/tester,spiffe://shop.example/ns/robots/*";
    let flags = ["set-lane", "gray", "--header", lanes::ENTERS, "--from-principal", principals];
    mesh.lanectl(&flags).await?;
    mesh.lanectl(&["wait"]).await?;
    let expected = [
        (Some("spiffe://shop.example/ns/test/sa/tester"), GRAY),
        (Some("spiffe://shop.example/ns/robots/sa/7"), GRAY),
        (Some("spiffe://shop.example/ns/test/sa/testers"), BASELINE),
        (Some("spiffe://shop.example/ns/robotsx/sa/7"), BASELINE),
        (Some("spiffe://other.example/ns/test/sa/tester"), BASELINE),
        (None, BASELINE),
    ];
    check(&mesh, &authority, dir.path(), &expected, || Call::get("/").header(lanes::ENTERS, "1")).await?;
    check(&mesh, &authority, dir.path(), &[(expected[0].0, BASELINE)], || Call::get("/")).await?;
    mesh.passed().await;
    Ok(())
}
