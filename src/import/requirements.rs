//! Requirements as data: `vm.max_map_count >= 262144`, a line each.

use super::ask::{Ask, Direction};
use super::draft::{Draft, Spot};
use super::{Entry, Format, ImportError, Input, Reads, Wish};
use crate::document::write::Toml;
use crate::rule::Severity;
use crate::system::{Resource, System};

/// Lines of KEY >= VALUE: what a program's documentation asks of a machine.
#[derive(Debug)]
pub struct Requirements;

impl Format for Requirements {
    fn name(&self) -> &'static str {
        "requirements"
    }

    fn help(&self) -> &'static str {
        "a line each: KEY >= VALUE, or <=, ==, !=, >, <. KEY is a sysctl (vm.max_map_count), a limit (nofile, or \
         nofile.hard), or kernel; VALUE may have a unit (64MiB); # begins a comment."
    }

    fn by_lines(&self, rows: &[&str]) -> bool {
        rows.iter().all(|row| requirement(row).is_some())
    }

    fn strictness(&self) -> u8 {
        2
    }

    fn reads(&self) -> Reads {
        Reads::Files(&[".yaml", ".yml", ".json", ".conf"])
    }

    /// Somebody wrote down what a program needs; the other formats say what a machine happens to be set to.
    fn severity(&self) -> Severity {
        Severity::Error
    }

    fn import(&self, input: &Input, _wish: &Wish, _system: &dyn System, draft: &mut Draft) -> Result<(), ImportError> {
        import(input, draft);
        Ok(())
    }
}

/// The comparisons, the longer ones first.
const OPERATORS: [(&str, Direction, i128); 6] = [
    (">=", Direction::Floor, 0),
    ("<=", Direction::Ceiling, 0),
    ("==", Direction::Equal, 0),
    ("!=", Direction::Other, 0),
    (">", Direction::Floor, 1),
    ("<", Direction::Ceiling, -1),
];

/// What a line asks.
struct Requirement<'a> {
    key: &'a str,
    direction: Direction,
    /// What is added to an integer, so that `> 5` is `>= 6`.
    shift: i128,
    value: &'a str,
}

/// Reads a line; `None` where it is none of them.
fn requirement(row: &str) -> Option<Requirement<'_>> {
    let row = row.split('#').next().unwrap_or_default().trim();
    let at = row.find(['<', '>', '=', '!'])?;
    let (key, rest) = row.split_at(at);
    let (operator, direction, shift) = OPERATORS.iter().find(|(operator, ..)| rest.starts_with(operator))?;
    let (key, value) = (key.trim(), rest[operator.len()..].trim());
    let plain = !key.is_empty() && !key.contains(char::is_whitespace) && !value.is_empty();
    (plain && !value.starts_with(['<', '>', '=', '!'])).then_some(Requirement {
        key,
        direction: *direction,
        shift: *shift,
        value,
    })
}

fn import(input: &Input, draft: &mut Draft) {
    for entry in &input.entries {
        let Entry::File { path, text } = entry else { continue };
        for (row, number) in text.lines().zip(1..) {
            let spot = Spot::new(path, number);
            let row = row.trim();
            if row.is_empty() || row.starts_with('#') {
                continue;
            }
            match requirement(row) {
                Some(requirement) => one(&requirement, &spot, draft),
                None => draft.left_out(
                    &spot,
                    "this is no requirement: a line is KEY >= VALUE (or <=, ==, !=, >, <)",
                ),
            }
        }
    }
}

fn one(asked: &Requirement<'_>, spot: &Spot, draft: &mut Draft) {
    let number = asked.value.parse::<i64>().ok().map(i128::from);
    let value = match (number, asked.shift) {
        (Some(number), shift) => (number + shift).to_string(),
        (None, 0) => asked.value.to_owned(),
        (None, _) => {
            let wish = format!("`>` and `<` take an integer; `{}` takes >= or <=", asked.value);
            return draft.left_out(spot, wish);
        }
    };
    let comparator = asked.direction.comparator();
    let operand = match (number, quantity(&value)) {
        (Some(number), _) => Some(Toml::Integer(number + asked.shift)),
        (None, true) => Some(Toml::text(value.as_str())),
        (None, false) => None,
    };
    let (name, side) = asked.key.split_once('.').unwrap_or((asked.key, "soft"));
    if let Some(resource) = Resource::parse(name).filter(|_| matches!(side, "soft" | "hard")) {
        let operand = match value.as_str() {
            "unlimited" | "infinity" => Some(Toml::text("unlimited")),
            _ => operand,
        };
        let Some(operand) = operand else {
            return draft.left_out(spot, format!("`{value}` is no value of the limit {}", resource.name()));
        };
        let side: &'static str = if side == "hard" { "hard" } else { "soft" };
        let subject = vec![
            ("resource", Toml::text(resource.name())),
            (side, Toml::Table(vec![(comparator, operand)])),
        ];
        return draft.rule(&format!("{}-{side}", resource.name()), "rlimit", subject, spot);
    }
    if asked.key == "kernel" {
        if asked.shift != 0 || !value.starts_with(|c: char| c.is_ascii_digit()) {
            return draft.left_out(spot, "a kernel is asked for by its version: kernel >= 5.4");
        }
        let version = Toml::Table(vec![(comparator, Toml::text(value))]);
        return draft.rule("kernel", "kernel", vec![("version", version)], spot);
    }
    if !asked.key.contains(['.', '/']) {
        return draft.left_out(spot, format!("`{}` is neither a sysctl nor a limit", asked.key));
    }
    // A number with a unit is converted by the profile's own reader.
    if let Some(operand) = operand.filter(|_| number.is_none()) {
        let subject = vec![("key", Toml::text(asked.key)), (comparator, operand)];
        return draft.rule(asked.key, "sysctl", subject, spot);
    }
    let ask = Ask {
        key: asked.key,
        value: &value,
        direction: asked.direction,
        when: None,
        spot,
    };
    ask.make(draft);
}

/// Whether a text is a number with a unit: `64KiB`, `60s`, `10%`.
fn quantity(text: &str) -> bool {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let unit = !digits.is_empty() && digits.len() <= 4 && digits.len() < text.len();
    unit && digits.chars().all(|c| c.is_ascii_alphabetic() || c == '%')
}
