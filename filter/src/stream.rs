//! The SDK's context of a stream.

use std::rc::Rc;

use lane::browser::CookieChange;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::answer::set_cookies;
use crate::envoy::Envoy;
use crate::running::Running;

/// One stream; it keeps the configuration that it started with.
pub(crate) struct Stream {
    running: Option<Rc<Running>>,
    /// What the answer says of cookies.
    cookies: Vec<CookieChange>,
}

impl Stream {
    /// A stream under a configuration; none lets requests through.
    pub(crate) fn new(running: Option<Rc<Running>>) -> Self {
        Self { running, cookies: Vec::new() }
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _lines: usize, _end_of_stream: bool) -> Action {
        if let Some(running) = &self.running {
            self.cookies = running.on_request(&Envoy);
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _lines: usize, _end_of_stream: bool) -> Action {
        set_cookies(&Envoy, &self.cookies);
        Action::Continue
    }
}
