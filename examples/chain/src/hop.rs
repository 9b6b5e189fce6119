//! One request at one application: relayed to the next hop, or answered when there is none.

use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::body::{self, Body};
use crate::config::Config;
use crate::next::Next;
use crate::tasks::Tasks;
use crate::witness::Seen;
use crate::{headers, last, relay};

/// What every request of an application needs to know.
pub(crate) struct Hop {
    pub(crate) config: Config,
    pub(crate) tasks: Tasks,
    next: Option<Next>,
}

impl Hop {
    pub(crate) fn new(config: Config, tasks: Tasks) -> Self {
        let next = config.next.as_ref().map(|next| Next::new(next, &tasks));
        Self { config, tasks, next }
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        self.testify(&request);
        let request = request.map(body::streamed);
        let mut response = match &self.next {
            Some(next) => relay::answer(self, next, request).await,
            None => last::answer(self, request).await,
        };
        headers::prepend_hop(&mut response, &self.config.name);
        response
    }

    fn testify<B>(&self, request: &Request<B>) {
        let Some(witness) = &self.config.witness else { return };
        let (method, headers) = (request.method().clone(), request.headers().clone());
        // A witness that has gone is none.
        let _ = witness.send(Seen { by: self.config.name.clone(), method, headers });
    }

    /// This application as an entry of `hops`.
    pub(crate) fn entry(&self) -> Value {
        let Config { name, service, version, .. } = &self.config;
        json!({ "service": service, "version": version, "name": name })
    }
}
