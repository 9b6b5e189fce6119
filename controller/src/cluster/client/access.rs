//! From a kubeconfig to a cluster, with the words of `kubectl`.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::{Cluster, Error, Result};

/// How long a connection may take: a person waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take; a watch hears something more often than that.
const READ_TIMEOUT: Duration = Duration::from_secs(90);

/// Which cluster, and which namespace of it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The kubeconfig file; `KUBECONFIG`, `~/.kube/config` or the pod's own account where nothing is said.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; its current one where nothing is said.
    pub context: Option<String>,
    /// The namespace; that of the context where nothing is said.
    pub namespace: Option<String>,
}

impl Access {
    pub(super) async fn cluster(&self) -> Result<Cluster> {
        let mut config = self.config().await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(READ_TIMEOUT);
        config.reset_reader_on_write = true;
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = Client::try_from(config).map_err(|error| Error::NoCluster(error.to_string()))?;
        Ok(Cluster { client, namespace, server })
    }

    async fn config(&self) -> Result<Config> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let found = match &self.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).map_err(no_cluster)?;
                Config::from_custom_kubeconfig(file, &options).await
            }
            None if self.context.is_some() => Config::from_kubeconfig(&options).await,
            // Of the two failures the pod's own account is the less likely to be meant.
            None => {
                let inferred = Config::infer().await;
                return inferred.map_err(|error| {
                    no_cluster(error.source().map_or_else(|| error.to_string(), ToString::to_string))
                });
            }
        };
        found.map_err(no_cluster)
    }
}

fn no_cluster(error: impl ToString) -> Error {
    Error::NoCluster(error.to_string())
}
