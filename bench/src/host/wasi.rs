//! What Rust's standard library asks of WASI, answered as Envoy does: clock, random bytes and output, no files,
//! no arguments, no environment.

use wasmtime::{Caller, Linker, bail};

use super::guest::{Guest, Status};
use super::state::{LogLine, State};

/// Module of the imports.
const WASI: &str = "wasi_snapshot_preview1";

/// The call succeeded.
const SUCCESS: u32 = 0;
/// No such file descriptor.
const BADF: u32 = 8;
/// An address that is not in memory.
const FAULT: u32 = 21;

/// Error level of the ABI: what is written to standard output and error is logged.
const ERROR: u32 = 4;

/// Defines all calls that are answered.
pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "clock_time_get",
        |caller: Caller<'_, State>, _clock: u32, _precision: i64, to: u32| {
            run(caller, "clock_time_get", |guest| {
                let now = guest.state().time_ns;
                guest.write_u64(to, now)
            })
        },
    )?;
    linker.func_wrap(WASI, "random_get", |caller: Caller<'_, State>, to: u32, length: u32| {
        run(caller, "random_get", |guest| {
            let mut bytes = guest.read(to, length)?;
            guest.state().random.fill(&mut bytes);
            guest.write(to, &bytes)
        })
    })?;
    linker.func_wrap(
        WASI,
        "fd_write",
        |caller: Caller<'_, State>, _file: u32, parts: u32, count: u32, written_to: u32| {
            run(caller, "fd_write", |guest| fd_write(guest, parts, count, written_to))
        },
    )?;
    for name in ["environ_sizes_get", "args_sizes_get"] {
        linker.func_wrap(WASI, name, move |caller: Caller<'_, State>, count_to: u32, bytes_to: u32| {
            run(caller, name, |guest| {
                guest.write_u32(count_to, 0)?;
                guest.write_u32(bytes_to, 0)
            })
        })?;
    }
    for name in ["environ_get", "args_get"] {
        linker.func_wrap(WASI, name, move |_: Caller<'_, State>, _: u32, _: u32| SUCCESS)?;
    }
    linker.func_wrap(WASI, "fd_close", |_: Caller<'_, State>, _: u32| BADF)?;
    linker.func_wrap(WASI, "fd_fdstat_get", |_: Caller<'_, State>, _: u32, _: u32| BADF)?;
    linker.func_wrap(WASI, "fd_seek", |_: Caller<'_, State>, _: u32, _: i64, _: u32, _: u32| BADF)?;
    linker.func_wrap(WASI, "proc_exit", |_: Caller<'_, State>, code: u32| -> wasmtime::Result<()> {
        bail!("proc_exit({code})")
    })?;
    Ok(())
}

fn run(
    caller: Caller<'_, State>,
    call: &'static str,
    run: impl FnOnce(&mut Guest<'_>) -> Result<(), Status>,
) -> wasmtime::Result<u32> {
    Ok(run(&mut Guest::enter(caller, call)?).map_or(FAULT, |()| SUCCESS))
}

/// Logs the parts of a text, each a pointer and a length.
fn fd_write(guest: &mut Guest<'_>, parts: u32, count: u32, written_to: u32) -> Result<(), Status> {
    let mut text = String::new();
    let mut written: u32 = 0;
    for part in 0..count {
        let at = parts.checked_add(part.saturating_mul(8)).ok_or(Status::InvalidMemoryAccess)?;
        let (pointer, length) = (guest.read_u32(at)?, guest.read_u32(at.saturating_add(4))?);
        text += &guest.read_text(pointer, length)?;
        written = written.saturating_add(length);
    }
    guest.state().log.push(LogLine { level: ERROR, text });
    guest.write_u32(written_to, written)
}
