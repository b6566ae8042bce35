//! A file that is read again and again, as counters are that are looked at during a time.

use super::{Failure, System};

/// A file that is kept at hand.
pub trait Reread {
    /// The whole of it, as it is now.
    ///
    /// # Errors
    /// Any [`Failure`]; a later reading may succeed.
    fn read(&mut self) -> Result<Vec<u8>, Failure>;
}

/// A file that is looked up by its path each time: of a machine that is not live, opening costs nothing.
pub(super) struct ByPath<'s, S: ?Sized> {
    pub(super) system: &'s S,
    pub(super) path: String,
}

impl<S: System + ?Sized> Reread for ByPath<'_, S> {
    fn read(&mut self) -> Result<Vec<u8>, Failure> {
        self.system.read(&self.path)
    }
}
