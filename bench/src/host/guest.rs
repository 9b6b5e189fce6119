//! Memory of the module, as host calls read and write it.

use wasmtime::{Caller, Memory, TypedFunc};

use super::state::State;

/// What a host call answers when it cannot do what was asked (`WasmResult` of the ABI).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    NotFound = 1,
    BadArgument = 2,
    InvalidMemoryAccess = 6,
    CasMismatch = 8,
}

/// Why a host call ends early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The module is told.
    Status(Status),
    /// The module ends.
    Trap(wasmtime::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// The result of a host call before it is put into the form of the ABI.
pub(super) type Answer = Result<(), Failure>;

/// Memory and allocator of a module.
#[derive(Clone)]
pub(super) struct Handles {
    pub(super) memory: Memory,
    pub(super) allocate: TypedFunc<u32, u32>,
}

/// The module that makes a host call.
pub(super) struct Guest<'a> {
    caller: Caller<'a, State>,
    handles: Handles,
}

impl<'a> Guest<'a> {
    /// Notes the call of that name.
    pub(super) fn enter(mut caller: Caller<'a, State>, call: &'static str) -> wasmtime::Result<Self> {
        let state = caller.data_mut();
        state.host_calls.push(call);
        let handles = state.guest.clone();
        let handles = handles.ok_or_else(|| wasmtime::format_err!("{call} before the module was started"))?;
        Ok(Self { caller, handles })
    }

    pub(super) fn state(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    /// The bytes that a pointer and a length of the module name.
    pub(super) fn read(&self, at: u32, length: u32) -> Result<Vec<u8>, Status> {
        let range = range(at, length)?;
        let memory = self.handles.memory.data(&self.caller);
        memory.get(range).map(<[u8]>::to_vec).ok_or(Status::InvalidMemoryAccess)
    }

    pub(super) fn read_text(&self, at: u32, length: u32) -> Result<String, Status> {
        Ok(String::from_utf8_lossy(&self.read(at, length)?).into_owned())
    }

    pub(super) fn read_u32(&self, at: u32) -> Result<u32, Status> {
        let bytes = self.read(at, 4)?;
        bytes.try_into().map(u32::from_le_bytes).map_err(|_| Status::InvalidMemoryAccess)
    }

    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Status> {
        let range = range(at, u32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?)?;
        let memory = self.handles.memory.data_mut(&mut self.caller);
        memory.get_mut(range).ok_or(Status::InvalidMemoryAccess)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn write_u32(&mut self, at: u32, value: u32) -> Result<(), Status> {
        self.write(at, &value.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, at: u32, value: u64) -> Result<(), Status> {
        self.write(at, &value.to_le_bytes())
    }

    /// Hands bytes to the module: in memory that it allocates, with pointer and length where it wants them.
    pub(super) fn give(&mut self, bytes: &[u8], pointer_at: u32, length_at: u32) -> Answer {
        let length = u32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?;
        let mut pointer = 0;
        if length > 0 {
            self.state().allocations += 1;
            let allocate = self.handles.allocate.clone();
            pointer = allocate.call(&mut self.caller, length).map_err(Failure::Trap)?;
            self.write(pointer, bytes)?;
        }
        self.write_u32(pointer_at, pointer)?;
        self.write_u32(length_at, length)?;
        Ok(())
    }
}

fn range(at: u32, length: u32) -> Result<std::ops::Range<usize>, Status> {
    let place = |value: u32| usize::try_from(value).map_err(|_| Status::InvalidMemoryAccess);
    let (start, length) = (place(at)?, place(length)?);
    Ok(start..start + length)
}
