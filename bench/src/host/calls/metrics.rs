//! Host calls on metrics.

use wasmtime::{Caller, Linker};

use super::answer;
use crate::host::guest::{Answer, Guest, Status};
use crate::host::state::{MetricKind, State};

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |caller: Caller<'_, State>, kind: u32, name: u32, name_length: u32, to: u32| {
            answer(caller, "define_metric", |guest| define_metric(guest, kind, (name, name_length), to))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |caller: Caller<'_, State>, metric: u32, offset: i64| {
            answer(caller, "increment_metric", |guest| increment(guest, metric, offset))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |caller: Caller<'_, State>, metric: u32, value: i64| {
            answer(caller, "record_metric", |guest| record(guest, metric, value))
        },
    )?;
    linker.func_wrap("env", "proxy_get_metric", |caller: Caller<'_, State>, metric: u32, to: u32| {
        answer(caller, "get_metric", |guest| get(guest, metric, to))
    })?;
    Ok(())
}

fn define_metric(guest: &mut Guest<'_>, kind: u32, name: (u32, u32), to: u32) -> Answer {
    let kind = match kind {
        0 => MetricKind::Counter,
        1 => MetricKind::Gauge,
        2 => MetricKind::Histogram,
        _ => return Err(Status::BadArgument.into()),
    };
    let name = guest.read_text(name.0, name.1)?;
    let id = guest.state().metrics.define(kind, name);
    guest.write_u32(to, u32::try_from(id).map_err(|_| Status::BadArgument)?)?;
    Ok(())
}

fn increment(guest: &mut Guest<'_>, metric: u32, offset: i64) -> Answer {
    let metric = number(metric)?;
    guest.state().metrics.increment(metric, offset).ok_or(Status::BadArgument)?;
    Ok(())
}

fn record(guest: &mut Guest<'_>, metric: u32, value: i64) -> Answer {
    let metric = number(metric)?;
    guest.state().metrics.record(metric, value).ok_or(Status::BadArgument)?;
    Ok(())
}

fn get(guest: &mut Guest<'_>, metric: u32, to: u32) -> Answer {
    let metric = number(metric)?;
    let value = guest.state().metrics.get(metric).ok_or(Status::BadArgument)?;
    guest.write(to, &value.to_le_bytes())?;
    Ok(())
}

fn number(metric: u32) -> Result<usize, Status> {
    usize::try_from(metric).map_err(|_| Status::BadArgument)
}
