//! Plans, and what came of them, for a person at a terminal: as a diff, each change with whom it reaches and who asks for it.

use std::io::{self, Write};

use colored::Colorize;

use super::text::wrap;
use crate::change::Dialect;
use crate::fix::Undone;
use crate::fix::journal::Entry;
use crate::fix::persist::Persistence;
use crate::fix::plan::{Left, Plan};
use crate::fix::revert::{Reverted, What};
use crate::text::printable;

const WIDTH: usize = 80;

/// Writes a plan. `colour` as in [`super::Style`].
///
/// # Errors
/// Writing failed.
pub fn plan(plan: &Plan, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    colored::control::set_override(colour);
    for step in &plan.steps {
        let scope = format!("here ({}); for {}", step.scope.name(), step.by.join(", "));
        change(&step.parameter.show(), &step.before.form, &step.to, &scope, out)?;
        let effects: Vec<String> = step
            .effects
            .iter()
            .map(|(parameter, state)| format!("{} (now {})", parameter.show(), shown(&state.form)))
            .collect();
        if !effects.is_empty() {
            indented(
                &format!("and with it {}: {}", effects.join(", "), step.effects_how),
                4,
                out,
            )?;
        }
        for danger in &step.dangers {
            indented(&format!("risky: {danger}"), 4, out)?;
        }
    }
    for limit in &plan.program {
        let pair = |limits: crate::system::Limits| format!("{}:{}", limits.soft, limits.hard);
        let scope = format!("here (the program that is started); for {}", limit.by.join(", "));
        let name = format!("{} (soft:hard)", limit.resource.name());
        change(&name, &pair(limit.before), &pair(limit.to), &scope, out)?;
    }
    if !plan.left.is_empty() || !plan.notes.is_empty() {
        if !plan.steps.is_empty() || !plan.program.is_empty() {
            writeln!(out)?;
        }
        writeln!(out, "{}", "Left as it is:".bold())?;
        for left in &plan.left {
            self::left(left, out)?;
        }
        notes(&plan.notes, out)?;
    }
    Ok(())
}

/// Notes that could be made, in one sentence: a profile may have a dozen, and nobody needs to do anything about them.
fn notes(names: &[String], out: &mut dyn Write) -> io::Result<()> {
    let mut rules: Vec<&str> = Vec::new();
    for name in names {
        let rule = name.rsplit('/').next().unwrap_or(name);
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    let sentence = match rules.as_slice() {
        [] => return Ok(()),
        [one] => format!("{one} is a note; --notes makes it"),
        [all @ .., last] => format!("{} and {last} are notes; --notes makes them", all.join(", ")),
    };
    indented(&sentence, 2, out)
}

fn change(name: &str, before: &str, to: &str, scope: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", printable(name).bold())?;
    writeln!(out, "  {}", format!("- {}", shown(before)).red())?;
    writeln!(out, "  {}", format!("+ {}", shown(to)).green())?;
    indented(scope, 4, out)
}

/// A value on one line; the kernel separates fields with tabs.
fn shown(form: &str) -> String {
    if form.is_empty() {
        return "(empty)".to_owned();
    }
    printable(&form.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

fn left(left: &Left, out: &mut dyn Write) -> io::Result<()> {
    let rule = left.finding.rsplit('/').next().unwrap_or(&left.finding);
    let head = format!("{rule}  {}: {}", left.subject, left.reason);
    indented(&head, 2, out)?;
    let Some((dialect, text)) = &left.remedy else {
        return Ok(());
    };
    for line in text.lines() {
        // What is to be pasted keeps its lines.
        if *dialect == Dialect::Manual {
            indented(line, 6, out)?;
        } else {
            writeln!(out, "      {}", printable(line))?;
        }
    }
    Ok(())
}

fn indented(text: &str, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    for (at, line) in wrap(&printable(text), WIDTH - columns - 2).into_iter().enumerate() {
        writeln!(out, "{:columns$}{}{line}", "", if at > 0 { "  " } else { "" })?;
    }
    Ok(())
}

/// Writes which files will make changes last.
///
/// # Errors
/// Writing failed.
pub fn persistence(persistence: &Persistence, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    colored::control::set_override(colour);
    if !persistence.files.is_empty() {
        writeln!(out, "\n{}", "To make it last:".bold())?;
    }
    for file in &persistence.files {
        let state = if file.before.is_some() { "changed" } else { "new" };
        writeln!(out, "{} ({state})", printable(&file.path))?;
        let old: Vec<String> = file
            .before
            .as_ref()
            .map(|bytes| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect())
            .unwrap_or_default();
        let says = |line: &&str| !line.is_empty() && !line.starts_with(['#', ';']) && !line.starts_with("<!--");
        for line in old.iter().map(String::as_str).filter(says) {
            if !file.text.lines().any(|new| new == line) {
                writeln!(out, "  {}", format!("- {}", printable(line)).red())?;
            }
        }
        for line in file.text.lines().filter(says) {
            if !old.iter().any(|known| known == line) {
                writeln!(out, "  {}", format!("+ {}", printable(line)).green())?;
            }
        }
    }
    for old in &persistence.replaced {
        writeln!(
            out,
            "{} (removed: what it says is in the new one)",
            printable(&old.path)
        )?;
    }
    for unread in &persistence.unread {
        indented(&format!("whether it lasts is not known: {unread}"), 0, out)?;
    }
    for command in &persistence.then {
        indented(&format!("then: {command}"), 0, out)?;
    }
    if persistence.root_left {
        let text = "root's limits are left as they are: a wrong line for root in limits.d locks the administrator out. \
                    `--allow risky` writes root's lines too";
        indented(text, 0, out)?;
    }
    if !persistence.refused.is_empty() {
        writeln!(out, "\n{}", "In no file:".bold())?;
    }
    for text in &persistence.refused {
        indented(text, 2, out)?;
    }
    Ok(())
}

/// Writes what was undone.
///
/// # Errors
/// Writing failed.
pub fn reverted(reverted: &Reverted, out: &mut dyn Write) -> io::Result<()> {
    for line in &reverted.lines {
        let name = line.parameter.show();
        let (before, to) = (shown(&line.before), shown(&line.to));
        let text = match &line.what {
            What::Undone(Undone::Back) => format!("{name}: {to} -> {before}"),
            What::Undone(Undone::BackUntold(doubt)) => format!("{name}: {to} -> {before}, as it was; but {doubt}"),
            What::Undone(Undone::Held(harm)) => format!(
                "{name}: left at {to}, and not set back to {before}: {harm}. Its record is kept: mend that and run `runup revert` \
                 again, or --force sets it back all the same"
            ),
            What::Undone(Undone::Already) => format!("{name}: is {before} already"),
            What::Undone(Undone::Gone) => format!("{name}: is gone, and with it what was set"),
            What::Undone(Undone::Changed(now)) => format!(
                "{name}: left alone, somebody set it to {} since (it was {before}, runup made it {to}); --force sets it back to \
                 {before}",
                shown(now)
            ),
            What::Undone(Undone::Failed(why)) => format!("{name}: NOT set back to {before}: {why}"),
            What::HandedTo(id) => format!("{name}: apply {id} set it again, and will set it back to {before}"),
        };
        indented(&text, 0, out)?;
    }
    for (id, why) in &reverted.unclear {
        indented(&format!("apply {id} was undone by force: {why}"), 0, out)?;
    }
    for (id, why) in &reverted.foreign {
        indented(&format!("apply {id} left alone: {why}"), 0, out)?;
    }
    Ok(())
}

/// Writes the journal's list; `foreign` says why an apply cannot be undone here, or not without force.
///
/// # Errors
/// Writing failed.
pub fn journal(entries: &[(Entry, Option<String>)], out: &mut dyn Write) -> io::Result<()> {
    for (entry, foreign) in entries {
        let mut head = format!(
            "apply {}  {}  {}",
            entry.id,
            date(entry.time),
            entry.profiles.join(", ")
        );
        if let Some(command) = &entry.command {
            head += &format!("  for {command}");
        }
        if !entry.done {
            head += "  (interrupted)";
        }
        indented(&head, 0, out)?;
        for step in &entry.steps {
            let text = format!(
                "{}  {} -> {}",
                step.parameter.show(),
                shown(&step.before.form),
                shown(&step.to)
            );
            indented(&text, 4, out)?;
        }
        if let Some(why) = foreign {
            indented(why, 4, out)?;
        }
    }
    Ok(())
}

/// `2026-11-23 14:05 UTC`.
fn date(time: i64) -> String {
    let date = crate::date::date_of(time);
    let second = time.rem_euclid(86_400);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02} UTC",
        date.year,
        date.month,
        date.day,
        second / 3600,
        second / 60 % 60
    )
}
