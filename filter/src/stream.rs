//! The SDK's context of a stream.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::envoy::Envoy;
use crate::running::Running;

/// One stream; it keeps the configuration that it started with.
pub(crate) struct Stream {
    running: Option<Rc<Running>>,
}

impl Stream {
    /// A stream under a configuration; none lets requests through.
    pub(crate) fn new(running: Option<Rc<Running>>) -> Self {
        Self { running }
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _lines: usize, _end_of_stream: bool) -> Action {
        if let Some(running) = &self.running {
            running.on_request(&Envoy);
        }
        Action::Continue
    }
}
