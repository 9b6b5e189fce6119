//! Proxies that run whatever generation is asked for, by whatever clock: pods of a cluster without containers have no
//! processes, and what matters is what the controller does with answers.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One address that answers for all pods.
pub struct FakeProxies {
    address: SocketAddr,
    generation: Arc<AtomicU64>,
    pods: Pods,
    server: JoinHandle<()>,
}

/// What is special about pods, by their addresses.
#[derive(Clone, Default)]
struct Pods(Arc<Mutex<BTreeMap<IpAddr, Special>>>);

/// What is special about a pod.
#[derive(Clone, Default)]
struct Special {
    /// By how much its clock is ahead.
    ahead: SignedDuration,
    /// Further statistics of its filter, in Prometheus' text format.
    counted: String,
}

impl Pods {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Special>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeProxies {
    /// A generation that no test comes to.
    pub const NEWEST: u64 = u64::MAX >> 16;

    /// Proxies that run every generation at once.
    ///
    /// # Errors
    /// When there is no port for them.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let generation = Arc::new(AtomicU64::new(Self::NEWEST));
        let pods = Pods::default();
        let (shown, told) = (generation.clone(), pods.clone());
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let generation = shown.load(Ordering::Relaxed);
                tokio::spawn(answer(stream, generation, told.clone()));
            }
        });
        Ok(Self { address, generation, pods, server })
    }

    /// Where a controller finds their metrics.
    #[must_use]
    pub fn metrics(&self) -> String {
        format!("http://{}/{{ip}}", self.address)
    }

    /// The generation that they run, to be changed while they run.
    #[must_use]
    pub fn shown(&self) -> Arc<AtomicU64> {
        self.generation.clone()
    }

    /// From now on they run this generation.
    pub fn run(&self, generation: u64) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// From now on the pod with this address says these statistics, too, in Prometheus' text format.
    pub fn count(&self, pod: IpAddr, statistics: &str) {
        statistics.clone_into(&mut self.pods.lock().entry(pod).or_default().counted);
    }

    /// From now on the clock of the pod with this address is ahead by so much.
    pub fn set_clock(&self, pod: IpAddr, ahead: SignedDuration) {
        self.pods.lock().entry(pod).or_default().ahead = ahead;
    }
}

/// Answers one request as the pod whose address is its path.
async fn answer(mut stream: TcpStream, generation: u64, pods: Pods) {
    let mut request = [0; 4096];
    // One read holds a request of this size; what is left over ends with the connection.
    let read = stream.read(&mut request).await.unwrap_or(0);
    let request = String::from_utf8_lossy(request.get(..read).unwrap_or_default()).into_owned();
    let pod = request.split(['/', '?', ' ']).nth(2).and_then(|pod| pod.parse::<IpAddr>().ok());
    let Special { ahead, counted } = pod.and_then(|pod| pods.lock().get(&pod).cloned()).unwrap_or_default();
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&(Timestamp::now() + ahead));
    // Without the label of a group: they answer for whichever is asked for.
    let body = format!(
        "graylane_generation{{role=\"entry\"}} {generation}\ngraylane_workers{{role=\"entry\"}} 3\n\
         envoy_server_concurrency{{}} 2\n{counted}"
    );
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ndate: {}\r\ncontent-length: {length}\r\n\r\n",
        date.unwrap_or_default()
    );
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

impl Drop for FakeProxies {
    fn drop(&mut self) {
        self.server.abort();
    }
}
