//! The module over HTTP, as Istio's agents and caches ask for it.

use std::net::SocketAddr;

use reqwest::{Client, RequestBuilder};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::*;

/// A running interface.
struct Server {
    address: SocketAddr,
    served: Option<Served>,
}

impl Server {
    async fn start(module: Option<&[u8]>) -> Self {
        let served = module.map(|bytes| Served::new(bytes.to_vec()));
        let shown = Shown {
            ready: Arc::new(AtomicBool::new(false)),
            registry: Arc::new(Registry::default()),
            module: served.clone(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, router(shown)).into_future());
        Self { address, served }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        Client::builder().no_proxy().build().unwrap().get(format!("http://{}{path}", self.address))
    }

    async fn status(&self, path: &str) -> u16 {
        self.get(path).send().await.unwrap().status().as_u16()
    }

    fn path(&self) -> String {
        module_path(&self.served.as_ref().unwrap().sha256)
    }
}

#[tokio::test]
async fn what_is_served_has_the_digest_of_its_address() {
    let server = Server::start(Some(b"\0asm module")).await;
    let answer = server.get(&server.path()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/wasm");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable");
    let bytes = answer.bytes().await.unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(server.path(), format!("/module/{digest}.wasm"));
    assert_eq!(&bytes[..], b"\0asm module");
}

#[tokio::test]
async fn who_has_it_is_sent_nothing() {
    let server = Server::start(Some(b"\0asm module")).await;
    let first = server.get(&server.path()).send().await.unwrap();
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let other = format!("\"{}\"", "0".repeat(64));
    for (known, want) in [
        (tag.clone(), 304),
        (format!("W/{tag}"), 304),
        (format!("{other}, {tag}"), 304),
        ("*".to_owned(), 304),
        (other, 200),
        (tag.trim_matches('"').to_owned(), 200),
        (String::new(), 200),
    ] {
        let answer = server.get(&server.path()).header("if-none-match", &known).send().await.unwrap();
        assert_eq!(answer.status(), want, "{known}");
        assert_eq!(answer.headers()["etag"], tag);
        assert_eq!(answer.bytes().await.unwrap().is_empty(), want == 304, "{known}");
    }
}

#[tokio::test]
async fn a_digest_of_another_replica_is_asked_for_again_and_nonsense_is_not() {
    let server = Server::start(Some(b"\0asm module")).await;
    let other = server.get(&module_path(&"0".repeat(64))).send().await.unwrap();
    assert_eq!(other.status(), 503);
    assert_eq!(other.headers()["connection"], "close");
    assert_eq!(other.headers()["retry-after"], "1");
    for path in ["/module/graylane.wasm", "/module/", "/module/..%2f..%2fetc%2fpasswd", "/module"] {
        assert_eq!(server.status(path).await, 404, "{path}");
    }
    assert_eq!(server.status(server.path().trim_end_matches(".wasm")).await, 404);
    let none = Server::start(None).await;
    assert_eq!(none.status(&server.path()).await, 404);
}
