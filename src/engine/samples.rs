//! What is looked at more than once: its samples, with the pauses between them.

use std::any::Any;
use std::time::Duration;

use crate::rule::{Context, Kind, Sampler, Window};

/// The samples of every kind that was asked for.
#[derive(Default)]
pub(super) struct Samples<'a> {
    of: Vec<Taken<'a>>,
}

/// The samples of one kind.
struct Taken<'a> {
    kind: &'static dyn Kind,
    take: Sampler<'a>,
    samples: Vec<Box<dyn Any>>,
}

impl<'a> Samples<'a> {
    /// Begins to take samples of kinds, each once.
    pub(super) fn begin(kinds: impl Iterator<Item = &'static dyn Kind>, cx: &Context<'a>) -> Self {
        let mut samples = Self::default();
        for kind in kinds {
            if !samples.of.iter().any(|taken| taken.kind.name() == kind.name()) {
                let take = kind.sampler(cx);
                samples.of.push(Taken {
                    kind,
                    take,
                    samples: Vec::new(),
                });
            }
        }
        samples
    }

    /// Both ends of a window, with one pause for all kinds.
    pub(super) fn take(&mut self, window: Duration, cx: &Context<'_>) {
        if self.of.is_empty() {
            return;
        }
        self.once();
        cx.system.pause(window);
        self.once();
    }

    fn once(&mut self) {
        for taken in &mut self.of {
            taken.samples.push((taken.take)());
        }
    }

    /// What was seen of a kind.
    pub(super) fn window(&self, kind: &dyn Kind) -> Option<Window<'_>> {
        let taken = self.of.iter().find(|taken| taken.kind.name() == kind.name())?;
        Window::new(&taken.samples)
    }
}
