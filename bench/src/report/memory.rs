//! Size, load time and memory as Markdown.

use super::{grouped, markdown};
use crate::memory::{Memory, Resident};
use crate::sample::Spread;

/// KiB in a MiB.
const KIB_PER_MIB: f64 = 1024.0;

/// All tables.
#[must_use]
pub fn tables(memory: &Memory) -> String {
    format!("{}\n{}\n{}\n{}", figures(memory), resident(memory), growth(memory), series(memory))
}

fn figures(memory: &Memory) -> String {
    let time = |Spread { p25, median, p75, .. }: Spread| format!("{median:.1} ms ({p25:.1}–{p75:.1})");
    let bytes = |bytes: u64| format!("{} bytes", grouped(bytes as f64));
    let rows = [
        ("size of graylane.wasm", bytes(memory.module_bytes)),
        ("size of the SDK's no-op filter", bytes(memory.noop_bytes)),
        ("loading the module by ECDS, one rule", time(memory.load_ms)),
        ("changing one rule by ECDS, module loaded", time(memory.update_ms)),
        ("changing 10,000 rules by ECDS, module loaded", time(memory.large_update_ms)),
        ("memory of a VM, one rule", format!("{} pages of 64 KiB", memory.pages)),
        ("memory of a VM, 10,000 rules", format!("{} pages of 64 KiB", memory.large_pages)),
    ];
    markdown(&["what", "figure"], rows.map(|(what, figure)| vec![what.to_owned(), figure]))
}

fn resident(memory: &Memory) -> String {
    let rows = memory.resident.iter().map(|Resident { title, one_worker_kib, two_workers_kib }| {
        let further = *two_workers_kib as f64 - *one_worker_kib as f64;
        vec![title.clone(), mib(*one_worker_kib as f64), mib(*two_workers_kib as f64), mib(further)]
    });
    markdown(&["resident memory of Envoy, MiB", "one worker", "two workers", "a further worker"], rows)
}

/// What the filter adds.
fn growth(memory: &Memory) -> String {
    let kib = |title: &str| {
        memory.resident.iter().find(|row| row.title == title).map(|row| row.one_worker_kib as f64)
    };
    let more = |above, below| {
        kib(above).zip(kib(below)).map(|(above, below)| mib(above - below)).unwrap_or_default()
    };
    let [none, one, many, roles] =
        ["no Wasm", "entry, one rule", "entry, 10,000 rules", "entry, inbound and outbound"];
    let rows = [
        ("the filter with one role", more(one, none)),
        ("two further roles", more(roles, one)),
        ("10,000 rules", more(many, one)),
    ];
    markdown(
        &["what is added, one worker, MiB", "memory"],
        rows.map(|(what, more)| vec![what.to_owned(), more]),
    )
}

fn series(memory: &Memory) -> String {
    let rows = memory.series.iter().map(|point| {
        let (requests, updates) = (grouped(f64::from(point.requests)), grouped(f64::from(point.updates)));
        vec![requests, updates, mib(point.kib as f64)]
    });
    markdown(&["requests so far", "updates of the rules so far", "resident memory, MiB"], rows)
}

fn mib(kib: f64) -> String {
    format!("{:.1}", kib / KIB_PER_MIB)
}
