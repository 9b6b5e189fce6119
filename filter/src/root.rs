//! The SDK's context of a configuration.

use std::rc::Rc;

use lane::program::Program;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::abi::{self, LogLevel};
use crate::configure::{Refused, compile};
use crate::envoy::Envoy;
use crate::host::{Clock, MetricsHost};
use crate::metrics::MetricIds;
use crate::receipt::{FIRST_TICK_MS, FilterId, HEARTBEAT_MS, Installed, Receipts};
use crate::running::Running;
use crate::stream::Stream;
use crate::vm::Vm;

/// One configuration in one VM. Envoy makes a new one for every change, and deletes the old one when its
/// last stream is gone.
pub(crate) struct Root {
    id: u32,
    vm: Rc<Vm>,
    running: Option<Rc<Running>>,
    installed: Option<Installed>,
    /// Whether the first tick has come.
    ticks: bool,
}

impl Root {
    /// The context of that number, without a configuration yet.
    pub(crate) fn new(id: u32) -> Self {
        Self { id, vm: Vm::current(), running: None, installed: None, ticks: false }
    }

    fn install(&mut self, program: Program) {
        let now_ns = Envoy.now_ns();
        self.vm.random.seed(now_ns ^ u64::from(self.id).rotate_left(48));
        let config = program.config();
        let filter = FilterId { role: config.role, group: config.group_label().map(Rc::from) };
        let (root, generation, configured_ms) = (self.id, config.generation, Envoy.now_ms());
        let installed = Installed { root, filter, generation, configured_ms };
        self.running = Some(Rc::new(Running::new(program, Rc::clone(&self.vm))));
        self.tell(|receipts, metrics| receipts.on_configure(&Envoy, metrics, &installed));
        self.installed = Some(installed);
        self.set_tick_period(FIRST_TICK_MS);
        self.ticks = false;
    }

    fn refuse(&self, refused: &Refused) {
        abi::log(LogLevel::Warn, &refused.to_string());
        let metric = refused.metric();
        let id = self.vm.metrics.try_borrow_mut().ok().and_then(|mut ids| ids.counter(&Envoy, &metric));
        if let Some(id) = id {
            Envoy.increment(id);
        }
    }

    /// Nothing else holds what is borrowed here: the host never calls back into a callback of ours.
    fn tell(&self, news: impl FnOnce(&mut Receipts, &mut MetricIds)) {
        if let (Ok(mut receipts), Ok(mut metrics)) =
            (self.vm.receipts.try_borrow_mut(), self.vm.metrics.try_borrow_mut())
        {
            news(&mut receipts, &mut metrics);
        }
    }

    fn set_tick_period(&self, period_ms: u32) {
        if let Err(status) = abi::set_tick_period(period_ms) {
            abi::log(LogLevel::Warn, &format!("no ticks, so no receipts: {status:?}"));
        }
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, length: usize) -> bool {
        let json = abi::plugin_configuration(length).unwrap_or_default();
        match compile(&json) {
            Ok(program) => {
                self.install(program);
                true
            }
            Err(refused) => {
                self.refuse(&refused);
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let Some(installed) = &self.installed else { return };
        if !self.ticks {
            self.ticks = true;
            self.set_tick_period(HEARTBEAT_MS);
        }
        self.tell(|receipts, metrics| receipts.on_tick(&Envoy, metrics, installed));
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(self.running.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Drop for Root {
    /// The SDK drops a context when Envoy deletes it.
    fn drop(&mut self) {
        if let Some(installed) = &self.installed {
            self.tell(|receipts, metrics| receipts.on_delete(&Envoy, metrics, installed));
        }
    }
}
