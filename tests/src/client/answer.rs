//! A response as a test looks at it.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// A whole response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body to its end.
    pub body: Bytes,
    /// Trailers; empty where there are none.
    pub trailers: HeaderMap,
}

impl Answer {
    /// The first value of a header, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The applications on the way, such as `a-v1,b-v1,c-gray`; empty if none has answered.
    #[must_use]
    pub fn hops(&self) -> &str {
        self.header("x-hops").unwrap_or_default()
    }

    /// The body as text, for messages.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON that the chain answers: the body, or the message of a gRPC response.
    ///
    /// # Errors
    /// When it is no JSON; the error shows the status and the body.
    pub fn json(&self) -> Result<Value> {
        let grpc = self.header("content-type").is_some_and(|kind| kind.starts_with("application/grpc"));
        let json = if grpc { self.body.get(5..).unwrap_or_default() } else { &self.body[..] };
        serde_json::from_slice(json).with_context(|| format!("status {}: {}", self.status, self.text()))
    }

    /// The values of a header as the last hop has seen them; empty if it came without.
    ///
    /// # Errors
    /// When the answer is no JSON of the chain.
    pub fn seen(&self, name: &str) -> Result<Vec<String>> {
        let json = self.json()?;
        let headers = json.get("headers").with_context(|| format!("no last hop: {json}"))?;
        let values = headers.get(name).and_then(Value::as_array).into_iter().flatten();
        Ok(values.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The gRPC status, in the trailers or, for a response without a body, in the headers.
    #[must_use]
    pub fn grpc_status(&self) -> Option<u16> {
        let status = self.trailers.get("grpc-status").or_else(|| self.headers.get("grpc-status"))?;
        status.to_str().ok()?.parse().ok()
    }
}
