//! What is installed into a cluster: the custom resources, the rights of the controller, and the controller.

use envoy_config::istio::Module;
use serde::Serialize;
use serde_json::{Value, json};

use super::crd;

/// The namespace of the controller where nothing else is said.
pub const NAMESPACE: &str = "graylane-system";

/// Name of the controller and of all that belongs to it.
const NAME: &str = "lane-controller";
/// Port of its HTTP interface.
const PORT: u16 = 8080;
/// The API of roles and of who has them.
const RBAC: &str = "rbac.authorization.k8s.io/v1";
/// To keep a cache of a kind.
const WATCH: [&str; 2] = ["list", "watch"];
/// Where its image has the module.
const MODULE: &str = "/graylane.wasm";

/// How to install.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Namespace of the controller.
    pub namespace: String,
    /// Image of the controller, which holds the module too.
    pub image: String,
    /// Secrets by which the image is pulled.
    pub pull_secrets: Vec<String>,
    /// Where proxies get the module from; from the controller unless given.
    pub module: Option<Module>,
    /// Whether the controller works in its own namespace alone, which is somebody's already.
    pub namespaced: bool,
}

/// All objects, in the order in which they are applied.
#[must_use]
pub fn objects(options: &Options) -> Vec<Value> {
    let namespace = &options.namespace;
    let definitions = crd::definitions().map(|definition| as_value(&definition));
    let rights = if options.namespaced { in_namespace(namespace) } else { in_cluster(namespace) };
    let controller = [service(namespace), deployment(options)];
    definitions.into_iter().chain(rights).chain(controller).collect()
}

/// An account that may do in the whole cluster what lanes need, and in the controller's namespace what it needs
/// for itself.
fn in_cluster(namespace: &str) -> Vec<Value> {
    let rules = [lane_rules(), vec![rule(&[""], &["namespaces"], &WATCH)]].concat();
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace, "labels": labels() } }),
        account(namespace),
        json!({
            "apiVersion": RBAC, "kind": "ClusterRole",
            "metadata": { "name": NAME, "labels": labels() },
            "rules": rules,
        }),
        json!({
            "apiVersion": RBAC, "kind": "ClusterRoleBinding",
            "metadata": { "name": NAME, "labels": labels() },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME },
            "subjects": [subject(namespace)],
        }),
        role(namespace, &lease_rules()),
        role_binding(namespace),
    ]
}

/// An account that may do all of it in one namespace, and nothing beyond.
fn in_namespace(namespace: &str) -> Vec<Value> {
    let rules = [lane_rules(), lease_rules()].concat();
    vec![account(namespace), role(namespace, &rules), role_binding(namespace)]
}

fn as_value(object: &impl Serialize) -> Value {
    // Generated types are JSON by construction.
    serde_json::to_value(object).unwrap_or_default()
}

fn labels() -> Value {
    json!({ "app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "graylane" })
}

fn metadata(namespace: &str) -> Value {
    json!({ "name": NAME, "namespace": namespace, "labels": labels() })
}

fn subject(namespace: &str) -> Value {
    json!({ "kind": "ServiceAccount", "name": NAME, "namespace": namespace })
}

fn account(namespace: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(namespace) })
}

fn role(namespace: &str, rules: &[Value]) -> Value {
    json!({ "apiVersion": RBAC, "kind": "Role", "metadata": metadata(namespace), "rules": rules })
}

fn role_binding(namespace: &str) -> Value {
    json!({
        "apiVersion": RBAC, "kind": "RoleBinding",
        "metadata": metadata(namespace),
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME },
        "subjects": [subject(namespace)],
    })
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": groups, "resources": resources, "verbs": verbs })
}

/// What the controller may do where lanes are: read what they rest on, write what is its own.
fn lane_rules() -> Vec<Value> {
    vec![
        rule(&["graylane.dev"], &["lanegroups"], &["list", "watch", "patch"]),
        rule(&["graylane.dev"], &["lanes", "lanefaults"], &WATCH),
        rule(&["graylane.dev"], &["lanegroups/status", "lanes/status", "lanefaults/status"], &["patch"]),
        rule(&[""], &["services", "pods"], &WATCH),
        // Beyond watching: promotion and rollback, which change what the user has named.
        rule(
            &["apps"],
            &["deployments", "statefulsets"],
            &["list", "watch", "get", "patch", "update", "delete"],
        ),
        rule(&["networking.istio.io"], &["virtualservices", "gateways"], &WATCH),
        rule(&["gateway.networking.k8s.io"], &["httproutes", "gateways"], &WATCH),
        rule(
            &["networking.istio.io"],
            &["destinationrules", "envoyfilters"],
            // A server-side apply that makes an object needs `create` beside `patch`.
            &["list", "watch", "create", "patch", "delete"],
        ),
        rule(&["events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}

/// What it may do for itself: hold its lease.
fn lease_rules() -> Vec<Value> {
    vec![
        rule(&["coordination.k8s.io"], &["leases"], &["create"]),
        json!({ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [NAME],
                "verbs": ["get", "update"] }),
    ]
}

fn service(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(namespace),
        "spec": {
            "selector": { "app.kubernetes.io/name": NAME },
            "ports": [{ "name": "http", "port": PORT, "targetPort": "http" }],
        },
    })
}

/// Two replicas, of which one acts; as restricted as the Pod Security Standards know.
fn deployment(options: &Options) -> Value {
    let namespace = &options.namespace;
    let secrets: Vec<Value> = options.pull_secrets.iter().map(|name| json!({ "name": name })).collect();
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "http" } });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(namespace),
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app.kubernetes.io/name": NAME } },
            "template": {
                "metadata": {
                    "labels": labels(),
                    // Istio's agents fetch the module without mutual TLS.
                    "annotations": { "sidecar.istio.io/inject": "false" },
                },
                "spec": {
                    "serviceAccountName": NAME,
                    "imagePullSecrets": secrets,
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [{
                        "name": NAME,
                        "image": options.image,
                        "args": arguments(options),
                        "env": [
                            field("POD_NAME", "metadata.name"),
                            field("POD_NAMESPACE", "metadata.namespace"),
                        ],
                        "ports": [{ "name": "http", "containerPort": PORT }],
                        "livenessProbe": probe("/healthz"),
                        "readinessProbe": probe("/readyz"),
                        "resources": {
                            "requests": { "cpu": "50m", "memory": "64Mi" },
                            "limits": { "memory": "256Mi" },
                        },
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "readOnlyRootFilesystem": true,
                            "capabilities": { "drop": ["ALL"] },
                        },
                    }],
                },
            },
        },
    })
}

fn arguments(options: &Options) -> Vec<String> {
    let listen = format!("--listen=0.0.0.0:{PORT}");
    let module = match &options.module {
        None => vec![
            format!("--module={MODULE}"),
            format!("--module-url=http://{NAME}.{}:{PORT}", options.namespace),
        ],
        Some(Module::Local { path }) => vec![format!("--module-path={path}")],
        Some(Module::Remote { url, sha256 }) => {
            vec![format!("--module-url={url}"), format!("--module-sha256={sha256}")]
        }
    };
    let scope = options.namespaced.then(|| format!("--namespace={}", options.namespace));
    [vec![listen], scope.into_iter().collect(), module].concat()
}

/// A field of the pod. Its version is the one that the API server adds: without, whoever applies the same object
/// under another name is told of a conflict.
fn field(name: &str, path: &str) -> Value {
    json!({ "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } } })
}
