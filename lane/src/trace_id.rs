//! Which trace a request belongs to, from the headers that tracing and applications forward anyway.
//!
//! - `traceparent`: W3C Trace Context, <https://www.w3.org/TR/trace-context/#traceparent-header>.
//! - `b3` and `x-b3-traceid`: B3 propagation, <https://github.com/openzipkin/b3-propagation>.
//! - `x-request-id`: Envoy's own; where it traces it rewrites the 15th character of an id of 36 characters to
//!   say why, so that this character is no part of the id.
//! - any other header: its whole value.
//!
//! The first two name the same thing, a trace id of 16 bytes, so that an application may turn one into the
//! other. What does not follow its specification is no id: a guess could join requests that have nothing to do
//! with each other.

use xxhash_rust::xxh64::Xxh64;

use crate::name::{GroupName, HeaderName};

/// W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// B3 in one header.
pub const B3: &str = "b3";
/// The trace id of B3 in several headers.
pub const B3_TRACE_ID: &str = "x-b3-traceid";
/// Envoy's id of a request.
pub const REQUEST_ID: &str = "x-request-id";

/// Length of a `traceparent` of version 00, and of what later versions begin with.
const TRACEPARENT_BYTES: usize = 55;
/// Length of a UUID as text: only ids of this length are rewritten by Envoy.
const UUID_BYTES: usize = 36;
/// Place of the character that Envoy rewrites.
const REWRITTEN: usize = 14;
/// What stands in its place.
const MASK: u8 = b'x';

/// What the hashed bytes start with, so that another definition can never be taken for this one.
const DOMAIN: &[u8] = b"graylane/trace/1\0";
/// Seeds of the two halves of a [`TraceKey`].
const SEEDS: [u64; 2] = [0, 0x9e37_79b9_7f4a_7c15];

/// The id that one header gives a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceId<'a> {
    /// Of a trace.
    Trace(u128),
    /// Of a request, with the character masked that Envoy rewrites.
    Request(Vec<u8>),
    /// The whole value of a header.
    Value {
        /// The header.
        header: &'a HeaderName,
        /// Its value.
        value: &'a [u8],
    },
}

/// Stands for an id of one group: 128 bits, of which a collision is not to be expected in the life of a mesh.
/// Who wants one key to be taken for another can as well send the other one's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceKey(pub u128);

impl<'a> TraceId<'a> {
    /// The id in `value`, all lines of `header`; `None` where it holds none.
    #[must_use]
    pub fn read(header: &'a HeaderName, value: &'a [u8]) -> Option<Self> {
        match header.as_str() {
            TRACEPARENT => traceparent(value).map(Self::Trace),
            B3 => b3(value).map(Self::Trace),
            B3_TRACE_ID => trace_id(value).map(Self::Trace),
            REQUEST_ID => request_id(value).map(Self::Request),
            _ => (!value.is_empty()).then_some(Self::Value { header, value }),
        }
    }

    /// The key of this id in a group.
    #[must_use]
    pub fn key(&self, namespace: Option<&str>, group: &GroupName) -> TraceKey {
        let [low, high] = SEEDS.map(|seed| {
            let mut hash = Xxh64::new(seed);
            hash.update(DOMAIN);
            hash.update(namespace.unwrap_or_default().as_bytes());
            hash.update(b"/");
            hash.update(group.as_str().as_bytes());
            hash.update(b"\0");
            self.update(&mut hash);
            u128::from(hash.digest())
        });
        TraceKey(low | high << 64)
    }

    /// Adds the kind and the id; a NUL, which no name holds, stands between them.
    fn update(&self, hash: &mut Xxh64) {
        match self {
            Self::Trace(id) => {
                hash.update(b"trace\0");
                hash.update(&id.to_le_bytes());
            }
            Self::Request(id) => {
                hash.update(b"request\0");
                hash.update(id);
            }
            Self::Value { header, value } => {
                hash.update(b"header:");
                hash.update(header.as_str().as_bytes());
                hash.update(b"\0");
                hash.update(value);
            }
        }
    }
}

/// The trace id of `version-traceid-parentid-flags`. Later versions may have more behind it; `ff` is none.
fn traceparent(value: &[u8]) -> Option<u128> {
    let (known, rest) = value.split_at_checked(TRACEPARENT_BYTES)?;
    let mut parts = known.split(|byte| *byte == b'-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let ends = rest.is_empty() || (version != b"00" && rest.starts_with(b"-"));
    let fits = version.len() == 2 && trace.len() == 32 && parent.len() == 16 && flags.len() == 2;
    let is_valid = hex(version)? != 0xff && hex(parent)? != 0 && hex(flags).is_some();
    (ends && fits && is_valid && parts.next().is_none()).then_some(())?;
    trace_id(trace)
}

/// The trace id of `traceid-spanid[-sampled[-parent]]`; a sampling decision alone has none.
fn b3(value: &[u8]) -> Option<u128> {
    let mut parts = value.split(|byte| *byte == b'-');
    let (trace, span) = (parts.next()?, parts.next()?);
    let (sampled, parent) = (parts.next(), parts.next());
    let is_valid = span.len() == 16
        && hex(span).is_some()
        && sampled.is_none_or(|sampled| matches!(sampled, b"0" | b"1" | b"d"))
        && parent.is_none_or(|parent| parent.len() == 16 && hex(parent).is_some());
    (is_valid && parts.next().is_none()).then_some(())?;
    trace_id(trace)
}

/// 32 or 16 hexadecimal digits, the short form being the lower half; zero is none.
fn trace_id(digits: &[u8]) -> Option<u128> {
    matches!(digits.len(), 16 | 32).then_some(())?;
    hex(digits).filter(|id| *id != 0)
}

/// A number in lower-case hexadecimal digits, as both specifications want them; at most 32.
fn hex(digits: &[u8]) -> Option<u128> {
    (digits.len() <= 32).then_some(())?;
    digits.iter().try_fold(0_u128, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0'),
            b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

fn request_id(value: &[u8]) -> Option<Vec<u8>> {
    let mut id = value.to_vec();
    if id.len() == UUID_BYTES
        && let Some(byte) = id.get_mut(REWRITTEN)
    {
        *byte = MASK;
    }
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests;
