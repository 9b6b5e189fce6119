//! The reference of all commands, generated from their definition.

use std::fmt::Write as _;

use clap::{Arg, Command};

const HEAD: &str = "# lanectl

The reference of all commands, generated from the code (`lanectl reference`); a test keeps it true.
What a program reads goes to standard output, what a person reads to standard error.
`lanectl man DIR` writes the same as manual pages.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed; for `diff`: there are differences; for `doctor`: there are findings as bad as `--fail-on` |
| 2 | wrong usage; for `diff` and `doctor`: it failed |
| 3 | not every proxy followed in time |
| 4 | refused by validation; nothing was changed |
| 5 | the cluster cannot be reached; what has changed is not known |

## The target

";

/// The reference as Markdown.
pub(super) fn reference(mut root: Command) -> String {
    root.build();
    let mut text = HEAD.to_owned();
    text.push_str(super::target::HELP);
    text.push('\n');
    section(&mut text, "Options of every command", root.get_arguments().filter(|arg| arg.is_global_set()));
    commands(&mut text, &root, "lanectl");
    text
}

/// The commands below one, and theirs below them.
fn commands(text: &mut String, above: &Command, path: &str) {
    for command in above.get_subcommands().filter(|command| !command.is_hide_set()) {
        let path = format!("{path} {}", command.get_name());
        let _ = write!(text, "\n## {path}\n");
        if let Some(about) = command.get_long_about().or(command.get_about()) {
            let _ = write!(text, "\n{about}\n");
        }
        let usage = command.clone().render_usage().to_string();
        let _ = write!(text, "\n```text\n{}\n```\n", usage.trim_start_matches("Usage: "));
        let own = |arg: &&Arg| !arg.is_global_set() && !matches!(arg.get_id().as_str(), "help" | "version");
        rows(text, command.get_arguments().filter(own));
        commands(text, command, &path);
    }
}

fn section<'a>(text: &mut String, title: &str, args: impl Iterator<Item = &'a Arg>) {
    let _ = write!(text, "\n## {title}\n");
    rows(text, args);
}

fn rows<'a>(text: &mut String, args: impl Iterator<Item = &'a Arg>) {
    let mut args = args.peekable();
    if args.peek().is_none() {
        return;
    }
    text.push_str("\n| argument | meaning | default |\n|---|---|---|\n");
    for arg in args {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let values: Vec<_> =
            arg.get_possible_values().iter().map(|v| format!("`{}`", v.get_name())).collect();
        let choices = if values.is_empty() || !arg.get_action().takes_values() {
            String::new()
        } else {
            format!(" ({})", values.join(", "))
        };
        let env = arg.get_env().map(|name| format!(" (environment `{}`)", name.to_string_lossy()));
        let default: Vec<_> =
            arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
        let shown = if arg.get_action().takes_values() { default.join(", ") } else { String::new() };
        let _ = writeln!(text, "| `{}` | {help}{choices}{} | {shown} |", name(arg), env.unwrap_or_default());
    }
}

fn name(arg: &Arg) -> String {
    let values: Vec<_> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let value =
        if arg.get_action().takes_values() { format!(" {}", values.join(" ")) } else { String::new() };
    match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}{value}"),
        (None, Some(long)) => format!("--{long}{value}"),
        (Some(short), None) => format!("-{short}{value}"),
        (None, None) => values.join(" "),
    }
}
