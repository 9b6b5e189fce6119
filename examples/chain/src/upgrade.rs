//! WebSocket: relays tunnel the upgraded connection, the last hop echoes messages.

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use crate::body::{self, Body};
use crate::headers;
use crate::hop::Hop;
use crate::report;
use crate::tasks::Tasks;

/// Makes the headers of a call ask for a WebSocket.
pub(crate) fn ask(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// Grants the caller what the next hop has granted, and copies bytes both ways until either side closes.
pub(crate) fn tunnel(hop: &Hop, caller: OnUpgrade, mut granted: Response<Incoming>) -> Response<Body> {
    let next = hyper::upgrade::on(&mut granted);
    hop.tasks.spawn(async move {
        if let Ok((caller, next)) = tokio::try_join!(caller, next) {
            // A tunnel ends with the connections it joins, however these end.
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(caller), &mut TokioIo::new(next)).await;
        }
    });
    switching(headers::end_to_end(granted.headers()))
}

/// Grants a WebSocket whose messages come back behind this hop's name.
pub(crate) fn echo(hop: &Hop, mut request: Request<Body>) -> Response<Body> {
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        return report::failure(hop, StatusCode::BAD_REQUEST, "no sec-websocket-key");
    };
    let mut headers = HeaderMap::new();
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    let caller = hyper::upgrade::on(&mut request);
    let (name, tasks) = (hop.config.name.clone(), hop.tasks.clone());
    hop.tasks.spawn(async move {
        if let Ok(upgraded) = caller.await {
            echo_messages(upgraded, &name, &tasks).await;
        }
    });
    switching(headers)
}

fn switching(headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    ask(response.headers_mut());
    response
}

/// Echoes until the caller closes; says goodbye when the application stops.
async fn echo_messages(upgraded: Upgraded, name: &str, tasks: &Tasks) {
    let io = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    let mut open = true;
    loop {
        let received = tokio::select! {
            received = socket.next() => received,
            () = tasks.stopping(), if open => {
                open = false;
                // The caller may be gone already; the next read tells.
                let _ = socket.close(None).await;
                continue;
            }
        };
        let Some(Ok(message)) = received else { return };
        let Some(answer) = named(name, message) else { continue };
        if open && socket.send(answer).await.is_err() {
            return;
        }
    }
}

/// The echo of a message; control frames get none, since the protocol's own answers suffice.
fn named(name: &str, message: Message) -> Option<Message> {
    match message {
        Message::Text(text) => Some(Message::text(format!("{name}: {text}"))),
        Message::Binary(bytes) => Some(Message::binary([format!("{name}: ").as_bytes(), &bytes].concat())),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
    }
}
