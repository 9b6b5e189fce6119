//! A minimal proxy-wasm host: runs a filter module outside of Envoy, one request after the other.
//!
//! All of it is deterministic: time is what [`Instance::set_time`] says, random bytes come from a fixed seed,
//! and the Wasm instructions that a request executes are counted. It answers the host calls of ABI 0.2.1 that
//! our filter and the plain SDK make, as Envoy does; a module that makes another one traps and says which.
//!
//! ```text
//! headers.rs   a header map and its form in the ABI
//! state.rs     what the host keeps: headers, properties, metrics, shared data
//! guest.rs     memory of the module
//! calls.rs     the host calls, by subject in calls/
//! wasi.rs      what Rust's standard library asks for
//! exports.rs   the callbacks of the module
//! ```
//!
//! Where it differs from Envoy: there is one worker, and a configuration is not first tried in a VM of the main
//! thread.

mod calls;
mod exports;
mod guest;
mod headers;
mod state;
mod wasi;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use wasmtime::{Config, Engine, Linker, Store};

use exports::Exports;
use headers::HeaderMap;
use state::State;

pub use headers::Header;
pub use state::{LocalResponse, LogLine};

/// Instructions that one call into the module may execute: what needs more would hang a worker of Envoy.
const BUDGET: u64 = 100_000_000_000;

/// A compiled module.
pub struct Module {
    engine: Engine,
    linker: Linker<State>,
    module: wasmtime::Module,
}

impl Module {
    /// Reads and compiles a `.wasm` file.
    ///
    /// # Errors
    /// When the file cannot be read or is no Wasm module.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        Self::new(&bytes).with_context(|| format!("failed to compile {}", path.display()))
    }

    /// Compiles a module.
    ///
    /// # Errors
    /// When the bytes are no Wasm module.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let mut config = Config::new();
        config.consume_fuel(true);
        let engine = Engine::new(&config)?;
        let module = wasmtime::Module::new(&engine, bytes)?;
        let mut linker = Linker::new(&engine);
        calls::define(&mut linker)?;
        wasi::define(&mut linker)?;
        linker.define_unknown_imports_as_traps(&module)?;
        Ok(Self { engine, linker, module })
    }

    /// Starts a VM: memory of its own, no configuration yet.
    ///
    /// # Errors
    /// When the module lacks an export that the ABI requires, or traps while it starts.
    pub fn instance(&self) -> Result<Instance> {
        let mut store = Store::new(&self.engine, State::default());
        store.set_fuel(BUDGET)?;
        let instance = self.linker.instantiate(&mut store, &self.module)?;
        let exports = Exports::find(&mut store, &instance)?;
        store.data_mut().guest = Some(exports.guest.clone());
        let mut vm = Instance { store, exports, root: None, next_context: 1 };
        vm.run(|store, exports| exports.initialize(store))?;
        Ok(vm)
    }
}

/// A running VM with one plugin.
pub struct Instance {
    store: Store<State>,
    exports: Exports,
    /// Context of the configuration in force.
    root: Option<u32>,
    next_context: u32,
}

/// What a filter does with the stream after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next filter is run.
    Continue,
    /// The stream waits.
    Pause,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Header lines after the filter. Envoy, too, puts a replaced header last.
    pub headers: Vec<Header>,
    /// What the filter wants done with the stream.
    pub action: Action,
    /// Properties that the filter set, their path joined by `.`.
    pub properties: BTreeMap<String, Vec<u8>>,
    /// Metrics that changed, by how much.
    pub metrics: BTreeMap<String, i64>,
    /// The answer that the filter gave itself.
    pub local_response: Option<LocalResponse>,
    /// Wasm instructions that were executed, host calls apart.
    pub fuel: u64,
    /// Names of the host calls in order.
    pub host_calls: Vec<&'static str>,
    /// How often the host had to allocate in the VM, to hand out data: the dearest part of a host call in Envoy.
    pub allocations: u32,
}

impl Instance {
    /// Gives the plugin a configuration, in a root context of its own, as an ECDS update does.
    ///
    /// When the plugin refuses it (`false`), the configuration that was in force stays so.
    ///
    /// # Errors
    /// When the module traps.
    pub fn configure(&mut self, configuration: &[u8]) -> Result<bool> {
        let root = self.new_context();
        self.store.data_mut().configuration = configuration.to_vec();
        let accepted = self.run(|store, exports| {
            exports.context_create(store, root, 0)?;
            Ok(exports.vm_start(store, root)? && exports.configure(store, root, configuration.len())?)
        })?;
        let gone = if accepted { self.root.replace(root) } else { Some(root) };
        if let Some(gone) = gone {
            self.run(|store, exports| exports.end(store, gone))?;
        }
        Ok(accepted)
    }

    /// Runs a request without body through the filter and ends its stream.
    ///
    /// # Errors
    /// When the plugin has no configuration in force, or the module traps.
    pub fn request(&mut self, headers: Vec<Header>) -> Result<Outcome> {
        let root = self.root.context("the plugin has no configuration")?;
        let context = self.new_context();
        let lines = headers.len();
        let before = self.store.data().metrics.values();
        self.store.data_mut().start_request(HeaderMap(headers));
        let action = self.run(|store, exports| {
            exports.context_create(store, context, root)?;
            let action = exports.request_headers(store, context, lines)?;
            exports.response_headers(store, context)?;
            exports.end(store, context)?;
            Ok(action)
        })?;
        let fuel = BUDGET - self.store.get_fuel()?;
        let state = self.store.data_mut();
        let action = if action == 0 { Action::Continue } else { Action::Pause };
        Ok(Outcome {
            headers: std::mem::take(&mut state.request.0),
            action,
            properties: std::mem::take(&mut state.set_properties),
            metrics: state.metrics.changes_since(&before),
            local_response: state.local_response.take(),
            fuel,
            host_calls: std::mem::take(&mut state.host_calls),
            allocations: state.allocations,
        })
    }

    /// Lets the timer of the plugin fire.
    ///
    /// # Errors
    /// When the plugin has no configuration in force, or the module traps.
    pub fn tick(&mut self) -> Result<()> {
        let root = self.root.context("the plugin has no configuration")?;
        self.run(|store, exports| exports.tick(store, root))
    }

    /// Period of the plugin's timer in milliseconds; 0 when it has none.
    #[must_use]
    pub fn tick_period_ms(&self) -> u32 {
        self.store.data().tick_period_ms
    }

    /// Sets the clock, nanoseconds since 1970.
    pub fn set_time(&mut self, nanoseconds: u64) {
        self.store.data_mut().time_ns = nanoseconds;
    }

    /// Sets what the host knows of its node and of the next requests, such as `["source", "address"]`.
    pub fn set_property(&mut self, path: &[&str], value: &[u8]) {
        self.store.data_mut().properties.insert(path.join("\0").into_bytes(), value.to_vec());
    }

    /// All metrics that are defined, by name.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, i64> {
        self.store.data().metrics.values()
    }

    /// Takes what was logged since the last time.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.store.data_mut().log)
    }

    /// Size of the VM's memory in pages of 64 KiB.
    #[must_use]
    pub fn memory_pages(&self) -> u64 {
        self.exports.guest.memory.size(&self.store)
    }

    /// How many values VMs share, and their bytes, keys apart.
    #[must_use]
    pub fn shared_data(&self) -> (usize, usize) {
        let shared = &self.store.data().shared;
        (shared.len(), shared.values().map(|shared| shared.value.len()).sum())
    }

    fn new_context(&mut self) -> u32 {
        let context = self.next_context;
        self.next_context += 1;
        context
    }

    /// Calls into the module with a full budget; an error shows what the module said last.
    fn run<T>(&mut self, call: impl FnOnce(&mut Store<State>, &Exports) -> wasmtime::Result<T>) -> Result<T> {
        self.store.set_fuel(BUDGET)?;
        call(&mut self.store, &self.exports).map_err(|error| {
            let said: String = self.take_log().iter().map(|line| format!("\n{}", line.text)).collect();
            anyhow!("the module trapped: {error:#}{said}")
        })
    }
}

#[cfg(test)]
mod tests;
