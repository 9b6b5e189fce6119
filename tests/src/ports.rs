//! Loopback ports that nobody else takes.
//!
//! A port that the kernel picks may go to somebody else between the pick and its use, and again while a killed
//! server is to come back on it. Tests run as threads and as processes at once and open thousands of
//! connections, so that this does happen. Hence ports lie below the kernel's ephemeral range, in blocks; a
//! process owns a block by a file lock for as long as it lives, and gives each of its ports out once.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::Mutex;

use anyhow::{Context as _, Result, bail};

/// The first port given out.
const FIRST: u16 = 13_000;
/// Ports of a block.
const BLOCK: u16 = 50;
/// Number of blocks: all end below 32768, where Linux begins to pick ports by itself.
const BLOCKS: u16 = 380;

/// The blocks of this process and what is left of the last one.
struct Pool {
    locks: Vec<File>,
    left: Range<u16>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { locks: Vec::new(), left: 0..0 });

/// A port on 127.0.0.1 that is free and that no other test gets.
///
/// # Errors
/// When all blocks are taken or the locks cannot be kept.
pub fn free() -> Result<u16> {
    let mut pool = POOL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    loop {
        for port in pool.left.by_ref() {
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        let (lock, block) = take_block()?;
        pool.locks.push(lock);
        pool.left = block;
    }
}

/// Locks the first block that is free, beginning at one that depends on the process.
fn take_block() -> Result<(File, Range<u16>)> {
    let dir = std::env::temp_dir().join("graylane-ports");
    fs::create_dir_all(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
    let begin = u16::try_from(std::process::id() % u32::from(BLOCKS))?;
    for offset in 0..BLOCKS {
        let block = (begin + offset) % BLOCKS;
        let path = dir.join(block.to_string());
        let lock = File::create(&path).with_context(|| format!("failed to open {}", path.display()))?;
        if lock.try_lock().is_ok() {
            let first = FIRST + block * BLOCK;
            return Ok((lock, first..first + BLOCK));
        }
    }
    bail!("all {BLOCKS} blocks of ports are taken")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_given_out_twice() {
        let threads: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..40).map(|_| free().unwrap()).collect())).collect();
        let ports: Vec<Vec<u16>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let distinct: BTreeSet<u16> = ports.iter().flatten().copied().collect();
        assert_eq!(distinct.len(), 160);
        assert!(distinct.iter().all(|port| (FIRST..32_768).contains(port)));
    }

    #[test]
    fn a_taken_block_is_passed_over() {
        let (_held, first) = take_block().unwrap();
        let (_also, second) = take_block().unwrap();
        assert_ne!(first, second);
    }
}
