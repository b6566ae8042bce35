//! The controlling terminal: who is in the foreground, and who should be.
//!
//! The child has a process group of its own, so that a signal to the supervisor reaches it once and not twice. On a terminal
//! it must then be put into the foreground, or it could not read; but only if the supervisor was there: a background job stays
//! in the background.

use std::os::fd::RawFd;

use super::sys::{self, Errno};

/// The terminal that the supervisor was started on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    descriptor: RawFd,
    /// The supervisor's own group.
    group: i32,
    /// Whether the child shall have the foreground from the start.
    pub(crate) eager: bool,
    /// Whether the child has been given the foreground.
    handed: bool,
}

impl Terminal {
    /// The controlling terminal, if there is one: one of the standard descriptors mostly, else what `/dev/tty` opens.
    pub(crate) fn find() -> Option<Terminal> {
        let standard = (0..3).find_map(|descriptor| Some((descriptor, sys::foreground(descriptor).ok()?)));
        let (descriptor, foreground) = match standard {
            Some((descriptor, foreground)) => (descriptor, foreground),
            None => {
                let opened = sys::open(c"/dev/tty", libc::O_RDWR | libc::O_NOCTTY).ok()?;
                let Ok(foreground) = sys::foreground(opened) else {
                    sys::close(opened);
                    return None;
                };
                (opened, foreground)
            }
        };
        let group = sys::process_group();
        // In a pipeline another process of our group may be the one that reads the terminal (`runup exec --init -- x | less`).
        // The child gets the foreground there when it asks, by being stopped for reading in the background.
        let alone = sys::is_session_leader() || (sys::is_terminal(0) && sys::is_terminal(1));
        Some(Terminal {
            descriptor,
            group,
            eager: foreground == group && alone,
            handed: false,
        })
    }

    /// Whether the supervisor's own group is in the foreground.
    pub(crate) fn is_ours(&self) -> bool {
        sys::foreground(self.descriptor) == Ok(self.group)
    }

    /// Puts the child's group into the foreground. Every signal is blocked, SIGTTOU too, or this would stop the caller.
    pub(crate) fn hand_over(&mut self, child: i32) -> Result<(), Errno> {
        sys::set_foreground(self.descriptor, child)?;
        self.handed = true;
        Ok(())
    }

    /// Notes that the child has taken the foreground by itself, right after the fork.
    pub(crate) fn note_handed(&mut self) {
        self.handed = true;
    }

    /// Whether the child has had the foreground, and should have it again when the supervisor gets it back.
    pub(crate) fn was_handed(&self) -> bool {
        self.handed
    }

    /// Takes the foreground back, if the child's group has it: whoever runs next in our group, such as the rest of a script,
    /// would otherwise find itself in the background.
    pub(crate) fn take_back(&self, child: i32) {
        if self.handed && sys::foreground(self.descriptor) == Ok(child) {
            let _ = sys::set_foreground(self.descriptor, self.group);
        }
    }
}
