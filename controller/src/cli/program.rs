//! By which name this program was called: `lanectl`, or `kubectl lane` as a plugin.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use clap::Command;

/// The file name under which kubectl finds a plugin `lane`.
const PLUGIN: &str = "kubectl-lane";

/// The name in help and hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Lanectl,
    Plugin,
}

impl Program {
    /// By the first word of the command line.
    pub(super) fn of(called: Option<&OsStr>) -> Self {
        let name = called.and_then(|path| Path::new(path).file_stem());
        if name == Some(OsStr::new(PLUGIN)) { Self::Plugin } else { Self::Lanectl }
    }

    /// The commands under that name.
    pub(super) fn label(self, command: Command) -> Command {
        match self {
            Self::Lanectl => command,
            Self::Plugin => command.name(PLUGIN).bin_name("kubectl lane").display_name("kubectl lane"),
        }
    }

    /// Talk in which commands stand in backticks.
    pub(super) fn relabel(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Lanectl => text.into(),
            Self::Plugin => text.replace("`lanectl ", "`kubectl lane ").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_calls_a_plugin_by_the_name_of_its_file() {
        let of = |name: &str| Program::of(Some(OsStr::new(name)));
        assert_eq!(of("/usr/local/bin/kubectl-lane"), Program::Plugin);
        assert_eq!(of("lanectl"), Program::Lanectl);
        assert_eq!(Program::of(None), Program::Lanectl);
        assert_eq!(Program::Plugin.relabel("run `lanectl get lanes`"), "run `kubectl lane get lanes`");
    }
}
