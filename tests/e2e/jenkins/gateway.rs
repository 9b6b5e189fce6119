//! Stands in for the gateway and the services behind it: pods of the tests' cluster have no processes.
//!
//! It answers what requests would be answered, by what stands in the cluster and nothing else: the lane is decided by
//! the engine itself with the configuration that the controller has given to the gateway's filter, the workload is
//! found by the routes and subsets that the controller has written, and the version is the image of a ready pod.
//! What Envoy makes of these objects is shown by other tests.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use controller::cluster::world::istio;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use lane::filter_config::{FilterConfig, Role};
use lane::head::MemoryHead;
use lane::program::Program;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::site::Site;

/// The service whose version is answered: the first behind the gateway.
const SERVICE: &str = "a";

/// A proxy for `curl`, whose answers are those of the gateway.
pub(super) struct StandInGateway {
    address: String,
    server: JoinHandle<()>,
}

impl StandInGateway {
    pub(super) async fn start(site: &Site) -> Result<Self> {
        let client = site.cluster.client().await?;
        let answer = move |request: Request| {
            let client = client.clone();
            async move {
                match answer(&client, &head(&request)).await {
                    Ok(Some(version)) => (StatusCode::OK, version),
                    Ok(None) => (StatusCode::SERVICE_UNAVAILABLE, "no pod is ready".to_owned()),
                    Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")),
                }
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let service = axum::serve(listener, Router::new().fallback(answer));
        let server = tokio::spawn(async move { drop(service.await) });
        Ok(Self { address, server })
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }
}

impl Drop for StandInGateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn head(request: &Request) -> MemoryHead {
    let lines = request.headers().iter();
    let lines = lines.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    let path = [(":path".to_owned(), request.uri().path().as_bytes().to_vec())];
    MemoryHead { headers: lines.chain(path).collect(), ..MemoryHead::default() }
}

/// The version that a request is answered by; none where no pod could.
pub(super) async fn answer(client: &Client, head: &MemoryHead) -> Result<Option<String>> {
    let list = async |kind: ApiResource| -> Result<Vec<Value>> {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "shop", &kind);
        let objects = api.list(&ListParams::default()).await?.items;
        Ok(objects.into_iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    };
    let filters = list(istio("EnvoyFilter")).await?;
    let lane = lane(&filters, head)?;
    let rules = list(istio("DestinationRule")).await?;
    let pods = list(ApiResource::erase::<Pod>(&())).await?;
    let chosen = lane.filter(|lane| is_routed(&filters, lane));
    for subset in chosen.iter().map(String::as_str).chain(["baseline"]) {
        let Some(labels) = labels(&rules, subset) else { continue };
        if let Some(image) = pods.iter().find_map(|pod| image(pod, &labels)) {
            return Ok(Some(image));
        }
    }
    Ok(None)
}

/// The lane that the gateway's filter would decide on.
fn lane(filters: &[Value], head: &MemoryHead) -> Result<Option<String>> {
    let is_gateway = |filter: &&Value| filter["metadata"]["name"] == "graylane.entry.gateway";
    let filter = filters.iter().find(is_gateway).context("the gateway has no filter of ours")?;
    let config = entry_config(filter).context("the gateway's filter is of no group")?;
    let program = Program::compile(config).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    Ok(program.decide(head, 0, 0).map(|decision| decision.lane.name.to_string()))
}

/// The configuration of an entry, anywhere in an object.
fn entry_config(value: &Value) -> Option<FilterConfig> {
    match value {
        Value::String(text) => {
            serde_json::from_str(text).ok().filter(|config: &FilterConfig| config.role == Role::Entry)
        }
        Value::Array(items) => items.iter().find_map(entry_config),
        Value::Object(fields) => fields.values().find_map(entry_config),
        _ => None,
    }
}

/// Whether a route leads this lane to a cluster of its own, and the cluster is there.
fn is_routed(filters: &[Value], lane: &str) -> bool {
    let cluster = format!("graylane|8080|{lane}|{SERVICE}.shop.svc.cluster.local");
    let patches = || filters.iter().filter_map(|filter| filter["spec"]["configPatches"].as_array()).flatten();
    let named = |kind: &'static str| {
        let mut of_kind = patches().filter(move |patch| patch["applyTo"] == kind);
        of_kind.any(|patch| patch["patch"]["value"].to_string().contains(&cluster))
    };
    named("HTTP_ROUTE") && named("CLUSTER")
}

/// The labels of a subset that the controller has written.
fn labels(rules: &[Value], subset: &str) -> Option<BTreeMap<String, String>> {
    let name = format!("graylane-{subset}");
    let host = format!("{SERVICE}.shop.svc.cluster.local");
    let mut of_service = rules.iter().filter(|rule| rule["spec"]["host"] == host.as_str());
    let labels = of_service.find_map(|rule| {
        let subsets = rule["spec"]["subsets"].as_array()?;
        Some(subsets.iter().find(|subset| subset["name"] == name.as_str())?["labels"].clone())
    })?;
    serde_json::from_value(labels).ok()
}

/// The last part of the image of a ready pod of the service with these labels: `a:42`.
fn image(pod: &Value, labels: &BTreeMap<String, String>) -> Option<String> {
    let own = &pod["metadata"]["labels"];
    let is_meant = own["app"] == SERVICE && labels.iter().all(|(key, value)| own[key] == value.as_str());
    let mut conditions = pod["status"]["conditions"].as_array()?.iter();
    let is_ready = conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        && pod["metadata"]["deletionTimestamp"].is_null();
    let containers = pod["spec"]["containers"].as_array()?;
    let app = containers.iter().find(|container| container["name"] == SERVICE)?;
    let image = app["image"].as_str()?.rsplit('/').next()?;
    (is_meant && is_ready).then(|| image.to_owned())
}
