//! The table from traces to lanes in Envoy's shared data, which all workers and both roles of a sidecar have in
//! common: it belongs to the `vm_id`, which is one for all roles.
//!
//! Shared data can be written and never deleted, so that the number of keys is what bounds memory: each slot of
//! the table is one key. The keys are as short as a `std::string` keeps without an allocation of its own.

use lane::recovery::Slots;

use crate::host::{ABSENT, SharedHost};

/// The slots in the shared data of a host.
#[derive(Clone, Copy, Debug)]
pub struct SharedSlots<'h, H>(pub &'h H);

impl<H: SharedHost> Slots for SharedSlots<'_, H> {
    fn read(&self, slot: u32) -> Option<(Vec<u8>, u32)> {
        self.0.shared(&key(slot)).map(|found| (found.value, found.cas))
    }

    fn write(&self, slot: u32, bytes: &[u8], version: Option<u32>) -> bool {
        self.0.set_shared(&key(slot), bytes, version.unwrap_or(ABSENT))
    }
}

/// The version of the layout is part of the key: other layouts, of other releases, do not see each other.
fn key(slot: u32) -> String {
    format!("gl.trace.1.{slot:x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    #[test]
    fn a_slot_is_written_by_one_at_a_time() {
        let host = FakeHost::default();
        let slots = SharedSlots(&host);
        assert_eq!(slots.read(7), None);
        assert!(slots.write(7, b"a", None));
        assert!(!slots.write(7, b"b", None), "another VM created it meanwhile");
        let (bytes, version) = slots.read(7).unwrap();
        assert_eq!(bytes, b"a");
        assert!(slots.write(7, b"c", Some(version)));
        assert!(!slots.write(7, b"d", Some(version)));
        assert_eq!(slots.read(7).unwrap().0, b"c");
        assert_eq!(slots.read(8), None);
    }

    #[test]
    fn keys_are_short() {
        assert!(key(u32::MAX).len() <= 22);
    }
}
