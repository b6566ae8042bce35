//! How far a command line has come.

use clap::{Arg, ArgAction, Command};

/// The words of one command before the one that is being typed.
pub(super) struct Line<'a> {
    command: &'a Command,
    /// Ids of the options that are given.
    pub(super) given: Vec<&'a str>,
    /// The profiles that are named.
    pub(super) profiles: Vec<String>,
    /// An option that the last word left waiting for its value.
    waiting: Option<&'a Arg>,
    /// How many words stand that are no options.
    positionals: usize,
    /// Where the words of another program begin, if they do.
    program: Option<usize>,
}

/// What is being typed.
pub(super) enum Asked<'a, 't> {
    /// Nothing that is known.
    Nothing,
    /// The name of an option.
    Option,
    /// A value: the word up to it, and it so far.
    Value {
        /// Whose value.
        arg: &'a Arg,
        /// What of the word is not the value: `--set=`.
        before: &'t str,
        /// The value so far.
        text: &'t str,
    },
    /// Another program's command line, which begins at this of the words (counted from 0, without the command's own name).
    Command(usize),
}

impl<'a> Line<'a> {
    /// Reads the words between the command's name and the one that is being typed. Mistakes in them are passed over.
    pub(super) fn read(command: &'a Command, words: &[&str]) -> Self {
        let mut line = Self {
            command,
            given: Vec::new(),
            profiles: Vec::new(),
            waiting: None,
            positionals: 0,
            program: None,
        };
        for (at, word) in words.iter().enumerate() {
            if *word == "--" {
                line.waiting = None;
                if command.get_arguments().any(Arg::is_last_set) {
                    line.program = Some(at + 1);
                    break;
                }
            } else if !line.take_value(word) {
                line.take_word(word);
            }
        }
        line
    }

    /// Whether the word is the value that an option waits for.
    fn take_value(&mut self, word: &str) -> bool {
        let Some(arg) = self.waiting else { return false };
        let optional = arg.get_num_args().is_some_and(|range| range.min_values() == 0);
        if optional && word.starts_with('-') {
            self.waiting = None;
            return false;
        }
        if is_profile(arg) {
            self.profiles.push(word.to_owned());
        }
        let several = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        if !several {
            self.waiting = None;
        }
        true
    }

    fn take_word(&mut self, word: &str) {
        if let Some((arg, value)) = self.option(word) {
            self.given.push(arg.get_id().as_str());
            match value {
                Some(value) if is_profile(arg) => self.profiles.push(value.to_owned()),
                None if takes_value(arg) => self.waiting = Some(arg),
                _ => {}
            }
        } else if !is_option(word) {
            if self.positional().is_some_and(is_profile) {
                self.profiles.push(word.to_owned());
            }
            self.positionals += 1;
        }
    }

    /// The option that a word names, and the value that stands in the same word.
    fn option<'t>(&self, word: &'t str) -> Option<(&'a Arg, Option<&'t str>)> {
        let mut arguments = self.command.get_arguments();
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            return Some((arguments.find(|arg| arg.get_long() == Some(name))?, value));
        }
        let mut letters = word.strip_prefix('-')?.chars();
        let first = letters.next()?;
        let arg = arguments.find(|arg| arg.get_short() == Some(first))?;
        Some((arg, Some(letters.as_str()).filter(|rest| !rest.is_empty())))
    }

    /// The argument that the next word without a dash is.
    fn positional(&self) -> Option<&'a Arg> {
        let mut arguments: Vec<&Arg> = self
            .command
            .get_positionals()
            .filter(|arg| !arg.is_last_set())
            .collect();
        arguments.sort_by_key(|arg| arg.get_index());
        let several = |arg: &&&Arg| arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        let last = arguments.last().copied().filter(|arg| several(&arg));
        arguments.get(self.positionals).copied().or(last)
    }

    /// What a word is that is being typed.
    pub(super) fn asks<'t>(&self, current: &'t str) -> Asked<'a, 't> {
        if let Some(at) = self.program {
            return Asked::Command(at);
        }
        let whole = |arg: &'a Arg| Asked::Value {
            arg,
            before: "",
            text: current,
        };
        if let Some(arg) = self.waiting
            && !(is_option(current) && arg.get_num_args().is_some_and(|range| range.min_values() == 0))
        {
            return whole(arg);
        }
        if !current.starts_with('-') {
            return self.positional().map_or(Asked::Nothing, whole);
        }
        match current.split_once('=') {
            Some((name, text)) if name.starts_with("--") => match self.option(name) {
                Some((arg, _)) if takes_value(arg) => Asked::Value {
                    arg,
                    before: &current[..=name.len()],
                    text,
                },
                _ => Asked::Nothing,
            },
            _ => Asked::Option,
        }
    }
}

/// `-` alone is standard input.
fn is_option(word: &str) -> bool {
    word.starts_with('-') && word != "-"
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

fn is_profile(arg: &Arg) -> bool {
    arg.get_id() == "profile"
}
