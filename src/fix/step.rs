//! One change of a plan.

use super::parameter::{Parameter, State};
use crate::change::Scope;

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
}
