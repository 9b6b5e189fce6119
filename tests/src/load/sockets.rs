//! WebSockets that stay open in the background and are spoken to again and again.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::Call;
use crate::websocket::WebSocket;

/// How many are opened at a time: a proxy's queue of connections is not what a test is about.
const OPENED_AT_ONCE: u64 = 50;

/// Open WebSockets; dropping them cuts them off.
pub struct Sockets {
    talks: JoinSet<Talk>,
    stop: CancellationToken,
}

/// What became of one WebSocket.
#[derive(Clone, Debug)]
pub struct Talk {
    /// Its number among those opened together.
    pub number: u64,
    /// The applications on the way.
    pub hops: String,
    /// Echoes that came back.
    pub echoes: u64,
    /// Why it ended before its time.
    pub broken: Option<String>,
}

impl Sockets {
    /// Opens WebSockets, the n-th by the handshake `calls(n)`, and has each say something after every `pause`.
    ///
    /// # Errors
    /// When one of them is not granted.
    pub async fn open(
        addr: SocketAddr,
        count: u64,
        pause: Duration,
        calls: impl Fn(u64) -> Call,
    ) -> Result<Self> {
        let mut this = Self { talks: JoinSet::new(), stop: CancellationToken::new() };
        let numbers: Vec<u64> = (0..count).collect();
        for numbers in numbers.chunks(usize::try_from(OPENED_AT_ONCE)?) {
            let opened = numbers.iter().map(|number| WebSocket::open(addr, calls(*number)));
            for (number, socket) in numbers.iter().zip(try_join_all(opened).await?) {
                this.talks.spawn(talk(*number, socket, pause, this.stop.clone()));
            }
        }
        Ok(this)
    }

    /// Closes all that are still open, and says what became of each, by number.
    ///
    /// # Panics
    /// When a talk panicked.
    pub async fn stop(self) -> Vec<Talk> {
        self.stop.cancel();
        let mut talks = self.talks.join_all().await;
        talks.sort_by_key(|talk| talk.number);
        talks
    }
}

async fn talk(number: u64, mut socket: WebSocket, pause: Duration, stop: CancellationToken) -> Talk {
    let hops = socket.hops().to_owned();
    let mut echoes = 0;
    let ended = loop {
        // Also a last time after the stop: a socket that broke in silence is found by speaking to it.
        let stopped = stop.is_cancelled();
        if let Err(error) = say(&mut socket, &hops, echoes).await {
            break Err(error);
        }
        echoes += 1;
        if stopped {
            break socket.close().await;
        }
        stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    };
    Talk { number, hops, echoes, broken: ended.err().map(|error| format!("{error:#}")) }
}

/// An echo from another application than the one that granted the WebSocket is none.
async fn say(socket: &mut WebSocket, hops: &str, number: u64) -> Result<()> {
    let last = hops.rsplit(',').next().unwrap_or_default();
    let echo = socket.echo(&number.to_string()).await?;
    ensure!(echo == format!("{last}: {number}"), "{last} was told {number} and {echo:?} came back");
    Ok(())
}

#[cfg(test)]
mod tests {
    use chain::{App, Config};

    use super::*;

    #[tokio::test]
    async fn open_sockets_talk_until_they_are_stopped() {
        let app = App { config: Config::new("c", "v1") }.start().await.unwrap();
        let sockets = Sockets::open(app.addr, 3, Duration::from_millis(1), |_| Call::get("/")).await.unwrap();
        let talks = sockets.stop().await;
        assert_eq!(talks.iter().map(|talk| talk.number).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(talks.iter().all(|talk| talk.hops == "c-v1" && talk.echoes > 0 && talk.broken.is_none()));
    }

    #[tokio::test]
    async fn a_socket_that_breaks_is_told() {
        let app = App { config: Config::new("c", "v1") }.start().await.unwrap();
        let sockets = Sockets::open(app.addr, 1, Duration::from_millis(1), |_| Call::get("/")).await.unwrap();
        app.kill().await;
        assert!(sockets.stop().await[0].broken.is_some());
    }
}
