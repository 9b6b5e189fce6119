//! What the network has to let through for lanes to work at all: proxies to istiod and to the module, the controller to
//! the metrics of proxies.

use envoy_config::istio::input::Labels;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::network::{Direction, Peer, Pods, Port, admits, closing};
use super::remedy;
use super::report::{ObjectName, Severity, Symptom};
use super::scene::{Scene, Workload, proxy};

/// Where istiod serves proxies.
const DISCOVERY: i32 = 15012;
/// Where a pod shows the metrics of its proxy, receipts among them.
const METRICS: i32 = 15090;

/// A way that has to be open.
struct Way<'a> {
    direction: Direction,
    namespace: &'a str,
    labels: Labels,
    port: i32,
    severity: Severity,
    why: &'a str,
}

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    let ways = ways(scene);
    let with_proxy =
        scene.workloads.iter().filter(|workload| scene.pods_of(workload).any(|pod| proxy(pod).is_some()));
    with_proxy.flat_map(|workload| ways.iter().filter_map(|way| closed(scene, workload, way))).collect()
}

fn ways<'a>(scene: &'a Scene<'_>) -> Vec<Way<'a>> {
    let istio = scene.snapshot.istio_namespace.as_str();
    let controller = scene.snapshot.controller_namespace.as_str();
    let labels = |key: &str, value: &str| Labels::from([(key.to_owned(), value.to_owned())]);
    let mut of_controller = labels("app.kubernetes.io/name", "lane-controller");
    of_controller.insert("app.kubernetes.io/part-of".to_owned(), "graylane".to_owned());
    let mut ways = vec![
        Way {
            direction: Direction::Egress,
            namespace: istio,
            labels: labels("app", "istiod"),
            port: DISCOVERY,
            severity: Severity::Fail,
            why: "its proxies get no configuration from istiod",
        },
        Way {
            direction: Direction::Ingress,
            namespace: controller,
            labels: of_controller.clone(),
            port: METRICS,
            severity: Severity::Warn,
            why: "the controller cannot ask its proxies what they run, and counts them as unverified",
        },
    ];
    let port = super::module::of_controller(scene.snapshot);
    ways.extend(port.map(|port| Way {
        direction: Direction::Egress,
        namespace: controller,
        labels: of_controller,
        port,
        severity: Severity::Fail,
        why: "its proxies cannot fetch the module from the controller",
    }));
    ways
}

fn closed(scene: &Scene<'_>, workload: &Workload, way: &Way<'_>) -> Option<Symptom> {
    let Way { direction, namespace, labels, port, severity, why } = way;
    let pods = Pods { namespace: &workload.namespace, labels: &workload.labels };
    let peer = Peer { namespace, labels: Some(labels) };
    let number = Port { number: *port, name: None };
    if admits(scene, *direction, pods, peer, &number) {
        return None;
    }
    let policy = closing(scene, *direction, pods).into_iter().next()?;
    let side = match direction {
        Direction::Ingress => format!("nothing from namespace {namespace} to port {port}"),
        Direction::Egress => format!("nothing to port {port} in namespace {namespace}"),
    };
    let message = format!("it lets through {side} for {}: {why}", workload.object());
    let remedy = open(policy, *direction, namespace, Some(*port));
    let object = ObjectName::of("networkpolicy", policy);
    Some(match severity {
        Severity::Fail => Symptom::fail(object, message, remedy),
        _ => Symptom::warn(object, message, remedy),
    })
}

/// Opens a policy for a namespace.
pub(super) fn open(
    policy: &NetworkPolicy,
    direction: Direction,
    namespace: &str,
    port: Option<i32>,
) -> String {
    let mut rule = json!({
        direction.peers(): [{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } } }],
    });
    if let (Some(port), Some(fields)) = (port, rule.as_object_mut()) {
        fields.insert("ports".to_owned(), json!([{ "port": port }]));
    }
    let has_rules = policy.spec.as_ref().is_some_and(|spec| match direction {
        Direction::Ingress => spec.ingress.as_ref().is_some_and(|rules| !rules.is_empty()),
        Direction::Egress => spec.egress.as_ref().is_some_and(|rules| !rules.is_empty()),
    });
    let field = direction.field();
    let (path, value): (String, Value) = if has_rules {
        (format!("/spec/{field}/-"), rule)
    } else {
        (format!("/spec/{field}"), json!([rule]))
    };
    remedy::add("networkpolicy", &policy.namespace().unwrap_or_default(), &policy.name_any(), &path, &value)
}
