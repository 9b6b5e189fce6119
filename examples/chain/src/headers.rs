//! Which headers go to the next hop, and how headers are reported.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, Version};
use serde_json::{Map, Value};

use crate::config::Forward;

/// The response header that names every application on the way, nearest first.
pub(crate) const X_HOPS: HeaderName = HeaderName::from_static("x-hops");
/// Content type of the answers that relays extend.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What every gRPC content type begins with.
const GRPC: &str = "application/grpc";

/// Headers of one connection (RFC 9110, 7.6.1), besides those that `connection` names.
const HOP_BY_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];
/// Headers that describe the call itself: any application sends them, whatever context it drops.
const OF_THE_CALL: [&str; 4] = ["content-type", "content-encoding", "accept", "trailer"];
/// Prefix of the WebSocket handshake's headers, which belong to the call as well.
const WEBSOCKET_PREFIX: &str = "sec-websocket-";

/// The headers of a call that an application makes on behalf of a request with these headers.
pub(crate) fn forwarded(headers: &HeaderMap, forward: Forward, version: Version) -> HeaderMap {
    let mut forwarded = end_to_end(headers);
    // Both are set anew, from the next hop's name and from the body as it is sent.
    forwarded.remove(header::HOST);
    forwarded.remove(header::CONTENT_LENGTH);
    let dropped: Vec<HeaderName> =
        forwarded.keys().filter(|name| !forward.takes(name)).map(HeaderName::clone).collect();
    for name in dropped {
        forwarded.remove(name);
    }
    // HTTP/2 has no hop-by-hop `te` but this one, and gRPC servers insist on it.
    if version == Version::HTTP_2 && headers.get(header::TE).is_some_and(|te| te == "trailers") {
        forwarded.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    forwarded
}

/// The headers without those of the connection they came by.
pub(crate) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for value in headers.get_all(header::CONNECTION) {
        for name in value.as_bytes().split(|byte| *byte == b',') {
            if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
                kept.remove(name);
            }
        }
    }
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

impl Forward {
    fn takes(self, name: &HeaderName) -> bool {
        let name = name.as_str();
        let of_the_call = OF_THE_CALL.contains(&name) || name.starts_with(WEBSOCKET_PREFIX);
        match self {
            Self::All => true,
            Self::Traceparent => of_the_call || name == "traceparent",
            Self::Baggage => of_the_call || name == "baggage",
            Self::None => of_the_call,
        }
    }
}

pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    content_type(headers).starts_with(GRPC.as_bytes())
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers).starts_with(JSON.as_bytes())
}

fn content_type(headers: &HeaderMap) -> &[u8] {
    headers.get(header::CONTENT_TYPE).map_or(b"", HeaderValue::as_bytes)
}

/// Whether a request asks to become a WebSocket, as HTTP/1.1 does.
pub(crate) fn is_websocket<B>(request: &Request<B>) -> bool {
    let asks = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    request.version() == Version::HTTP_11
        && request.method() == Method::GET
        && request.headers().get(header::UPGRADE).is_some_and(asks)
}

/// Puts an application before those that `x-hops` already names.
pub(crate) fn prepend_hop<B>(response: &mut Response<B>, name: &str) {
    let headers = response.headers_mut();
    let mut hops = name.as_bytes().to_vec();
    for value in headers.get_all(X_HOPS) {
        hops.push(b',');
        hops.extend_from_slice(value.as_bytes());
    }
    // A name that fits no header is still told by the body.
    if let Ok(value) = HeaderValue::from_bytes(&hops) {
        headers.insert(X_HOPS, value);
    }
}

/// All headers as JSON: lower-case name to the list of its values.
pub(crate) fn report(headers: &HeaderMap) -> Value {
    let mut report = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| Value::from(readable(value.as_bytes()).into_owned())).collect();
        report.insert(name.as_str().to_owned(), Value::Array(values));
    }
    Value::Object(report)
}

/// Text as it is; of anything else each byte that is no UTF-8 becomes `\xNN`.
fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    Cow::Owned(text)
}
