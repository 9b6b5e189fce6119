//! Requests over HTTP/2 that no library would send: frames and header fields written byte by byte
//! (RFC 9113; RFC 7541 with literals only).

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Largest frame that every peer takes.
const MAX_FRAME: usize = 16_384;

/// A header field.
type Field = (Vec<u8>, Vec<u8>);

/// What comes back first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A response with status 200.
    Ok,
    /// A response with a status 4xx.
    Refused,
    /// A response with any other status.
    Other,
    /// The stream or the connection was ended without a response.
    Reset,
}

/// Name of each request, its fields, and what may come back.
pub(super) fn cases() -> Vec<(&'static str, Vec<Field>, &'static [Reply])> {
    const REFUSED: &[Reply] = &[Reply::Refused, Reply::Reset];
    const SERVED: &[Reply] = &[Reply::Ok];
    const ANY: &[Reply] = &[Reply::Ok, Reply::Refused, Reply::Reset];
    let with = |fields: &[(&str, &[u8])]| {
        let pseudo: [(&str, &[u8]); 4] =
            [(":method", b"GET"), (":scheme", b"http"), (":path", b"/"), (":authority", b"shop")];
        let field = |(name, value): &(&str, &[u8])| (name.as_bytes().to_vec(), value.to_vec());
        pseudo.iter().chain(fields).map(field).collect::<Vec<Field>>()
    };
    let long = vec![b'v'; 64 * 1024];
    let many: Vec<Field> =
        (0..1_000).map(|number| (format!("x-{number}").into_bytes(), b"v".to_vec())).collect();
    vec![
        ("nothing odd", with(&[("x-gray", b"1")]), SERVED),
        ("NUL in a value", with(&[("x-gray", b"a\0b")]), REFUSED),
        ("a line end in a value", with(&[("x-gray", b"a\r\nx-lane: gray")]), REFUSED),
        ("upper case in a name", with(&[("X-Lane", b"gray")]), REFUSED),
        ("a pseudo header twice", with(&[(":path", b"/gray")]), REFUSED),
        ("an unknown pseudo header", with(&[(":lane", b"gray")]), REFUSED),
        ("a header of the connection", with(&[("connection", b"x-lane")]), REFUSED),
        ("64 KiB", with(&[("x-gray", &long)]), REFUSED),
        ("1,000 headers", [with(&[]), many].concat(), REFUSED),
        ("no path", with(&[]).into_iter().filter(|(name, _)| name != b":path").collect(), REFUSED),
        ("the lane twice", with(&[("x-lane", b"gray"), ("x-lane", b"gray")]), SERVED),
        (
            "cookies in crumbs",
            with(&[("cookie", b"lane"), ("cookie", b"=gray"), ("cookie", b"\xff")]),
            SERVED,
        ),
        ("an empty name", with(&[("", b"gray")]), REFUSED),
        ("control bytes in a value", with(&[("x-gray", b"\x01\x7f")]), ANY),
    ]
}

/// Sends one request on a connection of its own.
pub(super) async fn send(addr: SocketAddr, fields: &[Field], deadline: Duration) -> Result<Reply> {
    let mut bytes = PREFACE.to_vec();
    push_frame(&mut bytes, SETTINGS, 0, 0, &[]);
    let block = encode(fields)?;
    let mut parts = block.chunks(MAX_FRAME).peekable();
    let mut kind = HEADERS;
    while let Some(part) = parts.next() {
        let end = if parts.peek().is_none() { END_HEADERS } else { 0 };
        let flags = if kind == HEADERS { end | END_STREAM } else { end };
        push_frame(&mut bytes, kind, flags, 1, part);
        kind = CONTINUATION;
    }
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await?;
        // The peer may close before it has read all of it; what it says then counts.
        let _ = stream.write_all(&bytes).await;
        Ok(first_reply(&mut stream).await)
    };
    tokio::time::timeout(deadline, exchange).await.with_context(|| format!("no end within {deadline:?}"))?
}

/// Reads frames until one tells what became of the request. A broken connection is an end as well.
async fn first_reply(stream: &mut TcpStream) -> Reply {
    while let Ok((kind, payload)) = read_frame(stream).await {
        match kind {
            HEADERS => return status(&payload),
            RST_STREAM | GOAWAY => return Reply::Reset,
            _ => {}
        }
    }
    Reply::Reset
}

async fn read_frame(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await?;
    let [a, b, c, kind, ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    stream.read_exact(&mut payload).await?;
    Ok((kind, payload))
}

/// The status, which stands first: an index into the static table, or that of `:status` with a literal.
fn status(block: &[u8]) -> Reply {
    // A change of the table's size may stand before it.
    let start = block.iter().position(|byte| byte & 0xe0 != 0x20).unwrap_or(0);
    match block.get(start..) {
        Some([0x88, ..]) => Reply::Ok,
        Some([0x8c | 0x8d, ..]) => Reply::Refused,
        // The literal's first digit, plain or by Huffman's code, where `4` begins with 011010.
        Some([_, length, first, ..]) if length & 0x80 == 0 && *first == b'4' => Reply::Refused,
        Some([_, length, first, ..]) if length & 0x80 != 0 && first >> 2 == 0b01_1010 => Reply::Refused,
        _ => Reply::Other,
    }
}

fn push_frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
}

/// Literal fields without indexing.
fn encode(fields: &[Field]) -> Result<Vec<u8>> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        push_text(&mut block, name)?;
        push_text(&mut block, value)?;
    }
    Ok(block)
}

/// Length as an integer with a prefix of 7 bits (RFC 7541, section 5.1), then the bytes.
fn push_text(block: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    match text.len().checked_sub(127) {
        None => block.push(u8::try_from(text.len())?),
        Some(mut rest) => {
            block.push(127);
            while rest >= 128 {
                block.push(u8::try_from(rest % 128)? | 128);
                rest /= 128;
            }
            block.push(u8::try_from(rest)?);
        }
    }
    block.extend_from_slice(text);
    Ok(())
}
