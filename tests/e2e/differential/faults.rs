//! Faults by chance. What nothing tells from other requests is drawn by each side for itself, so that such a fault hits
//! everybody in the same way.

use bench::random::Random;
use serde_json::{Value, json};

use super::generate::{chance, one_of, time};

/// A few faults of a role.
pub(super) fn faults(random: &mut Random) -> Value {
    (0..=random.below(3)).map(|number| fault(random, &format!("fault-{number}"))).collect()
}

fn fault(random: &mut Random, name: &str) -> Value {
    let mut fault = json!({ "name": name, "expiresMs": time(random), "percent": 100 });
    if chance(random, 2) {
        fault["lane"] = json!(one_of(random, &["gray", "blue", "baseline"]));
    }
    if chance(random, 4) {
        fault["from"] = json!("cart");
    }
    let is_drawn = chance(random, 2);
    if is_drawn {
        fault["match"] = json!({ "header": { "name": "x-user" } });
        fault["key"] = json!("x-user");
        fault["percent"] = json!(random.below(100) + 1);
        fault["seed"] = json!(random.below(3));
        fault["perAttempt"] = json!(chance(random, 2));
    }
    match random.below(3) {
        0 => fault["abort"] = json!({ "http": 503 }),
        1 => fault["abort"] = json!({ "grpc": random.below(16) + 1 }),
        _ => fault["throughputKibPerSecond"] = json!(64),
    }
    if chance(random, 2) {
        fault["delay"] = delay(random, is_drawn);
    }
    fault
}

fn delay(random: &mut Random, is_drawn: bool) -> Value {
    if !is_drawn {
        return json!({ "shape": { "uniform": { "from": 5, "to": 5 } } });
    }
    let shape = if chance(random, 2) {
        json!({ "uniform": { "from": 100, "to": 5_000 } })
    } else {
        json!({ "normal": { "mean": 1_000, "deviation": 300 } })
    };
    json!({ "shape": shape, "jitterMs": random.below(200) })
}
