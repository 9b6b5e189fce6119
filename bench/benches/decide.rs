//! What each role does with a request, without its host: `Program::on_request`.

use std::hint::black_box;

use bench::ours::{self, USUAL};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lane::head::MemoryHead;
use lane::program::Program;

fn decide(c: &mut Criterion) {
    let mut group = c.benchmark_group("decide");
    for case in ours::cases().expect("the names are valid") {
        let program = Program::compile(case.config).expect("the configuration is right");
        let lines = USUAL.iter().chain(&case.request);
        let headers = lines.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        let head = MemoryHead { headers, ..MemoryHead::default() };
        assert_eq!(program.on_request(&head, 0, 0).lane.is_some(), case.in_lane, "{}", case.key);
        group.bench_function(BenchmarkId::from_parameter(case.key), |b| {
            b.iter(|| black_box(program.on_request(black_box(&head), 0, 0)).lane.is_some());
        });
    }
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
