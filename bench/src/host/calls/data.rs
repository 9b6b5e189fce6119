//! Host calls on buffers, properties and shared data.

use wasmtime::{Caller, Linker};

use super::answer;
use crate::host::guest::{Answer, Guest, Status};
use crate::host::state::{Shared, State};

/// The plugin's configuration (`WasmBufferType::PluginConfiguration`).
const PLUGIN_CONFIGURATION: u32 = 7;

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |caller: Caller<'_, State>, buffer: u32, start: u32, length: u32, to: u32, length_to: u32| {
            answer(caller, "get_buffer_bytes", |guest| {
                buffer_bytes(guest, buffer, (start, length), to, length_to)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |caller: Caller<'_, State>, path: u32, path_length: u32, to: u32, length_to: u32| {
            answer(caller, "get_property", |guest| get_property(guest, (path, path_length), to, length_to))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |caller: Caller<'_, State>, path: u32, path_length: u32, value: u32, value_length: u32| {
            answer(caller, "set_property", |guest| {
                set_property(guest, (path, path_length), (value, value_length))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |caller: Caller<'_, State>, key: u32, key_length: u32, to: u32, length_to: u32, cas_to: u32| {
            answer(caller, "get_shared_data", |guest| {
                get_shared(guest, (key, key_length), (to, length_to), cas_to)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |caller: Caller<'_, State>, key: u32, key_length: u32, value: u32, value_length: u32, cas: u32| {
            answer(caller, "set_shared_data", |guest| {
                set_shared(guest, (key, key_length), (value, value_length), cas)
            })
        },
    )?;
    Ok(())
}

/// A pointer with a length, or a start with one.
type Span = (u32, u32);

fn buffer_bytes(guest: &mut Guest<'_>, buffer: u32, span: Span, to: u32, length_to: u32) -> Answer {
    if buffer != PLUGIN_CONFIGURATION {
        return Err(Status::NotFound.into());
    }
    let (start, length) = span;
    let end = start.checked_add(length).ok_or(Status::BadArgument)?;
    let place = |at: u32, last: usize| usize::try_from(at).unwrap_or(last).min(last);
    let configuration = &guest.state().configuration;
    let last = configuration.len();
    let bytes = configuration[place(start, last)..place(end, last)].to_vec();
    guest.give(&bytes, to, length_to)
}

fn get_property(guest: &mut Guest<'_>, path: Span, to: u32, length_to: u32) -> Answer {
    let path = guest.read(path.0, path.1)?;
    let value = guest.state().properties.get(&path).cloned().ok_or(Status::NotFound)?;
    guest.give(&value, to, length_to)
}

fn set_property(guest: &mut Guest<'_>, path: Span, value: Span) -> Answer {
    let path = guest.read_text(path.0, path.1)?.replace('\0', ".");
    let value = guest.read(value.0, value.1)?;
    guest.state().set_properties.insert(path, value);
    Ok(())
}

fn get_shared(guest: &mut Guest<'_>, key: Span, to: Span, cas_to: u32) -> Answer {
    let key = guest.read(key.0, key.1)?;
    let Shared { value, cas } = guest.state().shared.get(&key).ok_or(Status::NotFound)?;
    let (value, cas) = (value.clone(), *cas);
    guest.give(&value, to.0, to.1)?;
    guest.write_u32(cas_to, cas)?;
    Ok(())
}

/// As in Envoy a `cas` of 0 always writes, and so does any for a key that is not there.
fn set_shared(guest: &mut Guest<'_>, key: Span, value: Span, cas: u32) -> Answer {
    let (key, value) = (guest.read(key.0, key.1)?, guest.read(value.0, value.1)?);
    let shared = guest.state().shared.entry(key).or_default();
    if cas != 0 && shared.cas != 0 && shared.cas != cas {
        return Err(Status::CasMismatch.into());
    }
    *shared = Shared { value, cas: shared.cas + 1 };
    Ok(())
}
