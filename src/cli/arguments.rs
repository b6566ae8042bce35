//! The command line's form.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command};

use crate::report::Format;
use crate::rule::Severity;

/// The whole command line.
pub(super) fn command() -> Command {
    Command::new("runup")
        .max_term_width(80)
        .version(env!("CARGO_PKG_VERSION"))
        .about("Checks and tunes a machine or a container before the program starts")
        .after_help(
            "Exit codes: 0 ready, 1 not ready, 2 a mistake in the command line or a profile.\n\
             Start with `runup check load-test`; `runup profiles` lists what can be checked.",
        )
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(check())
        .subcommand(explain())
        .subcommand(profiles())
        .subcommand(show())
        .subcommand(export())
        .subcommand(record())
        .subcommand(diff())
        .subcommand(Command::new("schema").about("Prints the JSON Schema of profiles, for editors"))
        .subcommand(
            Command::new("completions").about("Prints completions for a shell").arg(
                Arg::new("shell")
                    .required(true)
                    .value_parser(clap::value_parser!(clap_complete::Shell))
                    .help("bash, zsh, fish, elvish or powershell"),
            ),
        )
        .subcommand(
            Command::new("man")
                .about("Prints the manual page, of runup or of one command")
                .arg(Arg::new("command").help("the command whose page is wanted")),
        )
}

fn profile_words() -> Arg {
    Arg::new("profile")
        .num_args(0..)
        .value_name("PROFILE")
        .help("profiles by name or path; without one, .runup.toml if it is here, else `default`")
}

fn set() -> Arg {
    Arg::new("set")
        .long("set")
        .value_name("NAME=VALUE")
        .action(ArgAction::Append)
        .help("gives a parameter a value; may be repeated")
}

fn window() -> Arg {
    Arg::new("window")
        .long("window")
        .value_name("TIME")
        .default_value("300ms")
        .value_parser(duration)
        .help("pause between the two samples of what changes from moment to moment")
}

fn check() -> Command {
    Command::new("check")
        .about("Says what is not ready, why, and what to do about it")
        .long_about(
            "Evaluates profiles on this machine and reports what is not ready, why, and what to do about it from here. \
             Changes nothing.",
        )
        .arg(profile_words())
        .arg(set())
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .default_value("text")
                .value_parser(PossibleValuesParser::new(Format::ALL.map(|(name, _)| name)))
                .help("form of the report on stdout"),
        )
        .arg(
            Arg::new("fail-on")
                .long("fail-on")
                .value_name("SEVERITY")
                .default_value("error")
                .value_parser(PossibleValuesParser::new(
                    [Severity::Error, Severity::Warning, Severity::Note].map(Severity::name),
                ))
                .help("the least severity whose fail or unknown makes the exit code 1"),
        )
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("RULE")
                .action(ArgAction::Append)
                .help("only this rule; may be repeated"),
        )
        .arg(
            Arg::new("skip")
                .long("skip")
                .value_name("RULE")
                .action(ArgAction::Append)
                .help("without this rule; may be repeated"),
        )
        .arg(
            Arg::new("wait")
                .long("wait")
                .value_name("TIME")
                .value_parser(duration)
                .help("looks again, for so long at most, until what changes from moment to moment passes"),
        )
        .arg(window())
        .arg(
            Arg::new("pid")
                .long("pid")
                .value_name("PID")
                .value_parser(clap::value_parser!(u32).range(1..))
                .conflicts_with("host")
                .help("another process's limits, cgroup and network namespace"),
        )
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("FILE")
                .help("a recording made by `runup record`, instead of this machine"),
        )
        .arg(
            Arg::new("root")
                .long("root")
                .value_name("DIR")
                .conflicts_with_all(["host", "pid"])
                .help("a directory that stands for /, instead of this machine"),
        )
        .arg(
            Arg::new("explain")
                .long("explain")
                .action(ArgAction::SetTrue)
                .help("says where each rule comes from, and every remedy"),
        )
        .arg(
            Arg::new("verbose")
                .short('v')
                .long("verbose")
                .action(ArgAction::SetTrue)
                .help("lists what passed, too"),
        )
}

fn explain() -> Command {
    Command::new("explain")
        .about("Says what a rule or a sysctl is, why it matters, how to fix it")
        .arg(
            Arg::new("what")
                .required(true)
                .value_name("RULE|KEY|KIND")
                .help("a rule (id, or profile/id), a key, or a kind"),
        )
}

fn profiles() -> Command {
    Command::new("profiles").about("Lists the profiles that there are")
}

fn show() -> Command {
    Command::new("show")
        .about("Prints a profile resolved, and where each value comes from")
        .arg(
            Arg::new("profile")
                .required(true)
                .value_name("PROFILE")
                .help("a profile by name or path"),
        )
        .arg(set())
}

fn export() -> Command {
    Command::new("export")
        .about("Writes what profiles ask for as a file for another place")
        .long_about(
            "Writes what profiles ask for, whether it is so here or not, as a file for the host, a service, a container or \
             another machine. What the file cannot hold is listed in it and on stderr, with the reason. Changes nothing.",
        )
        .arg(profile_words())
        .arg(
            Arg::new("to")
                .long("to")
                .required(true)
                .value_name("FORMAT")
                .value_parser(PossibleValuesParser::new(
                    crate::export::FORMATS.iter().map(|format| format.name()),
                ))
                .help("form of the file"),
        )
        .arg(
            Arg::new("unit")
                .long("unit")
                .value_name("UNIT")
                .help("the service that a drop-in is for: nginx.service"),
        )
        .arg(set())
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("RULE")
                .action(ArgAction::Append)
                .help("only this rule; may be repeated"),
        )
        .arg(
            Arg::new("skip")
                .long("skip")
                .value_name("RULE")
                .action(ArgAction::Append)
                .help("without this rule; may be repeated"),
        )
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("FILE")
                .help("a recording made by `runup record`, instead of this machine"),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FILE")
                .help("where to write it, instead of stdout"),
        )
}

fn record() -> Command {
    Command::new("record")
        .about("Saves this machine's answers, to be checked anywhere")
        .arg(profile_words())
        .arg(set())
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("everything that any built-in profile would read"),
        )
        .arg(window())
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FILE")
                .help("where to write it, instead of stdout"),
        )
}

fn diff() -> Command {
    Command::new("diff")
        .about("Lists what differs between two recordings, or one and now")
        .arg(Arg::new("before").required(true).value_name("A").help("a recording"))
        .arg(
            Arg::new("after")
                .value_name("B")
                .help("another recording; without it, this machine now"),
        )
        .arg(
            Arg::new("profile")
                .long("profile")
                .value_name("PROFILE")
                .action(ArgAction::Append)
                .help("marks what this profile cares about; may be repeated"),
        )
}

/// A duration in the units of the expression language: `300ms`, `2m`.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    use crate::expr::{Environment, Expr, Term};
    use crate::value::Dimension;
    struct Nothing;
    impl Environment for Nothing {
        fn value(&self, _: &str) -> Option<Term> {
            None
        }
        fn sysctl(&self, key: &str) -> Result<Term, String> {
            Err(key.to_owned())
        }
    }
    let term = Expr::parse(text).ok().and_then(|expr| expr.eval(&Nothing).ok());
    match term {
        Some(Term::Number {
            amount,
            dimension: Dimension::Time,
        }) if amount >= 0 => Ok(std::time::Duration::from_nanos(
            u64::try_from(amount).unwrap_or(u64::MAX),
        )),
        _ => Err("a time is a number with a unit: 500ms, 30s, 2m".to_owned()),
    }
}
