//! The body type of all requests and responses, and how much of one is ever held in memory.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, LengthLimitError, Limited};
use hyper::body::Body as HttpBody;

/// Why a body could not be read.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// A body of any origin.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Largest answer of the next hop that is read to be extended: far above the headers it may report.
const MAX_ANSWER: usize = 16 << 20;

pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Passes a body on as it comes, trailers included.
pub(crate) fn streamed<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    body.map_err(Into::into).boxed_unsync()
}

/// Reads a whole answer into memory.
pub(crate) async fn read<B>(body: B) -> Result<Bytes, BodyError>
where
    B: HttpBody<Data = Bytes, Error: Into<BodyError>>,
{
    match Limited::new(body, MAX_ANSWER).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err("answer above 16 MiB".into()),
        Err(error) => Err(error),
    }
}

/// Reads a body to its end and counts its bytes.
pub(crate) async fn count(mut body: Body) -> Result<u64, BodyError> {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(bytes)
}
