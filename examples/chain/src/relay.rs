//! The work of every hop but the last: call the next one and put one's own name before its answer.

use std::error::Error;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::Value;

use crate::body::{self, Body};
use crate::headers;
use crate::hop::Hop;
use crate::next::Next;
use crate::report::{self, Report};
use crate::upgrade;

/// How much of the next hop's error is repeated.
const MAX_ERROR_TEXT: usize = 1024;
/// gRPC's code for a server that cannot be reached.
const GRPC_UNAVAILABLE: &str = "14";

/// Relays a request and answers with what the next hop says.
pub(crate) async fn answer(hop: &Hop, next: &Next, mut request: Request<Body>) -> Response<Body> {
    let caller = headers::is_websocket(&request).then(|| hyper::upgrade::on(&mut request));
    let grpc = headers::is_grpc(request.headers());
    match next.call(outgoing(hop, request, caller.is_some())).await {
        Ok(response) => match caller {
            Some(caller) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                upgrade::tunnel(hop, caller, response)
            }
            _ => relayed(hop, response).await,
        },
        Err(error) if grpc => grpc_unavailable(&describe(&error)),
        Err(error) => report::failure(hop, StatusCode::BAD_GATEWAY, &describe(&error)),
    }
}

/// The call to the next hop: same version, method, path and body, and the headers to forward.
fn outgoing(hop: &Hop, request: Request<Body>, websocket: bool) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    parts.headers = headers::forwarded(&parts.headers, hop.config.forward, parts.version);
    // What hyper attached to the incoming request must not reach the client's connection.
    parts.extensions.clear();
    if websocket {
        upgrade::ask(&mut parts.headers);
    }
    Request::from_parts(parts, body)
}

/// Adds this hop to a JSON answer or wraps an error; passes gRPC and streams on as they come.
async fn relayed(hop: &Hop, response: Response<Incoming>) -> Response<Body> {
    let status = response.status();
    let json = headers::is_json(response.headers());
    let is_error = status != StatusCode::OK;
    if headers::is_grpc(response.headers()) || (!json && !is_error) {
        return passed_on(response.map(body::streamed));
    }
    let hops = response.headers().get_all(headers::X_HOPS).iter().cloned().collect();
    match body::read(response.into_body()).await {
        Ok(text) => {
            let report = extended(hop, &text, is_error);
            with_hops(report::response(status, report), hops)
        }
        Err(error) => report::failure(hop, StatusCode::BAD_GATEWAY, &describe(&*error)),
    }
}

fn passed_on(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    parts.headers = headers::end_to_end(&parts.headers);
    parts.extensions.clear();
    Response::from_parts(parts, body)
}

/// The next hop's answer with this hop first; of an error that no hop has reported yet, its text.
fn extended(hop: &Hop, text: &Bytes, is_error: bool) -> Report {
    let mut report: Report = serde_json::from_slice(text).unwrap_or_default();
    let mut hops = vec![hop.entry()];
    if let Some(Value::Array(next)) = report.remove(report::HOPS) {
        hops.extend(next);
    }
    report.insert(report::HOPS.to_owned(), Value::Array(hops));
    if is_error && !report.contains_key(report::ERROR) {
        report.insert(report::ERROR.to_owned(), Value::from(shortened(text)));
    }
    report
}

fn shortened(text: &[u8]) -> String {
    String::from_utf8_lossy(text.get(..MAX_ERROR_TEXT).unwrap_or(text)).into_owned()
}

fn with_hops(mut response: Response<Body>, hops: Vec<HeaderValue>) -> Response<Body> {
    for value in hops {
        response.headers_mut().append(headers::X_HOPS, value);
    }
    response
}

fn grpc_unavailable(message: &str) -> Response<Body> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static(GRPC_UNAVAILABLE));
    if let Ok(message) = HeaderValue::from_str(message) {
        headers.insert("grpc-message", message);
    }
    let mut response = Response::new(body::empty());
    *response.headers_mut() = headers;
    response
}

/// An error with its causes, which is where the reason stands.
fn describe(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
