//! What the rules, and what the kernel ties together, come to for each setting: the one place where rules about one thing meet.
//!
//! Every rule asks for something of a metric of a concrete subject: a [`Claim`](claim::Claim). Claims meet where they are about the
//! same [`Thing`](thing::Thing), whatever kind of rule makes them. From there:
//!
//! * [`clash`] finds claims that no value satisfies: the conflicts of a report, the contradictions of an export;
//! * [`agree`] gives the fixes of several findings one value, from which a plan takes its steps;
//! * [`wishes`] chooses the values that a file for another place, or for the next boot, sets.
//!
//! Everything is looked up by the thing that it is about, so that the work grows with the number of rules and no faster.

mod agree;
mod choice;
mod claim;
mod clash;
mod group;
mod groups;
mod left;
mod range;
mod thing;
mod wanted;
mod wishes;

pub(super) use agree::agree;
pub(super) use clash::conflicts;
pub use range::Demand;
pub use wanted::{Asker, Contradiction, LeftOver, Wanted, Wishes};
