//! Our DestinationRules: a subset for each lane and for the baseline.
//!
//! Beside a rule of the user for the same host ours has no policy of its own, and his `exportTo` and selector,
//! so that istiod joins the two; where it would hide a wildcard or a rule of the root namespace it carries that
//! policy, and its subsets, as a copy.

use lane::name::{LaneName, NamespaceName};
use serde_json::{Value, json};

use super::GenerateError;
use super::destination_rule::{DestinationRuleSpec, Subset};
use super::mesh::{Callee, Mesh};
use super::names;
use super::object::{IstioObject, group_labels};
use super::rules::{Place, Rule};

/// The DestinationRules of all services, one in each namespace that istiod takes rules from.
pub(super) fn destination_rules(mesh: &Mesh<'_>) -> Result<Vec<IstioObject>, GenerateError> {
    let mut objects = Vec::new();
    for callee in mesh.callees.values() {
        for place in places(mesh, callee) {
            for (variant, spec) in specs(mesh, callee, &place)?.into_iter().enumerate() {
                let name = names::destination_rule(mesh.input, callee.service, variant);
                let labels = group_labels(mesh.input);
                let namespace = place.namespace.as_str();
                objects.push(IstioObject::destination_rule(namespace, name, labels, &spec)?);
            }
        }
    }
    Ok(objects)
}

/// The places that callers take the rules of a service from, each once.
fn places<'m, 'a>(mesh: &'m Mesh<'a>, callee: &Callee<'a>) -> Vec<Place<'m, 'a>> {
    let mut places: Vec<Place<'m, 'a>> = Vec::new();
    for caller in &mesh.input.callers {
        let place = mesh.place(callee.service, &caller.namespace);
        if places.iter().all(|known| known.namespace != place.namespace) {
            places.push(place);
        }
    }
    places
}

/// The rules for one place: istiod joins only rules that are for the same proxies, so that there is one of ours
/// for each such set among the user's, and one for everybody else.
fn specs(
    mesh: &Mesh<'_>,
    callee: &Callee<'_>,
    place: &Place<'_, '_>,
) -> Result<Vec<DestinationRuleSpec>, serde_json::Error> {
    let mut specs: Vec<DestinationRuleSpec> = Vec::new();
    for rule in &place.rules {
        let audience = audience(rule, place.namespace);
        if specs.iter().any(|spec| (&spec.export_to, &spec.workload_selector) == (&audience.0, &audience.1)) {
            continue;
        }
        let alike: Vec<_> =
            place.rules.iter().filter(|other| self::audience(other, place.namespace) == audience).collect();
        let policy = alike.iter().find_map(|rule| rule.spec.traffic_policy.as_ref());
        let subsets = alike.iter().flat_map(|rule| rule.spec.subsets.iter().cloned());
        let own = subsets_of(mesh, callee, policy)?;
        specs.push(DestinationRuleSpec {
            host: callee.service.host.clone(),
            export_to: audience.0,
            workload_selector: audience.1,
            traffic_policy: policy.filter(|_| !place.joined).cloned(),
            subsets: if place.joined { own } else { subsets.chain(own).collect() },
        });
    }
    if specs.iter().all(|spec| spec.workload_selector.is_some()) {
        specs.push(DestinationRuleSpec {
            host: callee.service.host.clone(),
            export_to: specs.first().map(|spec| spec.export_to.clone()).unwrap_or_default(),
            subsets: subsets_of(mesh, callee, None)?,
            ..DestinationRuleSpec::default()
        });
    }
    Ok(specs)
}

/// Whom a rule of ours is for that stands in `namespace` for a rule of the user.
fn audience(rule: &Rule<'_>, namespace: &NamespaceName) -> (Vec<String>, Option<Value>) {
    // What a rule of another namespace exports to says nothing about this one.
    let export_to = if rule.namespace == namespace { rule.spec.export_to.clone() } else { Vec::new() };
    (export_to, rule.spec.workload_selector.clone())
}

fn subsets_of(
    mesh: &Mesh<'_>,
    callee: &Callee<'_>,
    policy: Option<&Value>,
) -> Result<Vec<Value>, serde_json::Error> {
    let lanes = callee.lanes.keys().map(|lane| (Some(*lane), Some(lane_policy(policy))));
    std::iter::once((None, None))
        .chain(lanes)
        .map(|(lane, policy)| serde_json::to_value(subset(mesh, callee, lane, policy)))
        .collect()
}

fn subset(mesh: &Mesh<'_>, callee: &Callee<'_>, lane: Option<&LaneName>, policy: Option<Value>) -> Subset {
    Subset { name: names::subset(lane), labels: mesh.mark(callee.service, lane), traffic_policy: policy }
}

/// The policy of a lane's subset. Each setting of a subset replaces the rule's of that name, so that the user's
/// outlier detection is taken over; the settings of a port replace all others for that port, and are repeated.
fn lane_policy(user: Option<&Value>) -> Value {
    let outlier = |policy: Option<&Value>| ejection(policy.and_then(|policy| policy.get("outlierDetection")));
    let ports = user.and_then(|policy| policy.get("portLevelSettings")).and_then(Value::as_array);
    let mut policy = json!({ "outlierDetection": outlier(user) });
    let ports: Vec<Value> = ports
        .into_iter()
        .flatten()
        .map(|port| with(port.clone(), "outlierDetection", outlier(Some(port))))
        .collect();
    if !ports.is_empty() {
        policy = with(policy, "portLevelSettings", Value::Array(ports));
    }
    policy
}

/// Ejects an endpoint that cannot be reached; all of them if need be, and never choosing ejected ones in panic,
/// since the baseline stands behind them. Where the user says how to detect outliers, it is done his way.
///
/// Statuses eject nobody: a DestinationRule cannot tell an application's own 503, or one that it passes on, from
/// its proxy's. A request that meets a dead application behind its living proxy is tried elsewhere each time (see
/// `dead_application.rs`), until Kubernetes takes the endpoint away.
fn ejection(user: Option<&Value>) -> Value {
    let detection = user.cloned().unwrap_or_else(|| {
        json!({
            "splitExternalLocalOriginErrors": true,
            "consecutiveLocalOriginFailures": 3,
            "consecutiveGatewayErrors": 0,
            "consecutive5xxErrors": 0,
            "interval": "1s",
            "baseEjectionTime": "2s",
        })
    });
    with(with(detection, "maxEjectionPercent", json!(100)), "minHealthPercent", json!(0))
}

/// An object with one field more.
fn with(mut object: Value, key: &str, value: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
    object
}

#[cfg(test)]
mod tests;
