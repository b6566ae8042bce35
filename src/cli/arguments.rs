//! The command line's form.

mod exec;
mod manual;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};

use crate::fix::plan::Consent;
use crate::gate::Gate;
use crate::import;
use crate::report;
use crate::rule::Severity;
use crate::value::{Version, parse_duration};

pub(super) use exec::exec_help;
pub(super) use manual::{VARIABLES, of as manual_of};

/// The whole command line.
pub(super) fn command() -> Command {
    Command::new("runup")
        .term_width(super::output::columns())
        .version(env!("CARGO_PKG_VERSION"))
        .about("Checks and tunes a machine or a container before the program starts")
        .after_help(manual::after_help(
            "runup",
            "`runup profiles` lists what can be checked; `runup help COMMAND` says more of a command.",
        ))
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .arg(colour())
        .arg_required_else_help(true)
        .subcommand(later(
            "check",
            "Says what is not ready, why, and what to do about it",
            check,
        ))
        .subcommand(later(
            "exec",
            "Checks, fixes, and becomes a program: a container's entrypoint",
            exec::exec,
        ))
        .subcommand(later(
            "apply",
            "Fixes what can be fixed from here, journalled, verified, to be undone",
            apply,
        ))
        .subcommand(later(
            "revert",
            "Undoes what `apply` did, where nobody has changed it since",
            revert,
        ))
        .subcommand(later(
            "explain",
            "Says what a rule or a sysctl is, why it matters, how to fix it",
            explain,
        ))
        .subcommand(profiles())
        .subcommand(later(
            "show",
            "Prints a profile resolved, and where each value comes from",
            show,
        ))
        .subcommand(later(
            "export",
            "Writes what profiles ask for as a file for another place",
            export,
        ))
        .subcommand(later("import", "Makes a profile of another program's files", import))
        .subcommand(later(
            "record",
            "Saves this machine's answers, to be checked anywhere",
            record,
        ))
        .subcommand(later(
            "diff",
            "Lists what differs between two recordings, or one and now",
            diff,
        ))
        .subcommand(
            Command::new("schema")
                .about("Prints the JSON Schema of profiles, for editors")
                .after_help(manual::after_help("schema", "")),
        )
        .subcommand(
            Command::new("completions")
                .about("Prints completions for a shell")
                .after_help(manual::after_help("completions", COMPLETIONS))
                .arg(
                    Arg::new("shell")
                        .required(true)
                        .value_name("SHELL")
                        .value_parser(clap::value_parser!(clap_complete::Shell))
                        .help("the shell"),
                ),
        )
        .subcommand(
            Command::new("complete")
                .about("Prints what may stand at the end of a command line, for the shells' completions")
                .hide(true)
                .arg(
                    Arg::new("words")
                        .last(true)
                        .num_args(0..)
                        .value_parser(clap::value_parser!(std::ffi::OsString))
                        .help("the words after `runup`, up to the cursor"),
                ),
        )
        .subcommand(
            Command::new("man")
                .about("Prints the manual page, of runup or of one command")
                .after_help(manual::after_help("man", ""))
                .arg(
                    Arg::new("command")
                        .value_name("COMMAND")
                        .help("the command whose page is wanted"),
                ),
        )
}

fn colour() -> Arg {
    Arg::new("color")
        .long("color")
        .value_name("WHEN")
        .value_parser(PossibleValuesParser::new(["auto", "always", "never"]))
        .help("colour; without it, or with auto, on a terminal unless NO_COLOR is set")
}

/// A command whose options are put together only where it is the one that is meant: every start would pay for all of them.
fn later(name: &'static str, about: &'static str, options: fn(Command) -> Command) -> Command {
    Command::new(name)
        .about(about)
        .after_help(manual::after_help(name, ""))
        // The program's own parser of `exec` knows no colour: what it says is a line.
        .args((name != "exec").then(colour))
        .defer(options)
}

/// How to load completions.
const COMPLETIONS: &str = "\
To load them:
  bash  eval \"$(runup completions bash)\" in ~/.bashrc, or as a file
        /etc/bash_completion.d/runup
  zsh   as a file _runup in a directory of fpath, or eval after compinit
  fish  as a file ~/.config/fish/completions/runup.fish

Those of bash, zsh and fish ask runup itself, so that they know your profiles, their rules and their parameters.";

fn profile_words() -> Arg {
    Arg::new("profile")
        .num_args(0..)
        .value_name("PROFILE")
        .help("profiles by name or path, - for stdin; without one, .runup.toml if it is here, else `default`")
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
        .value_parser(parse_duration)
        .help("pause between the two samples of what changes from moment to moment")
}

fn check(command: Command) -> Command {
    command
        .long_about(
            "Evaluates profiles on this machine and reports what is not ready, why, and what to do about it from here. \
             Changes nothing.\n\n\
             A .runup.toml that is not named is read for everyone; whose it is is said when it is not the caller's. For root it must be a \
             regular file of the directory's owner or root, and no link, or the run is a mistake.",
        )
        .arg(profile_words())
        .arg(set())
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .default_value(report::TERMINAL.name())
                .value_parser(PossibleValuesParser::new(
                    report::FORMATS.iter().map(|format| format.name()),
                ))
                .help("form of the report on stdout"),
        )
        .arg(
            Arg::new("fail-on")
                .long("fail-on")
                .value_name("WHAT")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .default_value(Severity::Error.name())
                .value_parser(PossibleValuesParser::new(Gate::words()))
                .help(
                    "what keeps the machine from being ready, in every format and in the exit code: rules of this severity or above \
                     that fail or are unknown; `boot`: those that pass, too, where the next boot undoes it or may, or no file sets it. A list: \
                     warning,boot",
                ),
        )
        .arg(only())
        .arg(skip())
        .arg(wait())
        .arg(window())
        .arg(
            Arg::new("pid")
                .long("pid")
                .value_name("PID")
                .value_parser(process_id)
                .conflicts_with("host")
                .help("another process's limits, cgroup and network namespace"),
        )
        .arg(
            Arg::new("unit")
                .long("unit")
                .value_name("UNIT")
                .conflicts_with_all(["host", "pid"])
                .help("the same of a systemd unit's main process: nginx.service"),
        )
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("FILE")
.value_hint(ValueHint::FilePath)
                .help("a recording made by `runup record`, instead of this machine; - is stdin"),
        )
        .arg(
            Arg::new("root")
                .long("root")
                .value_name("DIR")
.value_hint(ValueHint::DirPath)
                .conflicts_with_all(["host", "pid", "unit"])
                .help("a directory that stands for /, instead of this machine"),
        )
        .arg(
            Arg::new("sysctl-d")
                .long("sysctl-d")
                .value_name("DIR|FILE")
.value_hint(ValueHint::FilePath)
                .num_args(0..)
                .help("whether this machine does what its sysctl.d files say, or those that are named"),
        )
        .arg(
            Arg::new("explain")
                .long("explain")
                .action(ArgAction::SetTrue)
                .help("says where each rule comes from, and every remedy"),
        )
        .arg(
            Arg::new("quiet")
                .short('q')
                .long("quiet")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["verbose", "explain", "format"])
                .help("prints no report: the exit code says it"),
        )
        .arg(
            Arg::new("verbose")
                .short('v')
                .long("verbose")
                .action(ArgAction::SetTrue)
                .help("lists what passed, too"),
        )
}

fn wait() -> Arg {
    Arg::new("wait")
        .long("wait")
        .value_name("TIME")
        .value_parser(parse_duration)
        .help("looks again, for so long at most, until what changes from moment to moment passes")
}

fn only() -> Arg {
    Arg::new("only")
        .long("only")
        .value_name("RULE")
        .action(ArgAction::Append)
        .help("only this rule; may be repeated")
}

fn skip() -> Arg {
    Arg::new("skip")
        .long("skip")
        .value_name("RULE")
        .action(ArgAction::Append)
        .help("without this rule; may be repeated")
}

fn notes() -> Arg {
    Arg::new("notes")
        .long("notes")
        .action(ArgAction::SetTrue)
        .help("also what notes ask for, not only errors and warnings")
}

fn journal() -> Arg {
    Arg::new("journal")
        .long("journal")
        .value_name("DIR")
        .value_hint(ValueHint::DirPath)
        .help("where the journal is kept, instead of /var/lib/runup (root) or XDG_STATE_HOME/runup")
}

fn root() -> Arg {
    Arg::new("root")
        .long("root")
        .value_name("DIR")
        .value_hint(ValueHint::DirPath)
        .help("a directory that stands for /, instead of this machine")
}

fn apply(command: Command) -> Command {
    command
        .long_about(
            "Changes what makes rules fail, only towards what they ask for, and never what is good already; what is a note only \
             with --notes. Shows the plan and asks first. Everything that was there is written to a journal before the first \
             change, each change is read back, and on any failure all of it is undone; `runup revert` undoes it later.\n\n\
             Root takes a .runup.toml that is not named only if it is root's or that of the user behind sudo, in directories that \
             nobody else can write.",
        )
        .arg(profile_words())
        .arg(set())
        .arg(only())
        .arg(skip())
        .arg(notes())
        .arg(
            Arg::new("dry-run")
                .short('n')
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("shows the plan and changes nothing"),
        )
        .arg(
            Arg::new("yes")
                .short('y')
                .long("yes")
                .action(ArgAction::SetTrue)
                .help("does not ask"),
        )
        .arg(
            Arg::new("allow")
                .long("allow")
                .value_name("WHAT")
                .action(ArgAction::Append)
                .value_parser(PossibleValuesParser::new(Consent::ALL.map(Consent::name)))
                .help("agrees to changes beyond this container or that could stop the machine, that cannot be undone, or to swap off"),
        )
        .arg(
            Arg::new("pid")
                .long("pid")
                .value_name("PID")
                .value_parser(process_id)
                .conflicts_with("for")
                .help("a process whose limits and network namespace are changed"),
        )
        .arg(
            Arg::new("for")
                .long("for")
                .action(ArgAction::SetTrue)
                .help("only while COMMAND runs; everything is undone when it ends"),
        )
        .arg(
            Arg::new("on-fail")
                .long("on-fail")
                .value_name("refuse|warn")
                .default_value("refuse")
                .value_parser(PossibleValuesParser::new(["refuse", "warn"]))
                .requires("for")
                .help("with --for, where the machine is not ready: refuse to start (78), or warn"),
        )
        .arg(wait())
        .arg(
            Arg::new("persist")
                .long("persist")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["for", "pid"])
                .help("also writes the files that make it last beyond the next boot"),
        )
        .arg(
            Arg::new("unit")
                .long("unit")
                .value_name("SERVICE")
                .requires("persist")
                .help("the service that limits are written for (nginx.service), instead of logins"),
        )
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .requires("persist")
                .help("replaces files of ours that somebody edited"),
        )
        .arg(window())
        .arg(journal())
        .arg(root().conflicts_with_all(["pid", "for"]))
        .arg(
            Arg::new("command")
                .last(true)
                .num_args(1..)
                .value_name("COMMAND")
.value_hint(ValueHint::CommandWithArguments)
                .requires("for")
                .value_parser(clap::value_parser!(std::ffi::OsString))
                .help("what --for runs"),
        )
}

fn revert(command: Command) -> Command {
    command
        .arg(
            Arg::new("id")
                .value_name("APPLY")
                .value_parser(apply_number)
                .help("the number of one apply; without it, all that were made here"),
        )
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["id", "force", "forget"])
                .help("lists what is applied"),
        )
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .help("also what somebody else has changed since, and what cannot be told to have been applied here"),
        )
        .arg(
            Arg::new("persist")
                .long("persist")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["id", "list", "forget"])
                .help("removes the files that `apply --persist` wrote; edited ones only with --force"),
        )
        .arg(
            Arg::new("forget")
                .long("forget")
                .value_name("APPLY")
                .value_parser(apply_number)
                .conflicts_with_all(["id", "force"])
                .help("removes the record of an apply, and undoes nothing"),
        )
        .arg(
            Arg::new("pid")
                .long("pid")
                .value_name("PID")
                .value_parser(process_id)
                .conflicts_with("root")
                .help("a process in whose network namespace it was applied"),
        )
        .arg(journal())
        .arg(root())
}

fn explain(command: Command) -> Command {
    command
        .arg(
            Arg::new("what")
                .required(true)
                .value_name("RULE|KEY|KIND")
                .help("a rule (id, or profile/id), a key, or a kind"),
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("of a rule that many profiles have, everything of each"),
        )
}

fn profiles() -> Command {
    Command::new("profiles")
        .about("Lists the profiles that there are")
        .after_help(manual::after_help("profiles", ""))
}

fn show(command: Command) -> Command {
    command
        .arg(
            Arg::new("profile")
                .required(true)
                .value_name("PROFILE")
                .help("a profile by name or path"),
        )
        .arg(set())
}

fn export(command: Command) -> Command {
    command
        .long_about(
            "Writes what profiles ask for, whether it is so here or not, as a file for the host, a service, a container or \
             another machine: errors and warnings, as `apply` makes them, and notes with --notes. What the file cannot hold \
             is listed in it and on stderr, with the reason. Changes nothing.\n\n\
             A file for containers does not set what a container has by itself: it would only lower it, and on Kubernetes keep \
             the pod from starting. Where older kernels have less, it is said which do and what to set there; --kernel or \
             --host names the one that it is for.",
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
        .arg(notes())
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("FILE")
.value_hint(ValueHint::FilePath)
                .help(
                    "a recording made by `runup record`, instead of this machine; for a container: of one that was \
                     started without flags, or of the host that it is to run on",
                ),
        )
        .arg(
            Arg::new("kernel")
                .long("kernel")
                .value_name("VERSION")
                .conflicts_with("host")
                .value_parser(kernel_version)
                .help(
                    "the kernel that a container is to run on: 4.18, or \"$(uname -r)\"; without it, what some kernel gives \
                     a container by itself is left out",
                ),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FILE")
.value_hint(ValueHint::FilePath)
                .help("where to write it, instead of stdout"),
        )
}

/// Reads the id of a process.
fn process_id(text: &str) -> Result<u32, String> {
    let id = text.parse().ok().filter(|id| (1..=i32::MAX as u32).contains(id));
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = if is_name && text.chars().all(plain) {
        text
    } else {
        "NAME"
    };
    id.ok_or_else(|| format!("it takes the number of a process, such as 1234; `pgrep {name}` finds it"))
}

/// Reads the number of an apply.
fn apply_number(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "an apply has a number from 1 on; `runup revert --list` shows those that there are".to_owned())
}

/// Reads a kernel's version as `uname -r` prints it, or the beginning of one: major and minor at least.
fn kernel_version(text: &str) -> Result<Version, String> {
    let version = Version::parse(text);
    let two = text
        .trim()
        .strip_prefix('v')
        .unwrap_or(text.trim())
        .split('.')
        .take(2)
        .filter(|part| part.starts_with(|c: char| c.is_ascii_digit()))
        .count()
        == 2;
    // Linux has counted to about 20 before it went on to the next major number.
    let likely = matches!(version.major_minor(), (2..=30, 0..=99));
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-~".contains(c);
    (two && likely && text.trim().chars().all(plain))
        .then_some(version)
        .ok_or_else(|| "not a kernel's version; write it as `uname -r` prints it: 4.18".to_owned())
}

fn import(command: Command) -> Command {
    let named = |which: fn(&dyn import::Format) -> bool| import::names(which).join(", ");
    command
        .long_about(
            "Makes a profile of files of another program, and writes it to stdout. What no rule can say is listed in the profile \
             and on stderr, with file and line. Reads only; nothing that a file names is run.",
        )
        .after_long_help(manual::after_help("import", &import_formats()))
        .arg(
            Arg::new("file")
                .required(true)
                .num_args(1..)
                .value_name("FILE|DIR")
.value_hint(ValueHint::FilePath)
                .help("files and directories of one format, - for stdin; of directories the first masks the others"),
        )
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("FORMAT")
                .value_parser(PossibleValuesParser::new(import::names(|_| true)))
                .help("the format, where neither the name nor what stands there tells"),
        )
        .arg(
            Arg::new("at-least")
                .long("at-least")
                .action(ArgAction::SetTrue)
                .help(format!(
                    "{}: numbers of which more is better are floors",
                    named(|format| format.makes_floors())
                )),
        )
        .arg(
            Arg::new("domain")
                .long("domain")
                .value_name("DOMAIN")
                .help(format!(
                    "{}: whose lines count, instead of those of *",
                    named(|format| format.has_domains())
                )),
        )
        .arg(
            Arg::new("severity")
                .long("severity")
                .value_name("SEVERITY")
                .value_parser(PossibleValuesParser::new(
                    [Severity::Error, Severity::Warning, Severity::Note].map(Severity::name),
                ))
                .help(format!(
                    "of the rules; without it, error for {}, else warning",
                    named(|format| format.severity() == Severity::Error)
                )),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FILE")
.value_hint(ValueHint::FilePath)
                .help("where to write it, instead of stdout"),
        )
}

/// What each format becomes. A line each, however long: clap wraps it for the terminal, with the indent of its beginning.
fn import_formats() -> String {
    let formats = import::FORMATS.iter();
    let lines: String = formats
        .map(|format| format!("  {}\n      {}\n", format.name(), format.help()))
        .collect();
    format!("Formats:\n{lines}\n{AT_LEAST}")
}

/// What `--at-least` makes of numbers.
const AT_LEAST: &str = "\
--at-least makes floors of limits but for core, and of sysctls that the catalogue knows as bounds, where a larger one takes \
nothing until it is used: fs.file-max, net.core.somaxconn, vm.max_map_count, the last number of net.ipv4.tcp_rmem. A range of \
ports must cover the file's. Every other value must still be equal.";

fn record(command: Command) -> Command {
    command
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
                .value_hint(ValueHint::FilePath)
                .help("where to write it, instead of stdout"),
        )
}

fn diff(command: Command) -> Command {
    command
        .arg(
            Arg::new("before")
                .required(true)
                .value_name("A")
                .value_hint(ValueHint::FilePath)
                .help("a recording"),
        )
        .arg(
            Arg::new("after")
                .value_name("B")
                .value_hint(ValueHint::FilePath)
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
