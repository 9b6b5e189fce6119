//! The built `lanectl`, run as people and pipelines run it: what it prints, its exit codes, what it leaves.

mod bad_input;
mod disk;
mod explain;
mod fleet;
mod guides;
mod output;
mod receipts;
mod reference;
mod tickets;
mod verbs;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Initialises the group of the example.
const INIT: &[&str] = &["init", "shop", "--entry=gateway", "--service=a,b,c", "--topology=topology.yaml"];

/// A directory with an initialised group: a, b and c, gray a and c, nobody running.
struct Shop {
    root: TempDir,
}

/// What one run left behind, as text: exit code, standard output, standard error.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Shop {
    /// Initialised with further arguments.
    fn init(args: &[&str]) -> Self {
        let shop = Self::empty();
        let run = shop.lanectl(&[INIT, args].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        shop
    }

    /// Not initialised; the topology of the example lies ready.
    fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        let example = include_str!("../../../examples/chain/topology.yaml");
        // Ports on which nothing listens, whatever else runs on this machine: port 1 needs special rights.
        std::fs::write(root.path().join("topology.yaml"), closed_ports(example)).unwrap();
        Self { root }
    }

    /// Initialised, with proxies that run.
    fn with_fleet() -> (Self, fleet::Fleet) {
        let shop = Self::empty();
        let (fleet, topology) = fleet::Fleet::start(&shop.read("topology.yaml"), &shop.path("graylane"));
        shop.write("topology.yaml", &topology);
        let run = shop.lanectl(&[INIT, &["--no-wait"]].concat());
        assert_eq!(run.code, 0, "{run}");
        (shop, fleet)
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `lanectl` in the directory.
    fn lanectl(&self, args: &[&str]) -> Run {
        self.lanectl_with(args, "")
    }

    /// Runs `lanectl` in the directory with standard input.
    fn lanectl_with(&self, args: &[&str], stdin: &str) -> Run {
        self.run(self.command(args), stdin)
    }

    /// `lanectl` in the directory, not yet run.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanectl"));
        command.args(args).current_dir(self.root.path()).env_remove("GRAYLANE_DIR");
        // A cluster of whoever runs the tests is none of theirs.
        command.env("KUBECONFIG", "no-kubeconfig").env_remove("KUBERNETES_SERVICE_HOST");
        command
    }

    /// Runs a command with standard input.
    fn run(&self, mut command: Command, stdin: &str) -> Run {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let hide = |bytes: &[u8]| {
            let root = self.root.path().canonicalize().unwrap();
            String::from_utf8_lossy(bytes).replace(&*root.to_string_lossy(), "ROOT")
        };
        Run {
            code: output.status.code().unwrap(),
            stdout: hide(&output.stdout),
            stderr: hide(&output.stderr),
        }
    }

    /// Every file below the group's directory with its content.
    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        collect(&self.path("graylane"), &mut found);
        found.sort();
        found
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Moves ports 17xxx and 18xxx to 1xxx, where no test of ours listens.
fn closed_ports(topology: &str) -> String {
    topology.replace("127.0.0.1:17", "127.0.0.1:1").replace("127.0.0.1:18", "127.0.0.1:1")
}

fn collect(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
        }
    }
}
