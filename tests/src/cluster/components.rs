//! The commands that make up a cluster, and what runs when they are started.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rcgen::KeyPair;
use tokio::net::TcpStream;

use super::access::Access;
use super::{DEADLINE, KUBERNETES_VARIABLE};
use crate::process::Process;
use crate::{diagnostics, ports, wait};

/// What the API server writes down of requests.
const AUDIT_POLICY: &str = include_str!("audit.yaml");
/// The life of pods.
const STAGES: &str = include_str!("stages.yaml");

/// A program with its arguments.
pub(super) struct Command {
    name: &'static str,
    program: PathBuf,
    args: Vec<OsString>,
}

/// Where the parts of one cluster are.
pub(super) struct Layout {
    binaries: PathBuf,
    dir: PathBuf,
    etcd_port: u16,
    etcd_peer_port: u16,
    pub(super) api_port: u16,
}

impl Layout {
    /// Takes ports, and writes the files that do not depend on anything, into `dir`.
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let binaries = std::env::var_os(KUBERNETES_VARIABLE)
            .with_context(|| format!("{KUBERNETES_VARIABLE} is not set: run through cargo xtask test"))?;
        let layout = Self {
            binaries: binaries.into(),
            dir: dir.to_owned(),
            etcd_port: ports::free()?,
            etcd_peer_port: ports::free()?,
            api_port: ports::free()?,
        };
        fs::write(layout.file("audit-policy.yaml"), AUDIT_POLICY)?;
        fs::write(layout.file("stages.yaml"), STAGES)?;
        let accounts = KeyPair::generate()?;
        fs::write(layout.file("accounts.key"), accounts.serialize_pem())?;
        fs::write(layout.file("accounts.pub"), accounts.public_key_pem())?;
        Ok(layout)
    }

    /// A file among the binaries.
    pub(super) fn binary(&self, name: &str) -> Result<PathBuf> {
        let path = self.binaries.join(name);
        ensure!(path.is_file(), "{KUBERNETES_VARIABLE}: there is no {}", path.display());
        Ok(path)
    }

    pub(super) fn audit_log(&self) -> PathBuf {
        self.file("audit.log")
    }

    /// The store. What it holds need not outlive the machine, so that it does not wait for the disk.
    pub(super) fn etcd(&self) -> Command {
        let clients = self.etcd_address();
        let peers = format!("http://127.0.0.1:{}", self.etcd_peer_port);
        self.command("etcd")
            .arg("--data-dir", self.file("etcd"))
            .arg("--listen-client-urls", &clients)
            .arg("--advertise-client-urls", &clients)
            .arg("--listen-peer-urls", &peers)
            .arg("--initial-advertise-peer-urls", &peers)
            .arg("--initial-cluster", format!("default={peers}"))
            .arg("--unsafe-no-fsync", "true")
            .arg("--log-level", "warn")
    }

    /// Whether the store takes connections.
    pub(super) async fn etcd_listens(&self) -> Result<()> {
        TcpStream::connect(("127.0.0.1", self.etcd_port)).await?;
        Ok(())
    }

    pub(super) fn api_server(&self, access: &Access) -> Command {
        self.command("kube-apiserver")
            .arg("--etcd-servers", self.etcd_address())
            .arg("--bind-address", "127.0.0.1")
            .arg("--secure-port", self.api_port.to_string())
            .arg("--advertise-address", "127.0.0.1")
            // It is no endpoint of a service: it has a loopback address, which endpoints may not have.
            .arg("--endpoint-reconciler-type", "none")
            .arg("--cert-dir", access.certificates())
            .arg("--token-auth-file", access.tokens())
            .arg("--authorization-mode", "RBAC")
            .arg("--disable-admission-plugins", "ServiceAccount")
            .arg("--service-account-issuer", "https://kubernetes.default.svc")
            .arg("--service-account-key-file", self.file("accounts.pub"))
            .arg("--service-account-signing-key-file", self.file("accounts.key"))
            .arg("--service-cluster-ip-range", "10.96.0.0/16")
            .arg("--audit-policy-file", self.file("audit-policy.yaml"))
            .arg("--audit-log-path", self.audit_log())
            .arg("--audit-log-mode", "blocking")
            // In megabytes; by itself the log would begin anew at 100.
            .arg("--audit-log-maxsize", "4000")
    }

    pub(super) fn controller_manager(&self, kubeconfig: &Path) -> Command {
        self.command("kube-controller-manager")
            .arg("--kubeconfig", kubeconfig)
            // On a busy machine KWOK is late with its heartbeats, and no pod of a lost node is ready.
            .arg("--node-monitor-grace-period", "1h")
            // Whoever waits for a thousand pods waits for the API server, not for a limit of its clients.
            .arg("--kube-api-qps", "500")
            .arg("--kube-api-burst", "500")
            .arg("--leader-elect", "false")
            .arg("--secure-port", "0")
    }

    pub(super) fn scheduler(&self, kubeconfig: &Path) -> Command {
        self.command("kube-scheduler")
            .arg("--kubeconfig", kubeconfig)
            .arg("--kube-api-qps", "500")
            .arg("--kube-api-burst", "500")
            .arg("--leader-elect", "false")
            .arg("--secure-port", "0")
    }

    pub(super) fn kwok(&self, kubeconfig: &Path) -> Command {
        self.command("kwok")
            .arg("--kubeconfig", kubeconfig)
            .arg("--config", self.file("stages.yaml"))
            .arg("--manage-all-nodes", "true")
            // Of the addresses set aside for documents; nobody connects to them.
            .arg("--node-ip", "192.0.2.1")
            .arg("--cidr", "10.64.0.1/16")
    }

    fn etcd_address(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd_port)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn command(&self, name: &'static str) -> Command {
        Command { name, program: self.binaries.join(name), args: Vec::new() }
    }
}

impl Command {
    fn arg(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let mut arg = OsString::from(name);
        arg.push("=");
        arg.push(value.into());
        self.args.push(arg);
        self
    }
}

/// A part of the cluster that runs; dropping it kills it.
pub(super) struct Component {
    name: &'static str,
    process: Process,
    log: PathBuf,
}

impl Component {
    /// Starts a command with its log in `dir`.
    pub(super) fn start(command: &Command, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{}.log", command.name));
        let process = Process::start(&command.program, &command.args, &log)?;
        Ok(Self { name: command.name, process, log })
    }

    /// Waits until `check` succeeds, at most until the process has ended.
    pub(super) async fn ready(&mut self, check: impl AsyncFn() -> Result<()>) -> Result<()> {
        let process = &mut self.process;
        let found = wait::succeeds(DEADLINE, "it to be ready", async || match process.ended()? {
            // Not worth waiting for: handed out as a value, so that it ends the wait.
            Some(status) => Ok(Some(status)),
            None => check().await.map(|()| None),
        });
        let ended = match found.await {
            Ok(None) => return Ok(()),
            Ok(Some(status)) => Err(anyhow::anyhow!("it has ended with {status}")),
            Err(error) => Err(error),
        };
        ended.with_context(|| format!("{}:\n{}", self.name, diagnostics::log_tail(&self.log)))
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        self.process.kill();
    }
}
