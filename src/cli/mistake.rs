//! What clap says of a mistake in the command line, and what to do next.

use std::fmt::Write as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use super::project;

/// What clap ends most messages with. It says of no mistake what to do.
const POINTER: &str = "For more information, try '--help'.";

/// How clap begins its advice on an option that it does not know.
const AS_VALUE: &str = "  tip: to pass '";

/// The message for standard error. `name` is the first word after `runup`.
pub(super) fn message(error: &clap::Error, root: &Command, name: Option<&str>) -> String {
    let text = error.render().to_string();
    let text = text.trim_end();
    // Where nothing was asked for, the message is the help itself.
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("{text}\n");
    }
    let command = name.and_then(|name| root.find_subcommand(name));
    let text = text.strip_suffix(POINTER).unwrap_or(text).trim_end();
    // That an option may be meant as a value is right, and of no use to anybody.
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with(AS_VALUE)).collect();
    let mut message = kept.join("\n").replace("\n\n\n", "\n\n");
    message.push_str("\n\n");
    for line in next(error, command, name) {
        let _ = writeln!(message, "  help: {line}");
    }
    message
}

/// What to do next, a line each; one at least.
fn next(error: &clap::Error, command: Option<&Command>, name: Option<&str>) -> Vec<String> {
    let Some(command) = command else {
        let listed = "`runup --help` lists the commands".to_owned();
        let profile = name.filter(|name| project::library().names().iter().any(|(known, _)| known == name));
        return match profile {
            Some(profile) => vec![
                format!("{profile} is a profile: `runup check {profile}` checks it"),
                listed,
            ],
            None => vec![listed],
        };
    };
    let arguments = concerned(error, command);
    let mut lines: Vec<String> = match error.kind() {
        ErrorKind::MissingRequiredArgument => arguments.iter().filter_map(|arg| add(arg)).collect(),
        // An empty value is what clap says of none. Where there is a list, clap has shown it.
        ErrorKind::InvalidValue if is_missing(error) => arguments
            .iter()
            .filter(|arg| arg.get_possible_values().is_empty())
            .filter_map(|arg| describe(arg))
            .collect(),
        ErrorKind::UnknownArgument => value_of(error, command).into_iter().collect(),
        ErrorKind::ArgumentConflict => vec!["leave one of them out".to_owned()],
        _ => Vec::new(),
    };
    lines.push(format!("`runup {} --help` says what it takes", command.get_name()));
    lines
}

/// The option that takes what was written as an option: `--json` is `--format json`.
fn value_of(error: &clap::Error, command: &Command) -> Option<String> {
    let Some(ContextValue::String(written)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let value = written.trim_start_matches('-');
    let takes = |arg: &&Arg| arg.get_possible_values().iter().any(|known| known.get_name() == value);
    let arg = command.get_arguments().find(takes)?;
    Some(format!("did you mean --{} {value}?", arg.get_long()?))
}

/// Whether a value is not wrong but missing.
fn is_missing(error: &clap::Error) -> bool {
    matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if value.is_empty())
}

/// The arguments that a message names, as `--to <FORMAT>` or `<PROFILE>`.
fn concerned<'a>(error: &clap::Error, command: &'a Command) -> Vec<&'a Arg> {
    let named: &[String] = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(one)) => std::slice::from_ref(one),
        Some(ContextValue::Strings(several)) => several,
        _ => &[],
    };
    let is_named = |arg: &&Arg| named.iter().any(|name| *name == arg.to_string());
    command.get_arguments().filter(is_named).collect()
}

/// What to add for an argument that is missing.
fn add(arg: &Arg) -> Option<String> {
    if arg.get_action().takes_values() {
        return describe(arg);
    }
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    Some(format!("add --{} ({help})", arg.get_long()?))
}

/// What stands for an argument's value, and where to find one.
fn describe(arg: &Arg) -> Option<String> {
    let name = arg.get_value_names()?.first()?.as_str();
    let listed = arg.get_possible_values();
    if !listed.is_empty() {
        let words: Vec<&str> = listed.iter().map(clap::builder::PossibleValue::get_name).collect();
        return Some(match arg.get_long() {
            Some(long) => format!("write --{long} and one of: {}", words.join(", ")),
            None => format!("write one of: {}", words.join(", ")),
        });
    }
    let text = match name {
        "NAME=VALUE" => {
            "write a parameter and its value, --set connections=20000; `runup show PROFILE` lists the parameters"
        }
        "RULE" => "write the name of a rule; `runup show PROFILE` lists them",
        "PROFILE" => "write the name or the path of a profile; `runup profiles` lists the names",
        "RULE|KEY|KIND" => {
            "write a rule, a key or a kind: `runup explain net.core.somaxconn`; `runup show PROFILE` lists the rules of a profile"
        }
        "TIME" => "write a time: 500ms, 10s or 2m; a number alone is seconds",
        "A" | "B" => "write the name of a recording; `runup record -o FILE` makes one",
        "DIR|FILE" => "write the name of a directory or a file as sysctl.d(5) has them",
        "FILE|DIR" => "write the name of a file or a directory: `runup import /etc/sysctl.d`",
        "PID" => "write the id of a process; `pgrep NAME` finds it",
        "APPLY" => "write the number of an apply; `runup revert --list` shows them",
        "UNIT" | "SERVICE" => "write the name of a unit: nginx.service; `systemctl list-units` lists them",
        "VERSION" => "write the version of a kernel: 4.18, or \"$(uname -r)\"",
        "DOMAIN" => "write whose lines count, as they begin: @users, or a user's name",
        "COMMAND" => "write the command and its arguments after `--`",
        "FILE" => "write the name of a file",
        "DIR" => "write the name of a directory",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments;

    #[test]
    fn every_value_is_described() {
        let mut root = arguments::command();
        root.build();
        for command in root.get_subcommands().filter(|command| command.get_name() != "exec") {
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                if arg.get_action().takes_values() && command.get_name() != "complete" {
                    assert!(describe(arg).is_some(), "{} {arg}", command.get_name());
                }
            }
        }
    }
}
