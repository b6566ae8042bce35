//! Changing a machine, and being able to undo it.
//!
//! ```text
//! report ──> plan ──> apply ──> journal ──> revert
//!            │          │                     │
//!            overlay    └──────── undo ───────┘      parameter: one thing that can be set
//! ```
//!
//! `persist` makes changes last beyond the next boot, in files.
//!
//! A plan is made without touching anything. `apply` writes the journal first, then each change, reads each back, and on any
//! failure puts everything back. `revert` does that later. Both go through `undo`, which touches nothing that somebody else has
//! changed since.

pub mod apply;
pub mod disk;
mod draft;
pub mod guard;
pub mod journal;
mod live_disk;
mod memory_disk;
mod order;
mod parameter;
mod permit;
pub mod persist;
mod place;
pub mod plan;
pub mod programs;
pub mod revert;
pub mod room;
mod sealed;
mod standing;
mod step;
mod undo;
pub mod units;
mod winning;

pub use live_disk::LiveDisk;
pub use memory_disk::MemoryDisk;
pub use parameter::{Parameter, State};
pub use place::Place;
pub use standing::{Standing, is_over, standing};
pub use step::Step;
pub use undo::Undone;
