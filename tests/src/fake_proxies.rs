//! Proxies that run whatever generation is asked for: pods of a cluster without containers have no processes, and
//! what matters is what the controller does with answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the filters of single pods have counted, by the address of the pod.
type Counted = Arc<Mutex<BTreeMap<String, String>>>;

/// One address that answers for all pods.
pub struct FakeProxies {
    address: SocketAddr,
    generation: Arc<AtomicU64>,
    counted: Counted,
    server: JoinHandle<()>,
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
        let (shown, counted) = (generation.clone(), Counted::default());
        let told = counted.clone();
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // Without the label of a group: they answer for whichever is asked for.
                let common = format!(
                    "graylane_generation{{role=\"entry\"}} {}\ngraylane_workers{{role=\"entry\"}} 3\n\
                     envoy_server_concurrency{{}} 2\n",
                    shown.load(Ordering::Relaxed)
                );
                let told = told.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    // One read holds a request of this size; what is left over ends with the connection.
                    let length = stream.read(&mut request).await.unwrap_or(0);
                    let body = common + &counters(&told, &request[..length]);
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all((head + &body).as_bytes()).await;
                });
            }
        });
        Ok(Self { address, generation, counted, server })
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

    /// From now on the pod with this address says these statistics, too, in Prometheus' text format.
    pub fn count(&self, ip: &str, statistics: &str) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.insert(ip.to_owned(), statistics.to_owned());
    }

    /// From now on they run this generation.
    pub fn run(&self, generation: u64) {
        self.generation.store(generation, Ordering::Relaxed);
    }
}

/// What the pod has counted whose address is the path of the request.
fn counters(counted: &Counted, request: &[u8]) -> String {
    let request = String::from_utf8_lossy(request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let ip = path.split('?').next().unwrap_or_default().trim_matches('/');
    let counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
    counted.get(ip).cloned().unwrap_or_default()
}

impl Drop for FakeProxies {
    fn drop(&mut self) {
        self.server.abort();
    }
}
