//! The client against applications in this process.

use chain::{App, Config, NextHop};

use super::*;

async fn app() -> chain::Running {
    App { config: Config::new("c", "v1") }.start().await.unwrap()
}

#[tokio::test]
async fn raw_and_repeated_headers_are_sent_as_they_are() {
    let app = app().await;
    for client in [Client::h1(app.addr), Client::h2(app.addr)] {
        let call = Call::get("/p?q=1").host("shop").header("x-raw", b"\xe9\xff");
        let answer = client.send(call.header("x-twice", "1").header("x-twice", "2")).await.unwrap();
        assert_eq!((answer.status, answer.hops()), (200, "c-v1"));
        assert_eq!(answer.seen("x-raw").unwrap(), [r"\xe9\xff"]);
        assert_eq!(answer.seen("x-twice").unwrap(), ["1", "2"]);
        assert_eq!(answer.seen("x-absent").unwrap(), [""; 0]);
        let json = answer.json().unwrap();
        assert_eq!((&json["authority"], &json["path"]), (&"shop".into(), &"/p?q=1".into()));
    }
}

#[tokio::test]
async fn grpc_comes_with_message_and_status() {
    let app = app().await;
    let answer = Client::h2(app.addr).send(Call::grpc("/shop.Orders/Get", b"hi")).await.unwrap();
    assert_eq!(answer.grpc_status(), Some(0));
    assert_eq!(answer.json().unwrap()["body_bytes"], 7);
    assert_eq!(answer.seen("te").unwrap(), ["trailers"]);
}

#[tokio::test]
async fn a_connection_is_kept_unless_fresh_ones_are_wanted() {
    let app = app().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let kept = Client::new(app.addr, protocol);
        let fresh = Client::new(app.addr, protocol).fresh();
        for _ in 0..3 {
            kept.send(Call::get("/")).await.unwrap();
            fresh.send(Call::get("/")).await.unwrap();
        }
        assert_eq!((kept.opened(), fresh.opened()), (1, 3), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_client_survives_the_death_of_its_server() {
    let app = app().await;
    let addr = app.addr;
    let client = Client::h1(addr);
    client.send(Call::get("/")).await.unwrap();
    app.kill().await;
    // Whether the end of the kept connection has been seen by now is a matter of chance.
    let failure = client.send(Call::get("/")).await.unwrap_err();
    assert!(matches!(failure, Failure::Connect(..) | Failure::Lost(_)), "{failure:?}");
    let _again = App { config: Config::new("c", "v2").listen(addr) }.start().await.unwrap();
    assert_eq!(client.send(Call::get("/")).await.unwrap().hops(), "c-v2");
}

#[tokio::test]
async fn a_deadline_ends_a_request() {
    let app = app().await;
    let client = Client::h1(app.addr).deadline(Duration::from_millis(50));
    let failure = client.send(Call::get("/slow?ms=5000")).await.unwrap_err();
    assert!(matches!(failure, Failure::Deadline(_)), "{failure:?}");
}

#[tokio::test]
async fn the_way_and_the_body_go_through_a_relay() {
    let c = app().await;
    let next = NextHop::new(c.addr, "c").unwrap();
    let b = App { config: Config::new("b", "v1").next(next) }.start().await.unwrap();
    let answer = Client::h1(b.addr).send(Call::post("/", vec![b'x'; 1 << 20])).await.unwrap();
    assert_eq!(answer.hops(), "b-v1,c-v1");
    assert_eq!(answer.json().unwrap()["body_bytes"], 1 << 20);
}

#[tokio::test]
async fn a_client_connects_from_the_address_it_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source: IpAddr = [127, 0, 0, 9].into();
    let client = Client::h1(listener.local_addr().unwrap()).source(source);
    let accepted = tokio::select! {
        accepted = listener.accept() => accepted.unwrap(),
        answer = client.send(Call::get("/")) => panic!("{answer:?}"),
    };
    assert_eq!(accepted.1.ip(), source);
}
