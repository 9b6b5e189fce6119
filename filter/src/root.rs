//! The root context: configuration and ticks.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::abi::Envoy;
use crate::configured::{Configured, with_vm};
use crate::host::now_ms;
use crate::stream::Stream;

/// The first tick comes soon, since a VM takes its slot for receipts there.
const FIRST_TICK_MS: u32 = 100;

/// Later ticks are heartbeats.
const TICK_MS: u32 = 1_000;

/// One configuration of one role on one thread. Envoy makes a new one for every configuration.
#[derive(Debug, Default)]
pub(crate) struct Root {
    configured: Option<Rc<Configured>>,
    ticked: bool,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let json = Envoy.configuration().unwrap_or_default();
        self.configured = with_vm(|vm| Configured::new(vm, &Envoy, &json)).flatten();
        if self.configured.is_some() {
            Envoy.tick_every(FIRST_TICK_MS);
        }
        self.configured.is_some()
    }

    fn on_tick(&mut self) {
        if let Some(configured) = &self.configured {
            let role = configured.program.config().role;
            with_vm(|vm| vm.receipts.tick(&mut vm.metrics, &Envoy, role, now_ms(&Envoy)));
        }
        if !self.ticked {
            self.ticked = true;
            Envoy.tick_every(TICK_MS);
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(self.configured.clone())))
    }
}
