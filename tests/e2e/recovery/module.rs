//! The shipped module under a Wasm runtime of its own: so many traces that no Envoy would see them in a test.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use bench::host::{Header, Instance, Module};
use serde_json::json;
use tests::figures::{Figures, sized};
use tests::mesh::WASM_VARIABLE;

use super::{flat::PLACES, traceparent};

/// How often memory is looked at.
const POINTS: u64 = 10;
/// Between two traces, so that some end by themselves: 10,000 arrive in a second.
const NANOSECONDS: u64 = 100_000;
/// The last traces at each point, which have to be found again.
const LAST: u64 = 100;

/// What is held by the VM and by the host on its behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    /// Pages of 64 KiB of the VM's memory.
    pages: u64,
    /// Values of the shared data: the slots of the table, and the receipts of workers.
    values: usize,
    /// Their bytes.
    bytes: usize,
}

/// A VM that arrivals are shown to, and now and then what the application sends.
struct Table {
    instance: Instance,
    slots: u32,
    arrived: u64,
}

impl Table {
    fn new(slots: u32) -> Result<Self> {
        let path = std::env::var_os(WASM_VARIABLE).context("run through cargo xtask test")?;
        let mut table = Self { instance: Module::load(&PathBuf::from(path))?.instance()?, slots, arrived: 0 };
        table.become_role("inbound")?;
        Ok(table)
    }

    fn become_role(&mut self, role: &str) -> Result<()> {
        let config = json!({
            "version": 1, "generation": 1, "group": "shop", "role": role, "workload": "b-v1",
            "laneHeader": "x-lane", "lanes": [{ "name": "gray" }],
            "recovery": { "headers": ["traceparent"], "ttlMs": 30_000, "slots": self.slots },
        });
        ensure!(self.instance.configure(config.to_string().as_bytes())?, "the module refuses {config}");
        Ok(())
    }

    fn arrive(&mut self, traces: u64) -> Result<()> {
        for _ in 0..traces {
            self.instance.set_time(self.arrived * NANOSECONDS);
            let lane = (b"x-lane".to_vec(), b"gray".to_vec());
            self.instance.request(vec![lane, trace(self.arrived)])?;
            self.arrived += 1;
        }
        Ok(())
    }

    /// How many of the last traces are given their lane again.
    fn found(&mut self) -> Result<u64> {
        self.become_role("outbound")?;
        let mut found = 0;
        for number in self.arrived - LAST..self.arrived {
            let outcome = self.instance.request(vec![trace(number)])?;
            found += u64::from(outcome.headers.contains(&(b"x-lane".to_vec(), b"gray".to_vec())));
        }
        self.become_role("inbound")?;
        Ok(found)
    }

    fn held(&self) -> Held {
        let (values, bytes) = self.instance.shared_data();
        Held { pages: self.instance.memory_pages(), values, bytes }
    }
}

fn trace(number: u64) -> Header {
    (b"traceparent".to_vec(), traceparent(number, 1).into_bytes())
}

#[test]
fn the_module_holds_no_more_however_many_traces_come_by() -> Result<()> {
    let (slots, count) = sized((64, 20_000), (4_096, 10_000_000_u64));
    let mut table = Table::new(slots)?;
    let filling = u64::from(slots) * PLACES * 4;
    table.arrive(filling)?;
    table.found()?;
    let mut points = vec![table.held()];
    for _ in 0..POINTS {
        table.arrive(count / POINTS)?;
        let found = table.found()?;
        ensure!(found == LAST, "{found} of the last {LAST} traces were found again");
        points.push(table.held());
    }
    let (full, last) = (&points[0], &points[points.len() - 1]);
    Figures::new("The shipped module's memory stays flat over traces, in a Wasm runtime of the test")
        .parameter("traces", count)
        .parameter("slots", slots)
        .parameter("after filling the table with", filling)
        .figure("Wasm memory", format!("{} KiB, then {} KiB", full.pages * 64, last.pages * 64))
        .figure("shared data", format!("{} KiB, then {} KiB", full.bytes / 1024, last.bytes / 1024))
        .figure("of the last traces found again", format!("{} of {}", LAST * POINTS, LAST * POINTS))
        .record("recovery-module")?;
    // Every place of every slot is taken; beside them there are the receipts alone.
    let table = usize::try_from(u64::from(slots) * PLACES * 32)?;
    ensure!((table..table + 4096).contains(&full.bytes), "{table} bytes of traces in {full:?}");
    ensure!(points.iter().all(|point| point == full), "{points:?}");
    Ok(())
}
