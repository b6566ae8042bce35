//! Errors that point into a profile: what, where, why, and what to do next.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::source::{Origin, Place, Sources};

/// One mistake in a profile or in what the command line says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one line.
    pub message: String,
    /// Where; `None` when it is in no text (an unknown profile on the command line).
    pub place: Option<Place>,
    /// What stands at the place, in few words.
    pub label: String,
    /// Other places that explain it.
    pub related: Vec<(Place, String)>,
    /// What to do next.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at a place.
    #[must_use]
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: Some(place),
            label: String::new(),
            related: Vec::new(),
            help: None,
        }
    }

    /// A mistake that is in no text.
    #[must_use]
    pub fn general(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: None,
            label: String::new(),
            related: Vec::new(),
            help: None,
        }
    }

    /// Says in few words what stands at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Suggests a name that is close, or lists what there is where nothing is.
    #[must_use]
    pub fn suggest<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>, what: &str) -> Self {
        let candidates: Vec<&str> = candidates.into_iter().collect();
        match crate::suggest::nearest(word, candidates.iter().copied()) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None if candidates.is_empty() => self,
            None => {
                let shown: Vec<String> = candidates.iter().take(16).map(|name| format!("`{name}`")).collect();
                let more = if candidates.len() > 16 { ", ..." } else { "" };
                self.help(format!("{what}: {}{more}", shown.join(", ")))
            }
        }
    }

    /// Points to another place that explains it.
    #[must_use]
    pub fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }
}

/// Collects mistakes, so that all of a file's are reported in one pass.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. The same mistake at the same place is kept once (two profiles may extend the same broken one).
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, in the order of their places.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| d.place.map(|p| (p.source, p.start, p.end)));
        self.list
    }
}

/// Renders mistakes for a terminal or a file, each with `file:line:column` and the line underlined.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    render_within(diagnostics, sources, colour, usize::MAX)
}

/// The same, where a line has so many columns: sentences are folded, and the lines that they point to are not.
#[must_use]
pub fn render_within(diagnostics: &[Diagnostic], sources: &Sources, colour: bool, columns: usize) -> String {
    let fold = |text: &str, before: usize| crate::text::fold(text, columns.saturating_sub(before), 0);
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        let message = fold(&diagnostic.message, "error: ".len());
        let title = Level::ERROR.primary_title(message.as_str());
        let mut group = Group::with_title(title);
        if let Some(place) = diagnostic.place {
            let source = sources.get(place.source);
            let name = in_a_line(&source.display_name());
            let mut snippet = Snippet::source(source.text.as_str())
                .path(name)
                .line_start(1)
                .fold(true)
                .annotation(
                    AnnotationKind::Primary
                        .span(visible_span(&source.text, place))
                        .label(nonempty(&diagnostic.label)),
                );
            for (other, label) in diagnostic
                .related
                .iter()
                .filter(|(other, _)| other.source == place.source)
            {
                snippet = snippet.annotation(
                    AnnotationKind::Context
                        .span(visible_span(&source.text, *other))
                        .label(nonempty(label)),
                );
            }
            group = group.element(snippet);
            for (other, label) in diagnostic
                .related
                .iter()
                .filter(|(other, _)| other.source != place.source)
            {
                let source = sources.get(other.source);
                group = group.element(
                    Snippet::source(source.text.as_str())
                        .path(in_a_line(&source.display_name()))
                        .line_start(1)
                        .fold(true)
                        .annotation(
                            AnnotationKind::Context
                                .span(visible_span(&source.text, *other))
                                .label(nonempty(label)),
                        ),
                );
            }
            if source.origin == Origin::BuiltIn {
                group = group.element(Level::NOTE.message(format!("`runup show {}` prints this profile", source.name)));
            }
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(fold(help, "    = help: ".len())));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    out
}

/// A file's name for a terminal: the renderer takes care of everything else.
fn in_a_line(name: &str) -> String {
    crate::text::printable(name).replace('\n', "\\n")
}

fn nonempty(label: &str) -> Option<&str> {
    (!label.is_empty()).then_some(label)
}

/// A span that the renderer can underline: inside the text, on character boundaries, and no more than one line long.
fn visible_span(text: &str, place: Place) -> std::ops::Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(place.start as usize);
    let end = floor(place.end as usize).max(start);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    start..end.min(line_end).max(start)
}
