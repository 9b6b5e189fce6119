//! The callbacks of a module. Those that it does not export are passed over, as Envoy does.

use anyhow::{Context as _, Result, anyhow};
use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use super::guest::Handles;
use super::state::State;

/// What every module of this ABI version exports.
const ABI: &str = "proxy_abi_version_0_2_1";

/// A callback that may be missing.
type Callback<Params, Results = ()> = Option<TypedFunc<Params, Results>>;

/// The exports that the host uses.
pub(super) struct Exports {
    pub(super) guest: Handles,
    initialize: Callback<()>,
    context_create: Callback<(u32, u32)>,
    vm_start: Callback<(u32, u32), u32>,
    configure: Callback<(u32, u32), u32>,
    tick: Callback<u32>,
    request_headers: Callback<(u32, u32, u32), u32>,
    response_headers: Callback<(u32, u32, u32), u32>,
    done: Callback<u32, u32>,
    log: Callback<u32>,
    delete: Callback<u32>,
}

impl Exports {
    pub(super) fn find(store: &mut Store<State>, instance: &Instance) -> Result<Self> {
        optional::<(), ()>(store, instance, ABI)?.with_context(|| format!("the module lacks {ABI}"))?;
        let memory = instance.get_memory(&mut *store, "memory").context("the module exports no memory")?;
        let allocate = optional(store, instance, "proxy_on_memory_allocate")?
            .context("the module lacks proxy_on_memory_allocate")?;
        Ok(Self {
            guest: Handles { memory, allocate },
            initialize: optional(store, instance, "_initialize")?,
            context_create: optional(store, instance, "proxy_on_context_create")?,
            vm_start: optional(store, instance, "proxy_on_vm_start")?,
            configure: optional(store, instance, "proxy_on_configure")?,
            tick: optional(store, instance, "proxy_on_tick")?,
            request_headers: optional(store, instance, "proxy_on_request_headers")?,
            response_headers: optional(store, instance, "proxy_on_response_headers")?,
            done: optional(store, instance, "proxy_on_done")?,
            log: optional(store, instance, "proxy_on_log")?,
            delete: optional(store, instance, "proxy_on_delete")?,
        })
    }

    pub(super) fn initialize(&self, store: &mut Store<State>) -> wasmtime::Result<()> {
        call(&self.initialize, store, ()).map(Option::unwrap_or_default)
    }

    pub(super) fn context_create(
        &self,
        store: &mut Store<State>,
        context: u32,
        parent: u32,
    ) -> wasmtime::Result<()> {
        call(&self.context_create, store, (context, parent)).map(Option::unwrap_or_default)
    }

    pub(super) fn vm_start(&self, store: &mut Store<State>, root: u32) -> wasmtime::Result<bool> {
        let started = call(&self.vm_start, store, (root, 0))?;
        Ok(started.is_none_or(|started| started != 0))
    }

    pub(super) fn configure(
        &self,
        store: &mut Store<State>,
        root: u32,
        length: usize,
    ) -> wasmtime::Result<bool> {
        let accepted = call(&self.configure, store, (root, u32::try_from(length)?))?;
        Ok(accepted.is_none_or(|accepted| accepted != 0))
    }

    pub(super) fn tick(&self, store: &mut Store<State>, root: u32) -> wasmtime::Result<()> {
        call(&self.tick, store, root).map(Option::unwrap_or_default)
    }

    /// The head of a request without body; returns the action.
    pub(super) fn request_headers(
        &self,
        store: &mut Store<State>,
        context: u32,
        lines: usize,
    ) -> wasmtime::Result<u32> {
        let params = (context, u32::try_from(lines)?, 1);
        call(&self.request_headers, store, params).map(Option::unwrap_or_default)
    }

    /// The head of an answer without body, `:status` alone.
    pub(super) fn response_headers(&self, store: &mut Store<State>, context: u32) -> wasmtime::Result<()> {
        call(&self.response_headers, store, (context, 1, 1)).map(|_| ())
    }

    /// Ends a context.
    pub(super) fn end(&self, store: &mut Store<State>, context: u32) -> wasmtime::Result<()> {
        call(&self.done, store, context)?;
        call(&self.log, store, context)?;
        call(&self.delete, store, context).map(Option::unwrap_or_default)
    }
}

fn optional<Params: WasmParams, Results: WasmResults>(
    store: &mut Store<State>,
    instance: &Instance,
    name: &str,
) -> Result<Callback<Params, Results>> {
    let Some(function) = instance.get_func(&mut *store, name) else {
        return Ok(None);
    };
    let typed = function.typed(&*store).map_err(|error| anyhow!("the signature of {name}: {error:#}"))?;
    Ok(Some(typed))
}

fn call<Params: WasmParams, Results: WasmResults>(
    callback: &Callback<Params, Results>,
    store: &mut Store<State>,
    params: Params,
) -> wasmtime::Result<Option<Results>> {
    callback.as_ref().map(|callback| callback.call(store, params)).transpose()
}
