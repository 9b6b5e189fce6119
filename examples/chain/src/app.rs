//! The life of an application: start, accept, stop, kill.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};

use crate::config::Config;
use crate::hop::Hop;
use crate::tasks::Tasks;

/// How long `stop` lets requests and tunnels in flight finish.
const GRACE: Duration = Duration::from_secs(10);
/// Header lines taken per request: far above hyper's 100, since proxies are tested with many headers.
const MAX_HEADERS: usize = 4096;
/// Bytes of headers taken per HTTP/2 request.
const MAX_HEADER_BYTES: u32 = 1 << 20;
/// Pause after a failed accept, so that a process without free descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// An application that is yet to be started.
#[derive(Clone, Debug)]
pub struct App {
    /// Who it is, where it listens and whom it calls.
    pub config: Config,
}

/// An application that serves; dropping it kills it.
pub struct Running {
    /// The address it listens on.
    pub addr: SocketAddr,
    tasks: Tasks,
}

impl App {
    /// Starts to listen and to serve.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(self) -> io::Result<Running> {
        let listener = TcpListener::bind(self.config.listen).await?;
        let addr = listener.local_addr()?;
        let tasks = Tasks::default();
        let hop = Arc::new(Hop::new(self.config, tasks.clone()));
        tasks.spawn(accept(listener, hop, tasks.clone()));
        Ok(Running { addr, tasks })
    }
}

impl Running {
    /// Takes no new connection, lets requests in flight finish, and cuts off what is left after ten seconds.
    pub async fn stop(self) {
        self.tasks.stop(GRACE).await;
    }

    /// Drops the listener and every connection at once, as the death of the process would.
    pub async fn kill(self) {
        self.tasks.kill().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.kill_soon();
    }
}

async fn accept(listener: TcpListener, hop: Arc<Hop>, tasks: Tasks) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tasks.stopping() => return,
        };
        match accepted {
            Ok((stream, _)) => tasks.spawn(serve(stream, Arc::clone(&hop), tasks.clone())),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves one connection until its peer closes it or the application stops.
async fn serve(stream: TcpStream, hop: Arc<Hop>, tasks: Tasks) {
    // Small answers are not held back; without the option the connection works all the same.
    let _ = stream.set_nodelay(true);
    let mut server = auto::Builder::new(tasks.clone());
    server.http1().max_headers(MAX_HEADERS);
    server.http2().max_header_list_size(MAX_HEADER_BYTES);
    let service = service_fn(move |request| {
        let hop = Arc::clone(&hop);
        async move { Ok::<_, Infallible>(hop.answer(request).await) }
    });
    let mut connection = pin!(server.serve_connection_with_upgrades(TokioIo::new(stream), service));
    // How a connection ends is its peer's affair: a broken one is no fault of the application.
    let _ = tokio::select! {
        ended = connection.as_mut() => ended,
        () = tasks.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}
