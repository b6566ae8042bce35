//! The command line: arguments, one file per command. Nothing below this module prints or exits.

mod apply;
mod arguments;
mod check;
mod complete;
mod diff;
mod exec;
mod explain;
mod export;
mod gate;
mod ground;
mod import;
mod inputs;
mod man;
mod mistake;
mod output;
mod profiles;
mod project;
mod record;
mod revert;
mod show;
mod unit;
mod wait;

use std::ffi::OsString;

use crate::diagnostic::{self, Diagnostic};
use crate::shim;
use crate::source::Sources;
use output::Streams;

/// The exit codes, but for those of a program that `exec` became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Ready; or the command did what it was asked.
    Ready,
    /// Not ready: a rule of severity `error` (or what `--fail-on` names) is fail or unknown.
    NotReady,
    /// A mistake in the command line or a profile, or the tool failed: nothing was decided.
    Error,
    /// What the program that was started ended with; or why it was not started, as `exec` has it.
    Program(u8),
}

impl ExitCode {
    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            ExitCode::Ready => 0,
            ExitCode::NotReady => 1,
            ExitCode::Error => 2,
            ExitCode::Program(status) => status,
        }
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub enum CommandError {
    /// Mistakes in profiles, or in what the command line says of them.
    Diagnostics(Vec<Diagnostic>),
    /// Anything else: what was done, to what, and what to do next.
    Message(String),
    /// Writing the result failed.
    Output(std::io::Error),
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        CommandError::Output(error)
    }
}

type CommandResult = Result<ExitCode, CommandError>;

/// Runs a command line; the first word is the program's name. `adopt` takes the allocator of a short-lived command into use: a
/// supervisor that stays has no use for it.
#[must_use]
pub fn run(words: Vec<OsString>, adopt: fn()) -> ExitCode {
    let mut words = with_help(words);
    let is_exec = words.get(1).is_some_and(|word| word == "exec");
    // Before anything is read: what a command reads and writes, it reads and writes with these privileges.
    if let Some(elevation) = shim::elevation() {
        shim::refuse(elevation);
        return if is_exec || shim::is_shim(&words) {
            ExitCode::Program(125)
        } else {
            ExitCode::Error
        };
    }
    if let Some(status) = shim::entry(&words) {
        return ExitCode::Program(status);
    }
    if is_exec {
        let words = words.split_off(2);
        return ExitCode::Program(shim::exec_command(
            words,
            &mut exec::Profiles::new(adopt),
            arguments::exec_help,
        ));
    }
    adopt();
    let mut streams = Streams::new();
    let mut command = arguments::command();
    let name = words.get(1).map(|word| word.to_string_lossy().into_owned());
    let matches = match command.try_get_matches_from_mut(words) {
        Ok(matches) => matches,
        Err(error) => {
            use clap::error::ErrorKind;
            return match error.kind() {
                // What was asked for goes to stdout; everything else is a mistake.
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                    streams.result(|out| write!(out, "{error}"));
                    ExitCode::Ready
                }
                _ => {
                    streams.message(&mistake::message(&error, &command, name.as_deref()));
                    ExitCode::Error
                }
            };
        }
    };
    // The command's own word counts more than one before it.
    let of_command = matches
        .subcommand()
        .and_then(|(_, own)| own.try_get_one::<String>("color").ok().flatten());
    let colour = of_command.or_else(|| matches.get_one::<String>("color"));
    streams.choose_colour(colour.map(String::as_str));
    let mut sources = Sources::new();
    let result = match matches.subcommand() {
        Some(("check", matches)) => check::run(matches, &mut sources, &mut streams),
        Some(("apply", matches)) => apply::run(matches, &mut sources, &mut streams),
        Some(("revert", matches)) => revert::run(matches, &mut streams),
        Some(("explain", matches)) => explain::run(matches, &mut sources, &mut streams),
        Some(("profiles", matches)) => profiles::run(matches, &mut sources, &mut streams),
        Some(("show", matches)) => show::run(matches, &mut sources, &mut streams),
        Some(("export", matches)) => export::run(matches, &mut sources, &mut streams),
        Some(("import", matches)) => import::run(matches, &mut sources, &mut streams),
        Some(("record", matches)) => record::run(matches, &mut sources, &mut streams),
        Some(("diff", matches)) => diff::run(matches, &mut sources, &mut streams),
        Some(("schema", _)) => schema(&mut streams),
        Some(("completions", matches)) => completions(matches, &mut streams),
        Some(("complete", matches)) => complete::run(matches, &mut streams),
        Some(("man", matches)) => manual_page(matches, &mut streams),
        _ => {
            streams.message(&command.render_help().to_string());
            Ok(ExitCode::Error)
        }
    };
    match result {
        Ok(code) => code,
        Err(CommandError::Output(error)) => {
            streams.message(&format!("runup: cannot write the result: {error}\n"));
            ExitCode::Error
        }
        Err(CommandError::Message(message)) => {
            streams.folded(&format!("runup: {}\n", message.trim_end()));
            ExitCode::Error
        }
        Err(CommandError::Diagnostics(list)) => {
            let text = diagnostic::render_within(
                &list,
                &sources,
                streams.colour_messages(),
                streams.columns_of_messages(),
            );
            let count = match list.len() {
                1 => "1 error".to_owned(),
                number => format!("{number} errors"),
            };
            streams.message(&format!("{text}runup: {count}; nothing was checked\n"));
            ExitCode::Error
        }
    }
}

/// `help` and `help COMMAND`, as the options that they stand for.
fn with_help(mut words: Vec<OsString>) -> Vec<OsString> {
    if words.get(1).is_some_and(|word| word == "help") {
        words.truncate(3);
        words.remove(1);
        words.push("--help".into());
    }
    words
}

fn schema(streams: &mut Streams) -> CommandResult {
    let schema = crate::profile::schema::schema();
    streams.try_result(|out| writeln!(out, "{schema}"))?;
    Ok(ExitCode::Ready)
}

fn completions(matches: &clap::ArgMatches, streams: &mut Streams) -> CommandResult {
    let shell = matches
        .get_one::<clap_complete::Shell>("shell")
        .copied()
        .unwrap_or(clap_complete::Shell::Bash);
    let mut text = Vec::new();
    match complete::script(shell) {
        Some(script) => text.extend_from_slice(script.as_bytes()),
        None => clap_complete::generate(shell, &mut arguments::command(), "runup", &mut text),
    }
    streams.try_result(|out| out.write_all(&text))?;
    Ok(ExitCode::Ready)
}

fn manual_page(matches: &clap::ArgMatches, streams: &mut Streams) -> CommandResult {
    let mut command = arguments::command();
    command.build();
    let page = match matches.get_one::<String>("command") {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(sub) => sub.clone(),
            None => {
                return Err(CommandError::Message(format!(
                    "there is no command `{name}`; `runup --help` lists them"
                )));
            }
        },
    };
    let text = man::page(page)?;
    streams.try_result(|out| out.write_all(&text))?;
    Ok(ExitCode::Ready)
}
