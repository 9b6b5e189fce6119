//! Compiling a filter configuration, as the filter does for each update: `Program::from_json`.

use std::hint::black_box;

use bench::ours;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lane::program::Program;

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    for (rules, key) in [(1, "entry"), (1_000, "rules-1000"), (10_000, "rules-10000")] {
        let config = ours::case(key).expect("the case is there").config;
        let json = serde_json::to_vec(&config).expect("a configuration is JSON");
        let program = Program::from_json(&json).expect("the configuration is right");
        assert_eq!(program.config().lanes[0].rules.len(), rules);
        group.bench_function(BenchmarkId::from_parameter(rules), |b| {
            b.iter(|| Program::from_json(black_box(&json)));
        });
    }
    group.finish();
}

criterion_group!(benches, compile);
criterion_main!(benches);
