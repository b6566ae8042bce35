//! What a kind saw again and again during a time.

use std::any::Any;

/// Takes one sample; what it needs to look at stays open between two.
pub type Sampler<'a> = Box<dyn FnMut() -> Box<dyn Any> + 'a>;

/// Samples of one kind, oldest first. `check` takes two, at both ends of `--window`.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a>(&'a [Box<dyn Any>]);

impl<'a> Window<'a> {
    /// `None` where there are no samples.
    #[must_use]
    pub fn new(samples: &'a [Box<dyn Any>]) -> Option<Self> {
        (!samples.is_empty()).then_some(Self(samples))
    }

    /// The newest sample; `None` where it is of another kind.
    #[must_use]
    pub fn newest<S: 'static>(self) -> Option<&'a S> {
        self.0.last()?.downcast_ref()
    }

    /// The oldest and the newest sample, between which there was time.
    #[must_use]
    pub fn ends<S: 'static>(self) -> Option<(&'a S, &'a S)> {
        match self.0 {
            [oldest, .., newest] => Some((oldest.downcast_ref()?, newest.downcast_ref()?)),
            _ => None,
        }
    }

    /// The windows that ended at each of the earlier samples.
    pub fn earlier(self) -> impl Iterator<Item = Window<'a>> {
        (1..self.0.len()).map(move |count| Window(&self.0[..count]))
    }
}
