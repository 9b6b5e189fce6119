//! The Istio target: the cases in `testdata/istio/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::istio::{GenerateError, Generated, Input, IstioObject, Reason, gateway, generate, input};

/// What a case is made of: the groups of one cluster.
#[derive(Clone, serde::Deserialize)]
pub(crate) struct Case {
    inputs: Vec<Input>,
}

impl Case {
    fn read(dir: &Path) -> Self {
        let file = dir.join("in.json");
        let json = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        serde_json::from_slice(&json).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::read(&testdata().join(name))
    }

    /// All groups, then the gateways that they share.
    pub(crate) fn generate(&self) -> Generated {
        let mut all = Generated { objects: Vec::new(), findings: Vec::new() };
        for input in &self.inputs {
            let one = generate(input).unwrap();
            all.objects.extend(one.objects);
            all.findings.extend(one.findings);
        }
        all.objects.extend(self.gateways());
        all
    }

    fn gateways(&self) -> Vec<IstioObject> {
        let inputs: Vec<_> = self.inputs.iter().collect();
        let mut gateways: Vec<&input::Entry> = self.inputs.iter().flat_map(|input| &input.entries).collect();
        gateways.dedup();
        gateways.into_iter().filter_map(|entry| gateway::filters(entry, &inputs).unwrap()).collect()
    }
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/istio")
}

fn cases() -> Vec<PathBuf> {
    let dirs = fs::read_dir(testdata()).unwrap().map(|entry| entry.unwrap().path());
    dirs.filter(|dir| dir.join("in.json").exists()).collect()
}

/// Objects by a name that shows their order, and the findings.
fn outputs(generated: &Generated) -> BTreeMap<String, String> {
    let object = |(i, object): (usize, &IstioObject)| {
        let stage = format!("{:?}", object.stage).to_lowercase();
        let name = format!("{:02}-{stage}.{}.{}.json", i + 1, object.namespace, object.name);
        (name, serde_json::to_string_pretty(&object.manifest()).unwrap() + "\n")
    };
    let finding = |finding: &envoy_config::istio::Finding| {
        let port = finding.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port} {}: {}\n", finding.service, finding.reason, finding.message)
    };
    let findings = generated.findings.iter().map(finding).collect();
    let objects = generated.objects.iter().enumerate().map(object);
    objects.chain([("findings.txt".to_owned(), findings)]).collect()
}

#[test]
fn every_case_generates_its_golden_files() {
    let mut differences = Vec::new();
    for dir in cases() {
        differences.extend(crate::files::compare(&dir.join("out"), &outputs(&Case::read(&dir).generate())));
    }
    assert!(differences.is_empty(), "{}\nUPDATE_GOLDEN=1 accepts", differences.join("\n"));
}

#[test]
fn objects_stand_in_the_order_of_their_stages() {
    for dir in cases() {
        for input in Case::read(&dir).inputs {
            assert!(generate(&input).unwrap().objects.is_sorted_by_key(|object| object.stage));
        }
    }
}

/// The patches of listeners, by object: what drains connections when it changes.
fn listener_patches(case: &Case) -> BTreeMap<String, Vec<String>> {
    let of_object = |object: IstioObject| {
        let patches = object.spec["configPatches"].as_array().into_iter().flatten();
        let listeners = patches
            .filter(|patch| ["HTTP_FILTER", "NETWORK_FILTER"].map(Into::into).contains(&patch["applyTo"]));
        let texts: Vec<String> = listeners.map(ToString::to_string).collect();
        (!texts.is_empty()).then(|| (format!("{}/{}", object.namespace, object.name), texts))
    };
    case.generate().objects.into_iter().filter_map(of_object).collect()
}

#[test]
fn no_lane_that_comes_or_goes_touches_a_listener() {
    let mut compared = 0;
    for dir in cases() {
        let case = Case::read(&dir);
        let with_all = listener_patches(&case);
        for (group, input) in case.inputs.iter().enumerate() {
            for lane in 0..input.lanes.len() {
                let mut without = case.clone();
                without.inputs[group].lanes.remove(lane);
                assert_eq!(listener_patches(&without), with_all, "{} without lane {lane}", dir.display());
                compared += with_all.len();
            }
        }
    }
    assert!(compared > 50, "only {compared} objects were compared");
}

#[test]
fn filter_and_configuration_of_one_name_stand_in_one_object_each_once() {
    let mut seen = Vec::new();
    for object in Case::named("shared-gateway").generate().objects {
        let names = |kind: &str| {
            let patches = object.spec["configPatches"].as_array().into_iter().flatten();
            let ours = patches.filter(|patch| patch["applyTo"] == kind);
            ours.map(|patch| patch["patch"]["value"]["name"].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names("EXTENSION_CONFIG"), names("HTTP_FILTER"), "{}", object.name);
        for name in names("HTTP_FILTER") {
            assert!(!seen.contains(&name), "{name}");
            seen.push(name);
        }
    }
    assert!(seen.len() > 2, "{seen:?}");
}

/// Whichever of the two objects istiod applies last, a route knows the lanes of both groups.
#[test]
fn groups_that_share_a_service_say_the_same_of_it() {
    let objects = Case::named("shared-service").generate().objects;
    let patches = |group: &str, kind: &str| -> Vec<serde_json::Value> {
        let of_group =
            objects.iter().filter(|object| object.name.starts_with(&format!("graylane.demo.{group}.")));
        let all = of_group.filter_map(|object| object.spec["configPatches"].as_array()).flatten();
        all.filter(|patch| patch["applyTo"] == kind && patch.to_string().contains("b.demo.svc"))
            .cloned()
            .collect()
    };
    for kind in ["HTTP_ROUTE", "CLUSTER"] {
        let shop = patches("shop", kind);
        assert_eq!(shop, patches("books", kind));
        assert!(shop.iter().any(|patch| patch.to_string().contains("gray")), "{kind}: {shop:#?}");
    }
    // The strict lane has no aggregate, and is known all the same.
    assert!(patches("shop", "HTTP_ROUTE").iter().any(|patch| patch.to_string().contains("graylane-blue")));
}

#[test]
fn a_group_without_the_gateway_has_no_part_in_it() {
    let case = Case::named("entry-sidecar");
    let mut gateway = case.inputs[0].entries[0].clone();
    gateway.kind = input::EntryKind::Gateway;
    assert_eq!(gateway::filters(&gateway, &[&case.inputs[0]]).unwrap(), None);
}

#[test]
fn an_object_that_is_too_large_is_refused_with_the_figure() {
    let mut case = Case::named("demo");
    let lane = &mut case.inputs[0].lanes[0];
    let rule = lane.spec.rules[0].clone();
    lane.spec.rules = vec![rule; 30_000];
    let inputs: Vec<_> = case.inputs.iter().collect();
    let error = gateway::filters(&case.inputs[0].entries[0], &inputs).unwrap_err();
    let GenerateError::TooLarge { bytes, .. } = &error else { panic!("{error}") };
    assert!(error.to_string().contains(&bytes.to_string()), "{error}");
}

#[test]
fn reasons_are_written_in_camel_case() {
    assert_eq!(Reason::RouteUnnamed.to_string(), "RouteUnnamed");
    assert_eq!(serde_json::to_string(&Reason::RouteUnnamed).unwrap(), "\"RouteUnnamed\"");
}
