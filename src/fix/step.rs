//! One change of a plan.

use super::parameter::{Parameter, State};
use crate::change::Scope;
use crate::engine::Demand;

/// One change that will be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Of what.
    pub parameter: Parameter,
    /// What is there.
    pub before: State,
    /// What will be written.
    pub to: String,
    /// Whom it reaches.
    pub scope: Scope,
    /// The rules that ask for it: `profile/rule`.
    pub by: Vec<String>,
    /// What the kernel changes along with it.
    pub effects: Vec<(Parameter, State)>,
    /// How it does that.
    pub effects_how: &'static str,
    /// How it could stop the machine, which somebody agreed to.
    pub dangers: Vec<String>,
    /// What all rules leave open of it: what the kernel makes of the value may do as well. `None` where only the value itself does.
    pub demand: Option<Demand>,
}

impl Step {
    /// Whether every rule is content with what the kernel made of the value: it rounds some, to pages or to its ticks.
    #[must_use]
    pub fn would_do(&self, became: &str) -> bool {
        self.demand.as_ref().is_some_and(|demand| demand.holds(became))
    }
}
