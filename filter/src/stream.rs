//! The context of one request.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::abi::Envoy;
use crate::configured::{Configured, with_vm};
use crate::request;

/// One request, with the program that was in force when it began.
pub(crate) struct Stream {
    configured: Option<Rc<Configured>>,
}

impl Stream {
    pub(crate) fn new(configured: Option<Rc<Configured>>) -> Self {
        Self { configured }
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        if let Some(configured) = &self.configured {
            let draw = || with_vm(|vm| vm.random.draw()).unwrap_or_default();
            request::handle(configured, &Envoy, draw);
        }
        Action::Continue
    }
}
