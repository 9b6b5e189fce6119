//! Host calls on the stream, the clock and the log.

use wasmtime::{Caller, Linker};

use super::answer;
use crate::host::guest::{Answer, Guest, Status};
use crate::host::headers::Header;
use crate::host::state::{LocalResponse, LogLine, State};

/// The level that Envoy logs at unless told otherwise: info.
const LOG_LEVEL: u32 = 2;

/// The one foreign function that is there; header edits clear the route cache anyway.
const CLEAR_ROUTE_CACHE: &[u8] = b"clear_route_cache";

/// A pointer into the module's memory with a length.
type Span = (u32, u32);

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |caller: Caller<'_, State>, level: u32, text: u32, length: u32| {
            answer(caller, "log", |guest| log(guest, level, (text, length)))
        },
    )?;
    linker.func_wrap("env", "proxy_get_log_level", |caller: Caller<'_, State>, to: u32| {
        answer(caller, "get_log_level", |guest| Ok(guest.write_u32(to, LOG_LEVEL)?))
    })?;
    linker.func_wrap("env", "proxy_get_current_time_nanoseconds", |caller: Caller<'_, State>, to: u32| {
        answer(caller, "get_current_time_nanoseconds", |guest| {
            let now = guest.state().time_ns;
            Ok(guest.write_u64(to, now)?)
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |caller: Caller<'_, State>, period: u32| {
            answer(caller, "set_tick_period_milliseconds", |guest| {
                guest.state().tick_period_ms = period;
                Ok(())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_set_effective_context", |caller: Caller<'_, State>, _context: u32| {
        answer(caller, "set_effective_context", |_| Ok(()))
    })?;
    linker.func_wrap(
        "env",
        "proxy_call_foreign_function",
        |caller: Caller<'_, State>, name: u32, length: u32, _: u32, _: u32, to: u32, length_to: u32| {
            answer(caller, "call_foreign_function", |guest| foreign(guest, (name, length), (to, length_to)))
        },
    )?;
    define_local_response(linker)
}

fn define_local_response(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |caller: Caller<'_, State>,
         status: u32,
         details: u32,
         details_length: u32,
         body: u32,
         body_length: u32,
         headers: u32,
         headers_length: u32,
         grpc_status: i32| {
            answer(caller, "send_local_response", |guest| {
                let details = guest.read(details, details_length)?;
                let body = guest.read(body, body_length)?;
                let headers = decode(&guest.read(headers, headers_length)?).ok_or(Status::BadArgument)?;
                guest.state().local_response =
                    Some(LocalResponse { status, details, body, headers, grpc_status });
                Ok(())
            })
        },
    )?;
    Ok(())
}

fn log(guest: &mut Guest<'_>, level: u32, text: Span) -> Answer {
    let text = guest.read_text(text.0, text.1)?;
    guest.state().log.push(LogLine { level, text });
    Ok(())
}

fn foreign(guest: &mut Guest<'_>, name: Span, to: Span) -> Answer {
    if guest.read(name.0, name.1)? != CLEAR_ROUTE_CACHE {
        return Err(Status::NotFound.into());
    }
    guest.give(b"", to.0, to.1)
}

/// Reads a header map in the form of the ABI; nothing at all is an empty one.
fn decode(bytes: &[u8]) -> Option<Vec<Header>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let (count, mut lengths) = take_length(bytes)?;
    let mut texts = lengths.get(count.checked_mul(8)?..)?;
    let mut headers = Vec::new();
    for _ in 0..count {
        let (name_length, rest) = take_length(lengths)?;
        let (value_length, rest) = take_length(rest)?;
        lengths = rest;
        let name = texts.get(..name_length)?;
        let value = texts.get(name_length + 1..name_length + 1 + value_length)?;
        headers.push((name.to_vec(), value.to_vec()));
        texts = texts.get(name_length + value_length + 2..)?;
    }
    Some(headers)
}

fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::headers::HeaderMap;

    #[test]
    fn what_was_encoded_is_read_back() {
        let headers = vec![(b"a".to_vec(), b"xy".to_vec()), (b"bc".to_vec(), Vec::new())];
        assert_eq!(decode(&HeaderMap(headers.clone()).encode().unwrap()), Some(headers));
        assert_eq!(decode(b""), Some(Vec::new()));
        assert_eq!(decode(b"\x01\0\0\0\x01"), None);
    }
}
