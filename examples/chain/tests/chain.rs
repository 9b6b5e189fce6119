//! A chain of three applications on loopback, spoken to in every protocol.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chain::{App, Config, Forward, NextHop, Running};
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::Message;

/// The way that a request takes through all three.
const WAY: &str = "a-v1,b-v1,c-v1";

struct Chain {
    a: Running,
    b: Running,
    c: Running,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    trailers: HeaderMap,
}

impl Chain {
    async fn start(forward: Forward) -> Self {
        let c = App { config: Config::new("c", "v1") }.start().await.unwrap();
        let b = relay("b", &c, "c").await;
        let next = NextHop::new(b.addr, "b").unwrap();
        let a = App { config: Config::new("a", "v1").next(next).forward(forward) }.start().await.unwrap();
        Self { a, b, c }
    }

    fn request(&self, path: &str) -> http::request::Builder {
        Request::builder().uri(format!("http://{}{path}", self.a.addr))
    }

    async fn get(&self, version: Version, path: &str) -> Answer {
        send(self.request(path).version(version).body(Bytes::new()).unwrap()).await
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn way(&self) -> String {
        self.headers.get("x-hops").unwrap().to_str().unwrap().to_owned()
    }
}

async fn relay(service: &str, next: &Running, host: &str) -> Running {
    let next = NextHop::new(next.addr, host).unwrap();
    App { config: Config::new(service, "v1").next(next) }.start().await.unwrap()
}

async fn send(request: Request<Bytes>) -> Answer {
    let http2 = request.version() == Version::HTTP_2;
    let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
    let response = client.request(request.map(Full::new)).await.unwrap();
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Answer { status: parts.status, headers: parts.headers, body: collected.to_bytes(), trailers }
}

fn names(report: &Value) -> Vec<&str> {
    report["hops"].as_array().unwrap().iter().map(|hop| hop["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_request_passes_all_hops_in_both_versions() {
    let chain = Chain::start(Forward::All).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let answer = chain.get(version, "/orders?id=7").await;
        let report = answer.json();
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.way(), WAY);
        assert_eq!(names(&report), ["a-v1", "b-v1", "c-v1"]);
        assert_eq!(report["hops"][1]["service"], "b");
        assert_eq!(report["hops"][1]["version"], "v1");
        assert_eq!(report["path"], "/orders?id=7");
        assert_eq!(report["authority"], "c");
        assert_eq!(report["protocol"], format!("{version:?}"));
    }
}

#[tokio::test]
async fn headers_arrive_as_the_bytes_they_are() {
    let chain = Chain::start(Forward::All).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let raw = HeaderValue::from_bytes(b"caf\xe9 \xff").unwrap();
        let request = chain.request("/").version(version).header("x-raw", raw);
        let request = request.header("x-twice", "1").header("x-twice", "2").body(Bytes::new());
        let headers = &send(request.unwrap()).await.json()["headers"];
        assert_eq!(headers["x-raw"], serde_json::json!([r"caf\xe9 \xff"]));
        assert_eq!(headers["x-twice"], serde_json::json!(["1", "2"]));
    }
}

#[tokio::test]
async fn headers_of_the_connection_stay_behind() {
    let chain = Chain::start(Forward::All).await;
    let request = chain.request("/").header("connection", "x-private").header("x-private", "1");
    let request = request.header("keep-alive", "timeout=5").header("x-public", "1").body(Bytes::new());
    let headers = send(request.unwrap()).await.json()["headers"].clone();
    assert_eq!(headers["x-public"], serde_json::json!(["1"]));
    assert_eq!(headers["host"], serde_json::json!(["c"]));
    for dropped in ["connection", "x-private", "keep-alive"] {
        assert_eq!(headers.get(dropped), None, "{dropped}");
    }
}

#[tokio::test]
async fn an_application_may_drop_its_context() {
    for (forward, traceparent, baggage, tenant) in [
        (Forward::All, true, true, true),
        (Forward::Traceparent, true, false, false),
        (Forward::Baggage, false, true, false),
        (Forward::None, false, false, false),
    ] {
        let chain = Chain::start(forward).await;
        let request = chain.request("/").header("traceparent", "00-1-2-01");
        let request = request.header("baggage", "a=1").header("x-tenant", "t");
        let request = request.header("content-type", "text/plain").body(Bytes::from("x")).unwrap();
        let headers = send(request).await.json()["headers"].clone();
        assert_eq!(headers.get("traceparent").is_some(), traceparent, "{forward:?}");
        assert_eq!(headers.get("baggage").is_some(), baggage, "{forward:?}");
        assert_eq!(headers.get("x-tenant").is_some(), tenant, "{forward:?}");
        assert_eq!(headers["content-type"], serde_json::json!(["text/plain"]), "{forward:?}");
    }
}

#[tokio::test]
async fn many_headers_arrive() {
    let chain = Chain::start(Forward::All).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let mut request = chain.request("/").version(version).body(Bytes::new()).unwrap();
        for number in 0..1000 {
            let name = HeaderName::from_bytes(format!("x-many-{number}").as_bytes()).unwrap();
            request.headers_mut().insert(name, HeaderValue::from(number));
        }
        request.headers_mut().insert("x-long", HeaderValue::from_str(&"l".repeat(64 << 10)).unwrap());
        let headers = send(request).await.json()["headers"].clone();
        assert_eq!(headers["x-many-999"], serde_json::json!(["999"]));
        assert_eq!(headers["x-long"][0].as_str().unwrap().len(), 64 << 10);
    }
}

#[tokio::test]
async fn an_upload_of_three_megabytes_arrives() {
    let chain = Chain::start(Forward::All).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let body = Bytes::from(vec![b'x'; 3 << 20]);
        let request = chain.request("/upload").method("POST").version(version).body(body).unwrap();
        let report = send(request).await.json();
        assert_eq!(report["body_bytes"], 3 << 20);
        assert_eq!(report["method"], "POST");
    }
}

#[tokio::test]
async fn grpc_passes_with_its_trailers() {
    let chain = Chain::start(Forward::All).await;
    let request = chain.request("/shop.Orders/Get").method("POST").version(Version::HTTP_2);
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    let answer = send(request.body(Bytes::from_static(b"\0\0\0\0\x02hi")).unwrap()).await;
    assert_eq!(answer.headers["content-type"], "application/grpc");
    assert_eq!(answer.way(), WAY);
    assert_eq!(answer.trailers["grpc-status"], "0");
    let (prefix, message) = answer.body.split_at(5);
    assert_eq!(prefix[0], 0);
    assert_eq!(u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize, message.len());
    let report: Value = serde_json::from_slice(message).unwrap();
    assert_eq!(names(&report), ["c-v1"]);
    assert_eq!(report["body_bytes"], 7);
    assert_eq!(report["headers"]["te"], serde_json::json!(["trailers"]));
}

#[tokio::test]
async fn grpc_without_a_next_hop_is_unavailable() {
    let chain = Chain::start(Forward::All).await;
    chain.c.kill().await;
    let request = Request::post(format!("http://{}/", chain.a.addr)).version(Version::HTTP_2);
    let request = request.header("content-type", "application/grpc").body(Bytes::new()).unwrap();
    let answer = send(request).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["grpc-status"], "14");
}

#[tokio::test]
async fn a_websocket_is_tunnelled_and_echoed() {
    let chain = Chain::start(Forward::All).await;
    let url = format!("ws://{}/chat", chain.a.addr);
    let (mut socket, response) = tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(response.headers()["x-hops"], WAY);
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("c-v1: hello"));
    socket.send(Message::binary(&b"\xff"[..])).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::binary(&b"c-v1: \xff"[..]));
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_))) | None));
}

#[tokio::test]
async fn a_status_comes_back_through_all_hops() {
    let chain = Chain::start(Forward::All).await;
    let answer = chain.get(Version::HTTP_11, "/status/418").await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(answer.way(), WAY);
    assert_eq!(names(&answer.json()), ["a-v1", "b-v1", "c-v1"]);
    assert!(answer.json()["error"].as_str().unwrap().contains("/status/418"));
    assert_eq!(chain.get(Version::HTTP_2, "/status/204").await.body.len(), 0);
    assert_eq!(chain.get(Version::HTTP_11, "/status/nonsense").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_dead_hop_is_a_bad_gateway_that_names_the_living() {
    let chain = Chain::start(Forward::All).await;
    chain.b.kill().await;
    let uri = format!("http://{}/", chain.a.addr);
    let answer = send(Request::get(uri).body(Bytes::new()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(names(&answer.json()), ["a-v1"]);
    assert!(answer.json()["error"].as_str().unwrap().contains("refused"));
}

#[tokio::test]
async fn a_stream_passes_as_it_comes() {
    let chain = Chain::start(Forward::All).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let uri = format!("http://{}/stream?chunks=3&ms=200", chain.a.addr);
    let start = Instant::now();
    let mut response = client.get(uri.parse().unwrap()).await.unwrap();
    assert_eq!(response.headers()["x-hops"], WAY);
    let first = response.frame().await.unwrap().unwrap().into_data().unwrap();
    let first_after = start.elapsed();
    let rest = response.collect().await.unwrap().to_bytes();
    assert_eq!(first, "{\"chunk\":0,\"name\":\"c-v1\"}\n");
    assert_eq!(rest.iter().filter(|byte| **byte == b'\n').count(), 2);
    assert!(start.elapsed() >= Duration::from_millis(400));
    assert!(first_after < start.elapsed() - Duration::from_millis(300), "{first_after:?}");
}

#[tokio::test]
async fn a_slow_answer_takes_its_time() {
    let chain = Chain::start(Forward::All).await;
    let start = Instant::now();
    assert_eq!(chain.get(Version::HTTP_2, "/slow?ms=150").await.way(), WAY);
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn stop_lets_a_request_in_flight_finish() {
    let chain = Chain::start(Forward::All).await;
    let Chain { a, b, c } = chain;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let uri = format!("http://{}/stream?chunks=3&ms=100", a.addr);
    let response = client.get(uri.parse().unwrap()).await.unwrap();
    let start = Instant::now();
    let (body, ()) = tokio::join!(response.collect(), async {
        c.stop().await;
        b.stop().await;
        a.stop().await;
    });
    assert_eq!(body.unwrap().to_bytes().iter().filter(|byte| **byte == b'\n').count(), 3);
    assert!(start.elapsed() < Duration::from_secs(5), "stop waits for what is in flight only");
}

#[tokio::test]
async fn kill_cuts_a_request_and_frees_the_port() {
    let c = App { config: Config::new("c", "v1") }.start().await.unwrap();
    let addr = c.addr;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let uri = format!("http://{addr}/stream?chunks=100&ms=100").parse().unwrap();
    let response = client.get(uri).await.unwrap();
    c.kill().await;
    assert!(response.collect().await.is_err());
    let again = App { config: Config::new("c", "v2").listen(addr) }.start().await.unwrap();
    assert_eq!(again.addr, addr);
}

#[tokio::test]
async fn a_witness_is_told_of_each_request_before_it_is_answered() {
    let (witness, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let c = App { config: Config::new("c", "v1").witness(witness) }.start().await.unwrap();
    let request = Request::builder().method("POST").uri(format!("http://{}/status/503", c.addr));
    send(request.header("x-id", "7").body(Bytes::new()).unwrap()).await;
    let seen = seen.try_recv().unwrap();
    assert_eq!((seen.by.as_str(), seen.method.as_str()), ("c-v1", "POST"));
    assert_eq!(seen.headers["x-id"], "7");
}
