//! `exec` as clap sees it: for the help, completions and manual pages alone. Its words are read by the shim, which must start in
//! no time; so this is made of the shim's own table, and only when somebody asks.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};

use crate::fix::plan::Consent;
use crate::shim::options::{Needs, OPTIONS, OptionSpec, Take};
use crate::shim::{capability_names, signal_names};

pub(super) fn exec(command: Command) -> Command {
    let command = command
        .long_about(
            "Evaluates profiles, sets what this container may set, raises limits, refuses to start where a requirement cannot be \
             met (exit status 78), and becomes the program.",
        )
        .after_help(after_help())
        .override_usage("runup exec [OPTIONS] [PROFILE...] -- COMMAND [ARGUMENT...]")
        // The long form says no more than the short one, and must not promise it.
        .disable_help_flag(true)
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help("prints this help"),
        )
        .arg(
            Arg::new("profile")
                .num_args(0..)
                .value_name("PROFILE")
                .help("profiles by name or path; without one nothing is checked"),
        )
        .arg(
            Arg::new("command")
                .last(true)
                .num_args(1..)
                .value_name("COMMAND")
                .value_hint(ValueHint::CommandWithArguments)
                .help("the program and its arguments"),
        );
    OPTIONS.iter().fold(command, |command, spec| command.arg(option(spec)))
}

/// `exec --help`: for standard output, no wider than the terminal or 80 columns.
pub(in crate::cli) fn exec_help() -> String {
    let mut command = super::command();
    command.build();
    match command.find_subcommand_mut("exec") {
        Some(exec) => exec.render_help().to_string(),
        None => String::new(),
    }
}

fn after_help() -> String {
    let gate: Vec<&str> = OPTIONS
        .iter()
        .filter(|spec| spec.needs_profile())
        .map(|spec| spec.name)
        .collect();
    let notes = format!(
        "Each option is also a variable: --map-exit is RUNUP_MAP_EXIT, a flag is 1 or 0; RUNUP_PROFILES names the profiles. A \
         DURATION is 10s, 500ms, 2m or 1h; a number alone is seconds.\n\
         Without a profile nothing is checked, and these are mistakes: {}.",
        gate.join(", ")
    );
    super::manual::after_help("exec", &notes)
}

fn option(spec: &'static OptionSpec) -> Arg {
    let name = spec.name.trim_start_matches('-');
    let arg = Arg::new(name).long(name).help(spec.help);
    let arg = match name {
        "quiet" => arg.short('q'),
        "verbose" => arg.short('v'),
        _ => arg,
    };
    let arg = if spec.needs == Needs::Init {
        arg.help_heading("With --init")
    } else {
        arg
    };
    match spec.take {
        Take::Flag(_) => return arg.action(ArgAction::SetTrue),
        Take::Each(true, _) => value(spec, arg.action(ArgAction::Append).value_delimiter(',')),
        Take::Each(false, _) => value(spec, arg.action(ArgAction::Append)),
        Take::Text(_) | Take::Bytes(_) => value(spec, arg.action(ArgAction::Set)),
    }
    .value_name(spec.value)
}

/// The values that an option can have, where they are a list; the help shows short lists alone.
fn value(spec: &OptionSpec, arg: Arg) -> Arg {
    let words = |words: Vec<&'static str>| PossibleValuesParser::new(words);
    match spec.value {
        "FILE" => arg.value_hint(ValueHint::FilePath),
        "WHAT" => arg.value_parser(words(Consent::ALL.map(Consent::name).to_vec())),
        "SIGNAL" => arg
            .value_parser(words(signal_names().collect()))
            .hide_possible_values(true),
        "LIST" => arg
            .value_parser(words(capability_names().collect()))
            .hide_possible_values(true),
        "LIST|all" => arg
            .value_parser(words(std::iter::once("all").chain(capability_names()).collect()))
            .hide_possible_values(true),
        // Words in small letters are what is to be written; capital ones stand for something.
        named if named.split('|').all(is_literal) => arg
            .value_parser(words(named.split('|').collect()))
            .hide_possible_values(true),
        _ => arg,
    }
}

fn is_literal(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_knows_every_option_of_the_table_and_takes_it_the_same_way() {
        let mut command = exec(Command::new("exec"));
        command.build();
        for spec in OPTIONS {
            let arg = command
                .get_arguments()
                .find(|arg| arg.get_long() == spec.name.strip_prefix("--"))
                .unwrap_or_else(|| panic!("{} is missing", spec.name));
            assert_eq!(
                arg.get_action().takes_values(),
                !matches!(spec.take, Take::Flag(_)),
                "{}",
                spec.name
            );
            assert_eq!(
                spec.value.is_empty(),
                matches!(spec.take, Take::Flag(_)),
                "{}",
                spec.name
            );
        }
        command.debug_assert();
    }

    #[test]
    fn the_values_that_are_offered_are_taken_by_the_parser() {
        let mut command = exec(Command::new("exec"));
        command.build();
        for spec in OPTIONS {
            let arg = command
                .get_arguments()
                .find(|arg| arg.get_long() == spec.name.strip_prefix("--"))
                .unwrap_or_else(|| panic!("{} is missing", spec.name));
            if matches!(spec.take, Take::Flag(_)) {
                continue;
            }
            for value in arg.get_possible_values() {
                let mut options = crate::shim::ExecOptions::default();
                let taken = match spec.take {
                    Take::Text(take) | Take::Each(_, take) => take(&mut options, value.get_name()),
                    Take::Flag(_) | Take::Bytes(_) => Ok(()),
                };
                assert_eq!(taken, Ok(()), "{} {}", spec.name, value.get_name());
            }
        }
        let values = |name: &str| {
            let arg = command.get_arguments().find(|arg| arg.get_long() == Some(name));
            arg.map_or(0, |arg| arg.get_possible_values().len())
        };
        assert_eq!(values("on-fail"), 2);
        assert_eq!(values("allow"), Consent::ALL.len());
        assert!(values("pdeathsig") > 20 && values("keep-caps") > 20);
    }
}
