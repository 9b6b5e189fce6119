//! The host calls of ABI 0.2.1 (module `env`).

mod data;
mod map;
mod metrics;
mod stream;

use wasmtime::{Caller, Linker};

use super::guest::{Answer, Failure, Guest};
use super::state::State;

/// Defines all host calls that are answered.
pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    map::define(linker)?;
    data::define(linker)?;
    metrics::define(linker)?;
    stream::define(linker)
}

/// Runs a host call and puts its answer into the form of the ABI.
fn answer(
    caller: Caller<'_, State>,
    call: &'static str,
    run: impl FnOnce(&mut Guest<'_>) -> Answer,
) -> wasmtime::Result<u32> {
    match run(&mut Guest::enter(caller, call)?) {
        Ok(()) => Ok(0),
        Err(Failure::Status(status)) => Ok(status as u32),
        Err(Failure::Trap(error)) => Err(error),
    }
}
