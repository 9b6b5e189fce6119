//! What we generate against the objects that a real istiod was seen to apply (`testdata/istio/proven/`).
//!
//! Those prove the mechanism and are not what is shipped: they lack a selector, roles and a failure policy.
//! So each field of theirs has to be in ours, with the same value where it is not a name.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::istio::Case;

/// Fields whose values are names, or what only the proof says.
const FREE: [&str; 12] = [
    "name",
    "cluster",
    "clusters",
    "root_id",
    "vm_id",
    "filename",
    "value",
    "map",
    "connect_timeout",
    "allow_precompiled",
    "header_name",
    "initial_fetch_timeout",
];

fn proven(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/istio/proven").join(file);
    let object: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    object["spec"]["configPatches"].as_array().unwrap().clone()
}

/// The paths of `want` that `got` lacks or has with another value.
fn missing(want: &Value, got: &Value, path: &str, found: &mut Vec<String>) {
    match want {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = format!("{path}.{key}");
                // `allow_precompiled: false` is protobuf's default, and lost on the way to the proxy.
                match got.get(key) {
                    None if key == "allow_precompiled" => {}
                    None => found.push(format!("{path} is missing")),
                    Some(_) if FREE.contains(&key.as_str()) && !value.is_object() => {}
                    Some(other) if key == "map" => {
                        let first = |map: &Value| map.as_object().unwrap().values().next().unwrap().clone();
                        missing(&first(value), &first(other), &path, found);
                    }
                    Some(other) => missing(value, other, &path, found),
                }
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                missing(item, &got[i], &format!("{path}[{i}]"), found);
            }
        }
        _ if want != got => found.push(format!("{path}: {want} became {got}")),
        _ => {}
    }
}

#[test]
fn every_patch_that_was_proven_is_generated() {
    let objects = Case::named("entry-sidecar").generate().objects;
    let with_lanes = Case::named("demo").generate().objects;
    let ours: Vec<Value> = objects
        .iter()
        .chain(&with_lanes)
        .flat_map(|object| object.spec["configPatches"].as_array().cloned().unwrap_or_default())
        .collect();
    for want in [proven("envoyfilter-ecds.json"), proven("envoyfilter-routes.json")].concat() {
        let best = ours
            .iter()
            .map(|got| {
                let mut found = Vec::new();
                missing(&want, got, "", &mut found);
                found
            })
            .min_by_key(Vec::len)
            .unwrap();
        // The proof carried the module as a local file; `demo` does so too.
        assert!(best.is_empty(), "{best:?} of {want:#}");
    }
}
