//! Reading a lane as a user writes it: `lane::parse`.

use std::hint::black_box;

use bench::ours;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

/// A lane with that many rules.
fn lane(rules: usize) -> Value {
    let entry = ours::case("entry").expect("the case is there").config;
    let config = ours::with_rules(&entry, rules).expect("the names are valid");
    json!({
        "apiVersion": lane::model::API_VERSION,
        "kind": lane::model::LANE,
        "metadata": {"name": ours::LANE},
        "spec": {"group": config.group, "rules": config.lanes[0].rules},
    })
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for rules in [1, 1_000, 10_000] {
        let value = lane(rules);
        let read = lane::parse::lane(value.clone()).expect("the lane is right");
        assert_eq!(read.spec.rules.len(), rules);
        group.bench_function(BenchmarkId::from_parameter(rules), |b| {
            b.iter_batched(
                || value.clone(),
                |value| black_box(lane::parse::lane(value)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
