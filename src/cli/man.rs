//! A manual page: what clap knows, and the sections that it does not.

use std::io::{self, Write};

use clap::Command;

use super::arguments::{VARIABLES, manual_of};

/// The page of a command.
pub(super) fn page(command: Command) -> io::Result<Vec<u8>> {
    let manual = manual_of(command.get_name());
    // The end of the help is what the sections below say, but for notes before the examples.
    let after = command.get_after_long_help().or_else(|| command.get_after_help());
    let notes = after.map(ToString::to_string).unwrap_or_default();
    let notes = notes.split("Examples:").next().unwrap_or_default().trim().to_owned();
    let man = clap_mangen::Man::new(command.clone());
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.get_subcommands().any(|sub| !sub.is_hide_set()) {
        man.render_subcommands_section(&mut out)?;
    }
    if !notes.is_empty() {
        writeln!(out, ".SH NOTES")?;
        for line in notes.lines() {
            // A line of its own, however it is indented.
            writeln!(out, "{}\n.br", escaped(line.trim_start()))?;
        }
    }
    if let Some(manual) = manual {
        writeln!(out, ".SH \"EXIT STATUS\"\n{}", escaped(manual.exit))?;
        list("FILES", manual.files, &mut out)?;
        list("ENVIRONMENT", VARIABLES, &mut out)?;
        list("EXAMPLES", manual.examples, &mut out)?;
    }
    if command.get_version().is_some() {
        man.render_version_section(&mut out)?;
    }
    Ok(out)
}

/// A section of terms, each with what it is.
fn list(title: &str, rows: &[(&str, &str)], out: &mut Vec<u8>) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, ".SH {title}")?;
    for (term, text) in rows {
        writeln!(out, ".TP\n\\fB{}\\fR\n{}", escaped(term), escaped(text))?;
    }
    Ok(())
}

/// Text that roff takes for nothing but text.
fn escaped(text: &str) -> String {
    let text = text
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
        .replace('`', "\\(ga");
    // A line that begins so would be a request.
    if text.starts_with('.') {
        format!("\\&{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments;

    #[test]
    fn every_command_has_a_page_with_an_example_and_what_its_exit_code_says() {
        let mut root = arguments::command();
        root.build();
        let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
        let commands: Vec<Command> = shown.cloned().chain([root.clone()]).collect();
        for command in commands {
            let name = command.get_name().to_owned();
            let text = String::from_utf8(page(command).expect("memory takes it")).expect("UTF-8");
            for section in [
                ".SH NAME",
                ".SH SYNOPSIS",
                ".SH \"EXIT STATUS\"",
                ".SH ENVIRONMENT",
                ".SH EXAMPLES",
            ] {
                assert!(text.contains(section), "{name} has no {section}");
            }
            assert!(!text.contains("EXTRA"), "{name}");
        }
    }
}
