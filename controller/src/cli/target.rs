//! Which target a command is about: files for plain Envoys, or a Kubernetes cluster.

use std::path::PathBuf;

use clap::Args;

use super::error::CommandError;
use crate::cluster::client::Access;
use crate::standalone::store::Store;

/// The directory of the standalone target where nothing else is said.
const DIR: &str = "graylane";
/// The environment variable that names another one.
const DIR_VARIABLE: &str = "GRAYLANE_DIR";

/// The flags that every verb has.
#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// Work on files for plain Envoys in this directory; `graylane` if there is a lane group in it (environment `GRAYLANE_DIR`)
    #[arg(long, global = true, value_name = "DIR", help_heading = TARGET)]
    dir: Option<PathBuf>,
    /// Work on the cluster of this kubeconfig file (environment `KUBECONFIG`)
    #[arg(long, global = true, value_name = "FILE", help_heading = TARGET)]
    kubeconfig: Option<PathBuf>,
    /// Work on the cluster of this context
    #[arg(long, global = true, value_name = "NAME", help_heading = TARGET)]
    context: Option<String>,
    /// Work in this namespace of the cluster; that of the context if not given
    #[arg(short, long, global = true, value_name = "NAMESPACE", help_heading = TARGET)]
    namespace: Option<String>,
}

const TARGET: &str = "Target";

/// What `--help` says of the choice.
pub(super) const HELP: &str = "The target is a directory of files for plain Envoys, or a Kubernetes cluster with Istio. \
    It is the directory with --dir, or where ./graylane has a lane group and neither --kubeconfig nor --context nor \
    --namespace is given; else it is the cluster that kubectl would talk to.";

/// What a verb knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knows {
    Both,
    Files,
    Cluster,
}

/// What a command is about.
#[derive(Debug)]
pub(super) enum Target {
    Files(Store),
    Cluster(Access),
}

impl TargetArgs {
    /// The target of a verb; flags come before the environment, and the environment before what lies around.
    pub(super) fn choose(&self, verb: &str, knows: Knows) -> Result<Target, CommandError> {
        let names_cluster = self.kubeconfig.is_some() || self.context.is_some() || self.namespace.is_some();
        if names_cluster && self.dir.is_some() {
            let text =
                "--dir is about files, and --kubeconfig, --context and --namespace are about a cluster";
            return Err(CommandError::usage(format!("{text}; give one or the other")));
        }
        if knows == Knows::Files && names_cluster {
            return Err(CommandError::usage(format!("{verb} works on files only; name them with --dir")));
        }
        if knows == Knows::Cluster && self.dir.is_some() {
            return Err(CommandError::usage(format!("{verb} works on a cluster only; leave --dir out")));
        }
        let dir = self.dir.clone().or_else(|| std::env::var_os(DIR_VARIABLE).map(PathBuf::from));
        let is_named = dir.is_some();
        let store = Store::at(&dir.unwrap_or_else(|| DIR.into()))?;
        let takes_files = match knows {
            Knows::Files => true,
            Knows::Cluster => false,
            Knows::Both => !names_cluster && (is_named || store.exists()),
        };
        Ok(if takes_files { Target::Files(store) } else { Target::Cluster(self.access()) })
    }

    fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespace: self.namespace.clone(),
        }
    }
}

/// Refuses flags that the chosen target has no use for: those of `given` that are there.
pub(super) fn refuse(target: &str, given: &[(&str, bool)]) -> Result<(), CommandError> {
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => {
            Err(CommandError::usage(format!("{flag} has no meaning on {target}; leave it out")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        target: TargetArgs,
    }

    #[track_caller]
    fn check(flags: &[&str], knows: Knows, want: &str) {
        let flags = Flags::parse_from(["x"].iter().chain(flags)).target;
        let found = match flags.choose("verb", knows) {
            Ok(Target::Files(store)) => format!("files {}", store.dir().display()),
            Ok(Target::Cluster(access)) => format!("cluster {}", access.namespace.unwrap_or_default()),
            Err(error) => error.message(),
        };
        assert_eq!(found, want);
    }

    #[test]
    fn flags_choose_the_target() {
        check(&["--dir=/x"], Knows::Both, "files /x");
        check(&["-n", "shop"], Knows::Both, "cluster shop");
        check(&["--context=c"], Knows::Both, "cluster ");
        // The tests run where there is no directory with a group.
        check(&[], Knows::Both, "cluster ");
        check(&[], Knows::Cluster, "cluster ");
        check(
            &["--dir=/x", "-n", "shop"],
            Knows::Both,
            "--dir is about files, and --kubeconfig, --context and --namespace are about a cluster; give one or the other",
        );
        check(&["-n", "shop"], Knows::Files, "verb works on files only; name them with --dir");
        check(&["--dir=/x"], Knows::Cluster, "verb works on a cluster only; leave --dir out");
    }
}
