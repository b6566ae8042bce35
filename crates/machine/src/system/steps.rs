//! Every single thing that is done to a machine or its disk, counted, so that tests can make any one of them go wrong.

use std::cell::Cell;
use std::rc::Rc;

use super::Failure;

/// What goes wrong, and when; steps are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mishap {
    /// Nothing.
    #[default]
    None,
    /// One step fails with an errno, and nothing of it is done.
    Fails(u32, i32),
    /// The process is killed before a step: neither it nor anything after it is done.
    Dies(u32),
}

/// The steps of one process, shared by everything that it acts on.
#[derive(Debug, Clone, Default)]
pub struct Steps(Rc<State>);

#[derive(Debug, Default)]
struct State {
    taken: Cell<u32>,
    mishap: Cell<Mishap>,
    dead: Cell<bool>,
}

impl Steps {
    /// Starts counting anew: another process, with its own mishap.
    pub fn start(&self, mishap: Mishap) {
        self.0.taken.set(0);
        self.0.mishap.set(mishap);
        self.0.dead.set(false);
    }

    /// How many steps were taken.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.0.taken.get()
    }

    /// Whether the process was killed.
    #[must_use]
    pub fn died(&self) -> bool {
        self.0.dead.get()
    }

    /// Takes a step.
    ///
    /// # Errors
    /// It is the one that goes wrong, or the process is dead.
    pub fn take(&self) -> Result<(), Failure> {
        if self.0.dead.get() {
            return Err(Failure::Io(libc::EINTR));
        }
        let now = self.0.taken.get();
        self.0.taken.set(now + 1);
        match self.0.mishap.get() {
            Mishap::Fails(step, errno) if step == now => Err(match errno {
                libc::EACCES | libc::EPERM => Failure::Denied(errno),
                other => Failure::Io(other),
            }),
            Mishap::Dies(step) if step == now => {
                self.0.dead.set(true);
                Err(Failure::Io(libc::EINTR))
            }
            _ => Ok(()),
        }
    }
}
