//! The keys of a profile, described once: the reader checks against them and the schema is made from them.

use crate::document::shape::{Field, Shape, optional, required};

/// The severities, least first.
pub const SEVERITIES: &[&str] = &["note", "warning", "error"];

/// What a vendor does about it.
pub const VENDOR: &[&str] = &["refuses", "degrades", "warns", "recommends", "sets"];

/// What a rule against a setting says of it.
pub const ADVICE: &[&str] = &["no-effect", "harmful", "misunderstood"];

/// The types that a parameter can have.
pub const PARAM_TYPES: &[&str] = &["number", "text", "version", "bool"];

/// A profile.
pub static PROFILE: &[Field] = &[
    optional("summary", Shape::Text, "What the profile is for, in one line."),
    optional(
        "extends",
        Shape::List(&Shape::Text),
        "Profiles whose rules and parameters this one takes over: names, or paths relative to this file.",
    ),
    optional(
        "disable",
        Shape::List(&Shape::Text),
        "Ids of inherited rules that this profile drops.",
    ),
    optional(
        "when",
        Shape::Condition,
        "The rules of this file apply only where this condition holds.",
    ),
    optional(
        "params",
        Shape::Map(PARAM),
        "Parameters that expressions may use, and `--set` may change.",
    ),
    optional("rule", Shape::List(&Shape::Rule), "The rules."),
    optional(
        "waive",
        Shape::List(&Shape::Table(WAIVE)),
        "Rules that are accepted as they are for now.",
    ),
];

/// A parameter.
pub static PARAM: &[Field] = &[
    optional(
        "default",
        Shape::Scalar,
        "Its value where `--set` gives none: a number, an expression over facts, a text or a boolean.",
    ),
    optional("min", Shape::Expression, "The least that it may be."),
    optional("max", Shape::Expression, "The most that it may be."),
    optional("one_of", Shape::List(&Shape::Scalar), "The values that it may have."),
    optional(
        "type",
        Shape::OneOf(PARAM_TYPES),
        "Its type, where the default does not tell.",
    ),
    optional("help", Shape::Text, "What it means, for a person."),
];

/// A rule. Besides these, it names exactly one kind of subject.
pub static RULE: &[Field] = &[
    required(
        "id",
        Shape::Name,
        "The rule's name, unique in the profile. A rule with the id of an inherited one changes it.",
    ),
    optional(
        "when",
        Shape::Condition,
        "The rule applies only where this condition holds.",
    ),
    optional(
        "severity",
        Shape::OneOf(SEVERITIES),
        "How much it matters; `error` where neither the rule nor an inherited one says anything: who writes a rule means it.",
    ),
    optional(
        "vendor",
        Shape::OneOf(VENDOR),
        "What the vendor of the software does about it.",
    ),
    optional(
        "advice",
        Shape::OneOf(ADVICE),
        "For a rule that speaks against a setting: what is wrong with it.",
    ),
    optional("why", Shape::Text, "Why, in one sentence."),
    optional("source", Shape::Text, "Where that is documented: a URL."),
    optional(
        "remedy",
        Shape::Text,
        "What to do, where changing a setting cannot do it.",
    ),
];

/// A waiver.
pub static WAIVE: &[Field] = &[
    required("rule", Shape::Text, "The id of the rule that is waived."),
    required("reason", Shape::Text, "Why this is accepted."),
    optional("until", Shape::Date, "The last day on which the waiver holds, UTC."),
];

/// Keys that may stand beside the comparators.
pub static MODIFIERS: &[Field] = &[
    optional(
        "unit",
        Shape::Text,
        "The unit of the subject's numbers, where the catalogue does not know it.",
    ),
    optional(
        "field",
        Shape::Scalar,
        "The field of a tuple that is compared: its name, or its number counted from 1.",
    ),
    optional(
        "prefer",
        Shape::Scalar,
        "What a fix should write where the comparators leave a choice.",
    ),
];
