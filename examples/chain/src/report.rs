//! The JSON answers of the chain: what a hop reports, as a response.

use http::header;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::body::{self, Body};
use crate::headers;
use crate::hop::Hop;

/// The fields of an answer.
pub(crate) type Report = Map<String, Value>;
/// The field that names the applications on the way.
pub(crate) const HOPS: &str = "hops";
/// The field that says why an answer is none.
pub(crate) const ERROR: &str = "error";

/// A report as a response; statuses that forbid a body get none.
pub(crate) fn response(status: StatusCode, report: Report) -> Response<Body> {
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if bodiless { body::empty() } else { body::full(Value::from(report).to_string()) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, headers::JSON);
    response
}

/// An answer of this hop alone, that there is none.
pub(crate) fn failure(hop: &Hop, status: StatusCode, error: &str) -> Response<Body> {
    let mut report = Report::new();
    report.insert(HOPS.to_owned(), json!([hop.entry()]));
    report.insert(ERROR.to_owned(), json!(error));
    response(status, report)
}
