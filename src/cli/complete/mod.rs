//! `runup complete -- WORDS...`: what may stand in place of the last of the words that were typed after `runup`.
//!
//! The shells' scripts are small and ask this, so that one engine serves all of them and knows what is in the profiles. clap's
//! own engine for that is not stable, and knows neither a program after `--` nor a shell's way to complete it.
//!
//! The answer's first line says what the shell itself has to add (see [`Rest`]); then there is one line for each candidate: the
//! whole word, and after a tab what it is. Names come from files, so a word that would act on a terminal is not offered at all.

mod line;
mod names;

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use super::output::Streams;
use super::{CommandResult, ExitCode, arguments};
use crate::text::printable;
use line::{Asked, Line};

/// The longest explanation of a candidate, in characters: two of them fit into a wide terminal.
const HELP: usize = 60;

/// The completions of a shell that ask this command; `None` for other shells.
pub(super) fn script(shell: clap_complete::Shell) -> Option<&'static str> {
    match shell {
        clap_complete::Shell::Bash => Some(include_str!("runup.bash")),
        clap_complete::Shell::Zsh => Some(include_str!("runup.zsh")),
        clap_complete::Shell::Fish => Some(include_str!("runup.fish")),
        _ => None,
    }
}

/// What the shell itself has to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// `nothing`: the candidates are all there is.
    Nothing,
    /// `files`: names of files, of the word or of what follows its `=`.
    Files,
    /// `directories`: names of directories.
    Directories,
    /// `command N`: the words from the Nth on, counted from 0, are another program's command line.
    Command(usize),
}

/// One word that fits.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    word: String,
    help: String,
}

impl Candidate {
    fn new(word: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            word: word.into(),
            help: help.into(),
        }
    }

    /// Its line; `None` where the word cannot be shown, or would be taken for an option that it is not.
    fn line(&self) -> Option<String> {
        let whole =
            !self.word.is_empty() && !self.word.contains(char::is_control) && printable(&self.word) == self.word;
        let mut help = printable(&self.help).split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = help.char_indices().nth(HELP) {
            help.truncate(end);
            help.push_str("...");
        }
        whole.then(|| format!("{}\t{help}", self.word))
    }
}

pub(super) fn run(matches: &ArgMatches, streams: &mut Streams) -> CommandResult {
    let words: Vec<&OsString> = matches.get_many::<OsString>("words").into_iter().flatten().collect();
    // A name that is no text can be neither compared with one nor shown.
    let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let (rest, candidates) = complete(&words, streams);
    let first = match rest {
        Rest::Nothing => "nothing".to_owned(),
        Rest::Files => "files".to_owned(),
        Rest::Directories => "directories".to_owned(),
        Rest::Command(at) => format!("command {at}"),
    };
    streams.try_result(|out| {
        writeln!(out, "{first}")?;
        let mut lines = candidates.iter().filter_map(Candidate::line);
        lines.try_for_each(|line| writeln!(out, "{line}"))
    })?;
    Ok(ExitCode::Ready)
}

fn complete(words: &[&str], streams: &mut Streams) -> (Rest, Vec<Candidate>) {
    let mut root = arguments::command();
    root.build();
    let (current, before) = words
        .split_last()
        .map_or(("", &[][..]), |(last, before)| (*last, before));
    let Some((name, before)) = before.split_first() else {
        let mut candidates = if current.starts_with('-') {
            options(&root, &[])
        } else {
            subcommands(&root)
        };
        candidates.retain(|candidate| candidate.word.starts_with(current));
        return (Rest::Nothing, candidates);
    };
    let Some(command) = root.find_subcommand(OsStr::new(name)) else {
        return (Rest::Nothing, Vec::new());
    };
    let line = Line::read(command, before);
    let (rest, mut candidates) = match line.asks(current) {
        // The word of the command itself is counted.
        Asked::Command(at) => return (Rest::Command(at + 1), Vec::new()),
        Asked::Nothing => (Rest::Nothing, Vec::new()),
        Asked::Option => (Rest::Nothing, options(command, &line.given)),
        Asked::Value { arg, before, text } => value(&root, name, &line, arg, before, text, streams),
    };
    candidates.retain(|candidate| candidate.word.starts_with(current));
    candidates.sort();
    candidates.dedup_by(|left, right| left.word == right.word);
    (rest, candidates)
}

fn subcommands(root: &Command) -> Vec<Candidate> {
    root.get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| {
            let about = command.get_about().map(ToString::to_string);
            Candidate::new(command.get_name(), about.unwrap_or_default())
        })
        .collect()
}

/// The options of a command; those that are given already only where they may be repeated.
fn options(command: &Command, given: &[&str]) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .filter(|arg| matches!(arg.get_action(), ArgAction::Append) || !given.contains(&arg.get_id().as_str()))
        .filter_map(|arg| Some(Candidate::new(format!("--{}", arg.get_long()?), help_of(arg))))
        .collect();
    if let Some(last) = command.get_arguments().find(|arg| arg.is_last_set()) {
        candidates.push(Candidate::new("--", help_of(last)));
    }
    candidates
}

fn help_of(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

/// The values that an argument can have; each candidate begins with `before`, which stands there already.
fn value(
    root: &Command,
    command: &str,
    line: &Line<'_>,
    arg: &Arg,
    before: &str,
    text: &str,
    streams: &mut Streams,
) -> (Rest, Vec<Candidate>) {
    let name = arg
        .get_value_names()
        .and_then(|names| names.first())
        .map_or("", |name| name.as_str());
    // Of a list the last entry is being typed.
    let start = match arg.get_value_delimiter() {
        Some(comma) => text.rfind(comma).map_or(0, |at| at + comma.len_utf8()),
        None => 0,
    };
    let (typed, text) = text.split_at(start);
    let listed: Vec<Candidate> = arg
        .get_possible_values()
        .iter()
        .map(|value| {
            Candidate::new(
                value.get_name(),
                value.get_help().map(ToString::to_string).unwrap_or_default(),
            )
        })
        .collect();
    let mut rest = match arg.get_value_hint() {
        ValueHint::FilePath => Rest::Files,
        ValueHint::DirPath => Rest::Directories,
        _ => Rest::Nothing,
    };
    let candidates = match name {
        _ if !listed.is_empty() => listed,
        "PROFILE" => {
            if text.contains('/') || text.starts_with('.') {
                rest = Rest::Files;
            }
            names::profiles(streams)
        }
        "RULE" => names::rules(command, &line.profiles, text, streams),
        "NAME=VALUE" => names::parameters(command, &line.profiles, text, streams),
        "RULE|KEY|KIND" => names::subjects(text, streams),
        "FROM=TO" if arg.get_id() == "rewrite" => names::rewrites(text),
        "COMMAND" => subcommands(root),
        _ => Vec::new(),
    };
    let whole = |candidate: Candidate| Candidate {
        word: format!("{before}{typed}{}", candidate.word),
        ..candidate
    };
    (rest, candidates.into_iter().map(whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_would_act_on_a_terminal_is_not_offered() {
        for word in ["", "a\u{1b}[31m", "a\nb", "a\tb", "a\u{202e}b", "a\u{7f}"] {
            assert_eq!(Candidate::new(word, "help").line(), None, "{word:?}");
        }
        assert_eq!(
            Candidate::new("two words", "a\u{1b}[31m\tb\nc").line().as_deref(),
            Some("two words\ta\\u{1b}[31m b c")
        );
        let long = Candidate::new("x", "\u{e4}".repeat(HELP + 1)).line();
        assert_eq!(long, Some(format!("x\t{}...", "\u{e4}".repeat(HELP))));
    }
}
