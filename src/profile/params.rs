//! Parameters: what they are, and the values that they have in a run.

use super::scope::{Names, describe, expression};
use super::{fields, notation};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::raw::{Data, Entry, Raw};
use crate::document::shape;
use crate::expr::{Environment, EvalError, Expr, Term, TermType};
use crate::host::Host;
use crate::rule::Condition;
use crate::source::{Origin, Place, Sources};
use crate::value::{Dimension, Version};

/// A parameter of a profile.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: TermType,
    /// What it means.
    pub help: Option<String>,
    /// Where it is declared.
    pub place: Place,
    /// Its value where nothing is set.
    pub default: Option<Given>,
    min: Option<Condition>,
    max: Option<Condition>,
    one_of: Vec<(Term, Place)>,
    default_place: Place,
}

impl Param {
    /// The values that it can have, where they are a list.
    #[must_use]
    pub fn choices(&self) -> Vec<String> {
        match self.kind {
            TermType::Bool => vec!["true".to_owned(), "false".to_owned()],
            _ => self.one_of.iter().map(|(term, _)| written(term)).collect(),
        }
    }
}

/// A value as `--set` takes it: a text without quotes.
fn written(term: &Term) -> String {
    match term {
        Term::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value that a profile gives.
#[derive(Debug)]
pub enum Given {
    /// Known already.
    Term(Term),
    /// Computed from facts.
    Computed(Condition),
}

/// A value from the command line: `--set NAME=VALUE`.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The parameter.
    pub name: String,
    /// Its value, as it was written.
    pub value: String,
    /// The whole word, for messages.
    pub place: Place,
}

impl Setting {
    /// Reads `NAME=VALUE`.
    ///
    /// # Errors
    /// There is no `=`, or nothing before it.
    pub fn parse(word: &str, sources: &mut Sources) -> Result<Self, Diagnostic> {
        let id = sources.add("--set", word, Origin::CommandLine);
        let place = Place {
            source: id,
            start: 0,
            end: u32::try_from(word.len()).unwrap_or(u32::MAX),
        };
        match word.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Self {
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
                place,
            }),
            _ => Err(Diagnostic::at(place, "`--set` takes NAME=VALUE")
                .label("no `=` with a name before it")
                .help("for example --set connections=20000")),
        }
    }
}

/// Reads the declarations of a profile.
pub fn read(entries: &[Entry], sources: &Sources, sink: &mut Diagnostics) -> Vec<Param> {
    let facts = Names::new(Vec::new());
    entries
        .iter()
        .filter_map(|entry| read_one(entry, &facts, sources, sink))
        .collect()
}

fn read_one(entry: &Entry, facts: &Names, sources: &Sources, sink: &mut Diagnostics) -> Option<Param> {
    let table = entry.value.table()?;
    shape::check_table(
        table,
        entry.value.place,
        fields::PARAM,
        &format!("the parameter `{}`", entry.key),
        &|_| false,
        &[],
        sink,
    );
    let declared = match table.get("type").and_then(Raw::text) {
        Some("number") => Some(TermType::Number(Dimension::None)),
        Some("text") => Some(TermType::Text),
        Some("version") => Some(TermType::Version),
        Some("bool") => Some(TermType::Bool),
        _ => None,
    };
    let mut default = None;
    let mut kind = declared.unwrap_or(TermType::Number(Dimension::None));
    if let Some(raw) = table.get("default") {
        (default, kind) = read_default(raw, declared, facts, sources, sink)?;
    }
    let mut bound = |name: &str| -> Option<Condition> {
        let raw = table.get(name)?;
        let (condition, found) = expression(raw, facts, sources, sink)?;
        if found != kind {
            let mismatch = Diagnostic::at(raw.place, format!("`{name}` is not of the parameter's type")).label(
                format!("this is {}, and the parameter is {}", describe(found), describe(kind)),
            );
            sink.push(match (&raw.data, kind) {
                (Data::Integer(number), TermType::Number(Dimension::Time)) => mismatch.help(with_unit(*number)),
                _ => mismatch,
            });
            return None;
        }
        Some(condition)
    };
    let (min, max) = (bound("min"), bound("max"));
    let mut one_of = Vec::new();
    if let Some(Data::List(list)) = table.get("one_of").map(|raw| &raw.data) {
        one_of.extend(list.iter().filter_map(|raw| Some((literal(raw, kind)?, raw.place))));
    }
    Some(Param {
        name: entry.key.clone(),
        kind,
        help: table.get("help").and_then(Raw::text).map(str::to_owned),
        place: entry.key_place,
        default,
        min,
        max,
        one_of,
        default_place: table.get("default").map_or(entry.key_place, |raw| raw.place),
    })
}

fn read_default(
    raw: &Raw,
    declared: Option<TermType>,
    facts: &Names,
    sources: &Sources,
    sink: &mut Diagnostics,
) -> Option<(Option<Given>, TermType)> {
    let mismatch = |sink: &mut Diagnostics, kind: TermType| {
        sink.push(
            Diagnostic::at(raw.place, "the default is not of the parameter's type").label(format!(
                "this is {}, and the type is {}",
                raw.kind(),
                describe(kind)
            )),
        );
        None
    };
    match (&raw.data, declared) {
        (Data::Bool(flag), None | Some(TermType::Bool)) => Some((Some(Given::Term(Term::Bool(*flag))), TermType::Bool)),
        (Data::Text(text), Some(TermType::Text)) => Some((Some(Given::Term(Term::Text(text.clone()))), TermType::Text)),
        (Data::Text(text), Some(TermType::Version)) => Some((
            Some(Given::Term(Term::Version(Version::parse(text)))),
            TermType::Version,
        )),
        (Data::Text(text), None) => {
            // A quantity or an expression over facts, if it is one; else a word.
            let is_expression = Expr::parse(text).is_ok_and(|expr| expr.check(facts).is_ok());
            if !is_expression {
                return Some((Some(Given::Term(Term::Text(text.clone()))), TermType::Text));
            }
            let (condition, kind) = expression(raw, facts, sources, sink)?;
            Some((Some(Given::Computed(condition)), kind))
        }
        (Data::Integer(_) | Data::Text(_), None | Some(TermType::Number(_))) => {
            let (condition, kind) = expression(raw, facts, sources, sink)?;
            match (kind, declared) {
                (TermType::Number(_), _) | (_, None) => Some((Some(Given::Computed(condition)), kind)),
                (_, Some(declared)) => mismatch(sink, declared),
            }
        }
        (_, Some(kind)) => mismatch(sink, kind),
        (_, None) => None,
    }
}

/// What to write instead of a number without a unit, where a time is needed. Most times in profiles are seconds.
fn with_unit(number: i128) -> String {
    format!("a time needs its unit: did you mean `{number}s`?")
}

fn literal(raw: &Raw, kind: TermType) -> Option<Term> {
    match (&raw.data, kind) {
        (Data::Text(text), TermType::Text) => Some(Term::Text(text.clone())),
        (Data::Text(text), TermType::Version) => Some(Term::Version(Version::parse(text))),
        (Data::Bool(flag), TermType::Bool) => Some(Term::Bool(*flag)),
        (Data::Integer(number), _) => Some(Term::Number {
            amount: *number,
            dimension: Dimension::None,
        }),
        (Data::Text(text), _) => Expr::parse(text).ok()?.eval(&NoNames).ok(),
        _ => None,
    }
}

struct NoNames;

impl Environment for NoNames {
    fn value(&self, name: &str) -> Result<Term, String> {
        Err(format!("`{name}` has no value here"))
    }
    fn sysctl(&self, key: &str) -> Result<Term, String> {
        Err(format!("`{key}` is not known here"))
    }
}

/// The values that a profile's parameters have in this run, and the machine's facts: what its expressions may name.
pub struct Values<'a> {
    /// What each is, or why nobody can tell.
    params: Vec<(String, Result<Term, String>)>,
    host: &'a Host<'a>,
}

impl std::fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values")
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

impl Values<'_> {
    /// The values of the parameters that have one here, by name.
    pub fn params(&self) -> impl Iterator<Item = (&str, &Term)> {
        self.params
            .iter()
            .filter_map(|(name, term)| Some((name.as_str(), term.as_ref().ok()?)))
    }
}

impl Environment for Values<'_> {
    fn value(&self, name: &str) -> Result<Term, String> {
        match self.params.iter().find(|(known, _)| known == name) {
            Some((_, term)) => term.clone(),
            None => match self.host.fact(name) {
                Some(fact) => fact.map_err(|failure| failure.to_string()),
                None => Err("there is no such fact".to_owned()),
            },
        }
    }

    fn sysctl(&self, key: &str) -> Result<Term, String> {
        let text = self
            .host
            .system
            .sysctl(key)
            .map_err(|failure| format!("{key}: {failure}"))?;
        match text
            .split_ascii_whitespace()
            .next()
            .and_then(|word| word.parse::<i128>().ok())
        {
            Some(amount) => Ok(Term::Number {
                amount,
                dimension: Dimension::None,
            }),
            None => Err(format!("{key} is not a number")),
        }
    }
}

/// Gives each parameter its value: what is set, else the default; and checks it against its bounds.
pub fn evaluate<'a>(params: &[Param], settings: &[Setting], host: &'a Host<'a>, sink: &mut Diagnostics) -> Values<'a> {
    let mut values = Values {
        params: Vec::new(),
        host,
    };
    let facts = Values {
        params: Vec::new(),
        host,
    };
    for param in params {
        let setting = settings.iter().rev().find(|setting| setting.name == param.name);
        let (term, place) = match setting {
            Some(setting) => match from_command_line(param, setting) {
                Ok(term) => (term, setting.place),
                Err(diagnostic) => {
                    sink.push(diagnostic);
                    continue;
                }
            },
            None => match &param.default {
                Some(Given::Term(term)) => (term.clone(), param.default_place),
                Some(Given::Computed(condition)) => match condition.expr.eval(&facts) {
                    Ok(term) => (term, param.default_place),
                    // Rules that use it are unknown; the others are not.
                    Err(EvalError::Unavailable(why)) => {
                        values.params.push((param.name.clone(), Err(why)));
                        continue;
                    }
                    Err(error) => {
                        sink.push(at(condition, error));
                        continue;
                    }
                },
                None => {
                    sink.push(
                        Diagnostic::at(param.place, format!("the parameter `{}` needs a value", param.name))
                            .label("declared without a default")
                            .help(format!("--set {}=...", param.name)),
                    );
                    continue;
                }
            },
        };
        if let Some(diagnostic) = out_of_bounds(param, &term, place, &facts) {
            sink.push(diagnostic);
        }
        values.params.push((param.name.clone(), Ok(term)));
    }
    values
}

fn from_command_line(param: &Param, setting: &Setting) -> Result<Term, Diagnostic> {
    let problem =
        |message: String| Diagnostic::at(setting.place, message).related(param.place, "the parameter is declared here");
    let wrong =
        |what: &str| Err(problem(format!("`{}` must be {what}", param.name)).label(format!("this is not {what}")));
    match param.kind {
        TermType::Text => Ok(Term::Text(setting.value.clone())),
        TermType::Version => Ok(Term::Version(Version::parse(&setting.value))),
        TermType::Bool => match setting.value.as_str() {
            "true" | "yes" | "1" | "on" => Ok(Term::Bool(true)),
            "false" | "no" | "0" | "off" => Ok(Term::Bool(false)),
            _ => wrong("true or false")
                .map_err(|diagnostic| diagnostic.help(format!("for example --set {}=true", setting.name))),
        },
        kind => {
            let term = Expr::parse(&setting.value)
                .ok()
                .and_then(|expr| expr.eval(&NoNames).ok());
            match term {
                Some(term @ Term::Unlimited) => Ok(term),
                Some(Term::Number { amount, dimension }) if kind == TermType::Number(dimension) => {
                    Ok(Term::Number { amount, dimension })
                }
                Some(Term::Number {
                    amount,
                    dimension: Dimension::None,
                }) if kind == TermType::Number(Dimension::Time) => {
                    wrong(describe(kind)).map_err(|diagnostic| diagnostic.help(with_unit(amount)))
                }
                _ => wrong(describe(kind)).map_err(|diagnostic| match notation::meant(&setting.value, kind) {
                    Some(meant) => diagnostic.help(format!("write --set {}={meant}", setting.name)),
                    None => diagnostic.help(format!(
                        "for example --set {}={}",
                        setting.name,
                        notation::example(kind)
                    )),
                }),
            }
        }
    }
}

fn out_of_bounds(param: &Param, term: &Term, place: Place, facts: &Values<'_>) -> Option<Diagnostic> {
    let problem = |what: String| {
        let diagnostic =
            Diagnostic::at(place, format!("`{}` must be {what}", param.name)).label(format!("this is {term}"));
        Some(if place.source == param.place.source {
            diagnostic
        } else {
            diagnostic.related(param.place, "the parameter is declared here")
        })
    };
    if !param.one_of.is_empty() && !param.one_of.iter().any(|(allowed, _)| allowed == term) {
        let allowed: Vec<String> = param.one_of.iter().map(|(allowed, _)| allowed.to_string()).collect();
        return problem(format!("one of {}", allowed.join(", ")));
    }
    for (bound, below, words) in [(&param.min, true, "at least"), (&param.max, false, "at most")] {
        let Some(bound) = bound else { continue };
        let limit = match bound.expr.eval(facts) {
            Ok(limit) => limit,
            // Nobody knows what it must be within, so nobody says that it is not.
            Err(EvalError::Unavailable(_)) => continue,
            Err(error) => return Some(at(bound, error)),
        };
        let outside = match (term, &limit) {
            (Term::Number { amount, .. }, Term::Number { amount: limit, .. }) => {
                if below {
                    amount < limit
                } else {
                    amount > limit
                }
            }
            (Term::Version(version), Term::Version(limit)) => {
                if below {
                    version < limit
                } else {
                    version > limit
                }
            }
            (Term::Unlimited, Term::Number { .. }) => !below,
            _ => false,
        };
        if outside {
            return problem(format!("{words} {limit}"));
        }
    }
    None
}

/// Evaluates an expression; what goes wrong points into it.
///
/// # Errors
/// Overflow, division by zero, a fact or live value that cannot be learned here.
pub fn evaluate_at(condition: &Condition, env: &dyn Environment) -> Result<Term, Diagnostic> {
    condition.expr.eval(env).map_err(|error| at(condition, error))
}

/// What is wrong with an expression, at its place.
fn at(condition: &Condition, error: EvalError) -> Diagnostic {
    match error {
        EvalError::Invalid(error) => {
            let place = if condition.exact {
                condition.raw.part(error.span.clone())
            } else {
                condition.raw
            };
            let diagnostic = Diagnostic::at(place, error.message).label("in this expression");
            match error.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            }
        }
        EvalError::Unavailable(why) => Diagnostic::at(condition.raw, format!("this cannot be computed here: {why}")),
    }
}
