//! Everything an application has spawned, so that stopping and killing reach all of it.

use std::time::Duration;

use hyper::rt::Executor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Spawns tasks that end when the application is killed, and says when it is to stop.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    kill: CancellationToken,
}

impl Tasks {
    pub(crate) fn spawn(&self, task: impl Future<Output: Send> + Send + 'static) {
        let kill = self.kill.clone();
        self.tracker.spawn(async move {
            kill.run_until_cancelled_owned(task).await;
        });
    }

    /// Resolves once the application is to take no new work.
    pub(crate) async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Asks every task to finish, and kills what is left after `grace`.
    pub(crate) async fn stop(&self, grace: Duration) {
        self.stop.cancel();
        self.tracker.close();
        // What outlives the grace period is cut off by the kill that follows, hence no difference in result.
        let _ = tokio::time::timeout(grace, self.tracker.wait()).await;
        self.kill().await;
    }

    /// Drops every task, and with it every socket, wherever it is.
    pub(crate) async fn kill(&self) {
        self.kill_soon();
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Like `kill`, without waiting for it.
    pub(crate) fn kill_soon(&self) {
        self.kill.cancel();
    }
}

/// hyper spawns HTTP/2 streams and client connections through this, so that none escapes a kill.
impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}
