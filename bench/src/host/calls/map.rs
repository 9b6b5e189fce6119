//! Host calls on header maps. Only the request's headers are there.

use wasmtime::{Caller, Linker};

use super::answer;
use crate::host::guest::{Answer, Guest, Status};
use crate::host::state::State;

/// The request's headers (`WasmHeaderMapType::RequestHeaders`).
const REQUEST_HEADERS: u32 = 0;

/// A pointer into the module's memory with a length.
type Span = (u32, u32);

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |caller: Caller<'_, State>, map: u32, to: u32, length_to: u32| {
            answer(caller, "get_header_map_pairs", |guest| pairs(guest, map, to, length_to))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |caller: Caller<'_, State>, map: u32, name: u32, name_length: u32, to: u32, length_to: u32| {
            answer(caller, "get_header_map_value", |guest| {
                value(guest, map, (name, name_length), to, length_to)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_add_header_map_value",
        |caller: Caller<'_, State>, map: u32, name: u32, name_length: u32, value: u32, value_length: u32| {
            answer(caller, "add_header_map_value", |guest| {
                add(guest, map, (name, name_length), (value, value_length))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_replace_header_map_value",
        |caller: Caller<'_, State>, map: u32, name: u32, name_length: u32, value: u32, value_length: u32| {
            answer(caller, "replace_header_map_value", |guest| {
                replace(guest, map, (name, name_length), (value, value_length))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |caller: Caller<'_, State>, map: u32, name: u32, name_length: u32| {
            answer(caller, "remove_header_map_value", |guest| remove(guest, map, (name, name_length)))
        },
    )?;
    Ok(())
}

fn pairs(guest: &mut Guest<'_>, map: u32, to: u32, length_to: u32) -> Answer {
    check(map)?;
    let encoded = guest.state().request.encode().ok_or(Status::BadArgument)?;
    guest.give(&encoded, to, length_to)
}

fn value(guest: &mut Guest<'_>, map: u32, name: Span, to: u32, length_to: u32) -> Answer {
    check(map)?;
    let name = guest.read(name.0, name.1)?;
    let value = guest.state().request.get(&name).map(<[u8]>::to_vec).ok_or(Status::NotFound)?;
    guest.give(&value, to, length_to)
}

fn add(guest: &mut Guest<'_>, map: u32, name: Span, value: Span) -> Answer {
    check(map)?;
    let (name, value) = (guest.read(name.0, name.1)?, guest.read(value.0, value.1)?);
    guest.state().request.add(&name, value);
    Ok(())
}

fn replace(guest: &mut Guest<'_>, map: u32, name: Span, value: Span) -> Answer {
    check(map)?;
    let (name, value) = (guest.read(name.0, name.1)?, guest.read(value.0, value.1)?);
    guest.state().request.replace(&name, value);
    Ok(())
}

fn remove(guest: &mut Guest<'_>, map: u32, name: Span) -> Answer {
    check(map)?;
    let name = guest.read(name.0, name.1)?;
    guest.state().request.remove(&name);
    Ok(())
}

fn check(map: u32) -> Result<(), Status> {
    if map == REQUEST_HEADERS { Ok(()) } else { Err(Status::BadArgument) }
}
