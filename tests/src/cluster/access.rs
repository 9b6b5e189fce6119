//! Who may ask the API server: users by token, and the files that tell either side.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

/// May do everything.
pub(super) const ADMIN: &str = "admin";

/// Users with no more rights than everybody has, until a test binds a role to one. A cluster may be shared:
/// bind within a namespace of the test's own, or use a user that no other test uses.
pub const RESTRICTED: [&str; 4] = ["controller", "pipeline", "viewer", "stranger"];

/// The parts of the cluster that speak to the API server; the audit policy leaves out their group.
pub(super) const COMPONENTS: [&str; 3] = ["kube-controller-manager", "kube-scheduler", "kwok"];

/// Where the server is, and the directory that all files are in.
pub(super) struct Access {
    dir: PathBuf,
    server: String,
}

impl Access {
    /// Writes a file for every user, and the tokens for the server, in `dir`.
    pub(super) fn new(dir: &Path, port: u16) -> Result<Self> {
        let access = Self { dir: dir.to_owned(), server: format!("https://127.0.0.1:{port}") };
        let masters = [ADMIN].map(|user| (user, "system:masters"));
        let components = COMPONENTS.map(|user| (user, "system:masters,graylane:components"));
        let restricted = RESTRICTED.map(|user| (user, ""));
        let mut tokens = String::new();
        for (user, groups) in masters.into_iter().chain(components).chain(restricted) {
            tokens.push_str(&format!("{},{user},{user},\"{groups}\"\n", token(user)));
            fs::write(access.file(user), access.kubeconfig(user))?;
        }
        fs::write(access.tokens(), tokens)?;
        Ok(access)
    }

    /// The tokens of all users, for the server.
    pub(super) fn tokens(&self) -> PathBuf {
        self.dir.join("tokens.csv")
    }

    /// Where the server keeps its certificate; it makes one that it signs itself.
    pub(super) fn certificates(&self) -> PathBuf {
        self.dir.join("certificates")
    }

    /// The kubeconfig of a user.
    pub(super) fn file_of(&self, user: &str) -> Result<PathBuf> {
        let file = self.file(user);
        ensure!(file.is_file(), "there is no user {user}: the restricted ones are {RESTRICTED:?}");
        Ok(file)
    }

    /// A client of the current runtime that speaks for a user.
    pub(super) async fn client(&self, user: &str) -> Result<Client> {
        let kubeconfig = Kubeconfig::read_from(self.file_of(user)?)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        Client::try_from(config.context("failed to read the kubeconfig")?).context("failed to make a client")
    }

    fn file(&self, user: &str) -> PathBuf {
        self.dir.join(format!("{user}.kubeconfig"))
    }

    /// JSON is YAML, which is what such files are.
    fn kubeconfig(&self, user: &str) -> String {
        let authority = self.certificates().join("apiserver.crt");
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "tests",
                "cluster": { "server": self.server, "certificate-authority": authority } }],
            "users": [{ "name": user, "user": { "token": token(user) } }],
            "contexts": [{ "name": user, "context": { "cluster": "tests", "user": user } }],
            "current-context": user,
        })
        .to_string()
    }
}

fn token(user: &str) -> String {
    format!("token-of-{user}")
}
