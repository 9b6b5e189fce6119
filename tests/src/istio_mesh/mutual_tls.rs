//! What istiod makes of mutual TLS, written as Istio's source has it (`pilot/pkg/networking/core/cluster_tls.go` and
//! `pilot/pkg/security/authn`); secrets come from files, where Istio's agent would hand them out.
//!
//! Stricter than Istio in one thing: a proxy takes only connections for a subset that it is in, by the server name
//! that the caller's cluster of that subset gives. A wrong cluster on the way is thus no answer at all.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::pods::Pod;
use super::recorded::{PORT, host};
use crate::certificates::{Authority, Identity};
use crate::istio_patch::Proxy;
use crate::mesh::GATEWAY;

/// Who everybody is.
pub(super) struct MutualTls {
    authority: Authority,
    identities: BTreeMap<String, Identity>,
}

impl MutualTls {
    /// Certificates for the gateway and every pod, in a directory.
    pub(super) fn new(dir: &Path, pods: &[Pod]) -> Result<Self> {
        let authority = Authority::new(dir)?;
        let names = pods.iter().map(|pod| pod.name.as_str()).chain([GATEWAY]);
        let identities = names.map(|name| Ok((name.to_owned(), authority.workload(name, &uri(name))?)));
        let identities = identities.collect::<Result<_>>()?;
        Ok(Self { authority, identities })
    }

    /// Has all proxies speak TLS to each other.
    pub(super) fn secure(&self, proxies: &mut BTreeMap<String, Proxy>, pods: &[Pod]) -> Result<()> {
        for (name, proxy) in proxies {
            for cluster in &mut proxy.clusters {
                self.call(cluster, name, pods)?;
            }
            if let Some(pod) = pods.iter().find(|pod| pod.name == *name) {
                let receiving = proxy.listeners.iter_mut();
                for listener in receiving.filter(|listener| listener["traffic_direction"] == "INBOUND") {
                    self.receive(listener, pod)?;
                }
            }
        }
        Ok(())
    }

    /// Has a cluster of a service, or of one of its subsets, speak TLS.
    fn call(&self, cluster: &mut Value, caller: &str, pods: &[Pod]) -> Result<()> {
        let name = cluster["name"].as_str().unwrap_or_default();
        let Some((subset, host_name)) =
            name.strip_prefix(&format!("outbound|{PORT}|")).and_then(|rest| rest.split_once('|'))
        else {
            return Ok(());
        };
        let callees = pods.iter().filter(|pod| host(&pod.service) == host_name);
        let matchers: Vec<Value> =
            callees.map(|pod| json!({ "san_type": "URI", "matcher": { "exact": uri(&pod.name) } })).collect();
        let mut context = self.context(caller)?;
        context["alpn_protocols"] = json!(["istio-peer-exchange", "istio"]);
        context["validation_context"]["match_typed_subject_alt_names"] = json!(matchers);
        cluster["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": context,
                "sni": server_name(subset, host_name),
            },
        });
        Ok(())
    }

    /// Has a pod take nothing but TLS, and only for a subset that it is in.
    fn receive(&self, listener: &mut Value, pod: &Pod) -> Result<()> {
        let subset = pod.lane.as_deref().unwrap_or("baseline");
        let chain = &mut listener["filter_chains"][0];
        chain["filter_chain_match"]["transport_protocol"] = json!("tls");
        chain["filter_chain_match"]["server_names"] =
            json!([server_name(&format!("graylane-{subset}"), &host(&pod.service))]);
        let mut context = self.context(&pod.name)?;
        context["alpn_protocols"] = json!(["istio-peer-exchange", "h2", "http/1.1"]);
        chain["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": context,
                "require_client_certificate": true,
            },
        });
        listener["listener_filters"] = json!([{
            "name": "envoy.filters.listener.tls_inspector",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            },
        }]);
        Ok(())
    }

    fn context(&self, name: &str) -> Result<Value> {
        let identity = self.identities.get(name).with_context(|| format!("{name} has no certificate"))?;
        Ok(json!({
            "tls_certificates": [{
                "certificate_chain": { "filename": identity.certificate },
                "private_key": { "filename": identity.key },
            }],
            "validation_context": { "trusted_ca": { "filename": self.authority.file() } },
        }))
    }
}

/// Who a proxy is: each has a service account of its own.
fn uri(name: &str) -> String {
    format!("spiffe://cluster.local/ns/demo/sa/{name}")
}

/// The server name of a subset, as Istio writes it.
fn server_name(subset: &str, host: &str) -> String {
    format!("outbound_.{PORT}_.{subset}_.{host}")
}
