//! The last hop: it reports what reached it, and misbehaves as its path asks.
//!
//! | path | answer |
//! |---|---|
//! | `/slow?ms=N` | after N milliseconds, at most 10 s |
//! | `/status/NNN` | with that status |
//! | `/stream?chunks=N&ms=M` | N lines, M milliseconds apart |
//! | any other | at once |

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::body::{self, Body, BodyError};
use crate::hop::Hop;
use crate::report::{self, Report};
use crate::{headers, upgrade};

/// Longest pause that a request may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Lines of a stream whose request names no number.
const DEFAULT_CHUNKS: u64 = 10;

/// Answers a request as its path asks.
pub(crate) async fn answer(hop: &Hop, request: Request<Body>) -> Response<Body> {
    if headers::is_websocket(&request) {
        return upgrade::echo(hop, request);
    }
    let (parts, body) = request.into_parts();
    let report = match body::count(body).await {
        Ok(body_bytes) => received(hop, &parts, body_bytes),
        Err(error) => return report::failure(hop, StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let asked = Asked::parse(&parts.uri);
    if let Asked::Slow(pause) = asked {
        tokio::time::sleep(pause).await;
    }
    match asked {
        _ if headers::is_grpc(&parts.headers) => grpc(report),
        Asked::Status(Some(status)) => report::response(status, report),
        Asked::Status(None) => report::failure(hop, StatusCode::BAD_REQUEST, "no such status"),
        Asked::Stream { chunks, pause } => streamed(&hop.config.name, chunks, pause),
        Asked::Slow(_) | Asked::Plain => report::response(StatusCode::OK, report),
    }
}

/// What a path asks the last hop to do.
#[derive(Clone, Copy)]
enum Asked {
    Slow(Duration),
    Status(Option<StatusCode>),
    Stream { chunks: u64, pause: Duration },
    Plain,
}

impl Asked {
    fn parse(uri: &Uri) -> Self {
        let pause = Duration::from_millis(query_number(uri, "ms").unwrap_or(0)).min(MAX_PAUSE);
        match uri.path() {
            "/slow" => Self::Slow(pause),
            "/stream" => {
                Self::Stream { chunks: query_number(uri, "chunks").unwrap_or(DEFAULT_CHUNKS), pause }
            }
            path => path.strip_prefix("/status/").map_or(Self::Plain, |text| Self::Status(status(text))),
        }
    }
}

/// A status that ends a request; 1xx only announces one.
fn status(text: &str) -> Option<StatusCode> {
    text.parse().ok().filter(|status: &StatusCode| !status.is_informational())
}

fn query_number(uri: &Uri, key: &str) -> Option<u64> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == key)?.1.parse().ok()
}

/// What reached the last hop.
fn received(hop: &Hop, parts: &Parts, body_bytes: u64) -> Report {
    let authority = parts.uri.authority().map(|authority| authority.as_str().to_owned());
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let mut report = Report::new();
    report.insert(report::HOPS.to_owned(), json!([hop.entry()]));
    report.insert("method".to_owned(), json!(parts.method.as_str()));
    report.insert("authority".to_owned(), json!(authority.or(host)));
    report.insert("path".to_owned(), json!(parts.uri.path_and_query().map_or("", |path| path.as_str())));
    report.insert("protocol".to_owned(), json!(format!("{:?}", parts.version)));
    report.insert("headers".to_owned(), headers::report(&parts.headers));
    report.insert("body_bytes".to_owned(), json!(body_bytes));
    report
}

/// A gRPC answer: the report as one length-prefixed message, and the status in trailers.
fn grpc(report: Report) -> Response<Body> {
    let message = Value::from(report).to_string();
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message.as_bytes());
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(framed.freeze()).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body::streamed(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// `chunks` lines of JSON with `pause` between them; the first comes at once.
fn streamed(name: &str, chunks: u64, pause: Duration) -> Response<Body> {
    let name = name.to_owned();
    let lines = stream::unfold(0, move |chunk| {
        let line = json!({ "name": name, "chunk": chunk });
        async move {
            if chunk == chunks {
                return None;
            }
            if chunk > 0 {
                tokio::time::sleep(pause).await;
            }
            let frame = Frame::data(Bytes::from(format!("{line}\n")));
            Some((Ok::<_, BodyError>(frame), chunk + 1))
        }
    });
    let mut response = Response::new(body::streamed(StreamBody::new(lines)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}
