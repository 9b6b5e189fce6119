//! What a process and the Wasm modules within it hold, as the kernel says.

use std::fs;
use std::ops::Range;

use anyhow::{Context as _, Result};

/// Memory of an Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// KiB that are resident.
    pub(crate) resident_kib: u64,
    /// KiB of the linear memories of all Wasm VMs together.
    pub(crate) wasm_kib: u64,
}

/// V8 reserves the whole reach of a 32-bit index behind each linear memory, so that it needs no check of bounds:
/// nothing else reserves as much.
const RESERVED: u64 = 4 << 30;

impl Footprint {
    /// Of the process with this id.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))
        };
        let resident_kib = resident(&read("status")?).context("no resident size")?;
        Ok(Self { resident_kib, wasm_kib: linear_memories(&read("maps")?) / 1024 })
    }
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Bytes that are writable in front of a reserved range.
fn linear_memories(maps: &str) -> u64 {
    let regions: Vec<_> = maps.lines().filter_map(region).collect();
    let reserved = |region: &(Range<u64>, &str)| region.1 == "---p" && size(&region.0) > RESERVED;
    let pairs = regions.windows(2).filter(|pair| pair[0].1 == "rw-p" && reserved(&pair[1]));
    pairs.map(|pair| size(&pair[0].0)).sum()
}

fn size(range: &Range<u64>) -> u64 {
    range.end - range.start
}

fn region(line: &str) -> Option<(Range<u64>, &str)> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    Some((hex(start)?..hex(end)?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_memory_is_what_stands_before_a_reserved_range() {
        let maps = "7f00000000-7f00100000 rw-p 00000000 00:00 0\n\
                    7f00100000-8100000000 ---p 00000000 00:00 0\n\
                    8200000000-8200200000 rw-p 00000000 00:00 0 [heap]\n\
                    8200200000-8200300000 ---p 00000000 00:00 0\n";
        assert_eq!(linear_memories(maps), 1 << 20);
        assert_eq!(resident("Name:\tenvoy\nVmRSS:\t  107304 kB\n"), Some(107_304));
    }
}
