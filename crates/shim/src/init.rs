//! The supervisor: starts the program as its child, sends on what it gets, reaps what is left, and ends as the child did.
//!
//! Every signal is blocked first of all and stays so; the loop takes them one by one from `sigtimedwait`, and sleeps there. No
//! handler is ever installed, nothing is polled. Whatever the program needs (limits, another user, a profile) is prepared in
//! the child, so that it neither binds the supervisor nor stays in its memory.

use std::time::{Duration, Instant};

use super::message;
use super::privileges::watch_parent;
use super::reap::{self, Round};
use super::signals::Signal;
use super::state::{self, bit};
use super::supervision::{Place, Supervision, Verbosity};
use super::sys::{self, Fork, Received, Status};
use super::terminal::Terminal;
use runup_machine::failure::describe_errno;

/// After so many signals in a row the children are looked at, whether or not the kernel says so: it hands out signals by
/// number, and SIGCHLD could wait for ever behind an endless stream of a lower one.
const LOOK_AFTER: u32 = 32;

struct Supervisor<'a> {
    how: &'a Supervision,
    place: Place,
    child: i32,
    /// Set once the child has been reaped. Its process id may be somebody else's from then on.
    ended: Option<Status>,
    children_left: bool,
    terminal: Option<Terminal>,
    /// When the child is killed.
    deadline: Option<Instant>,
    killed_by_us: bool,
    /// What was sent to the child, to tell an expected death from a surprise.
    sent: u64,
    /// Signals of which the next one is the kernel's echo of giving up the terminal.
    skip_once: u64,
}

/// Runs `become_program` in a child and supervises that. Returns the exit status for this process.
///
/// `become_program` replaces the child by the program and returns only the status to end with if it cannot, having said why.
pub fn supervise(how: &Supervision, become_program: &mut dyn FnMut() -> u8) -> u8 {
    state::block_all();
    if cfg!(not(target_os = "linux")) {
        message::say(
            how.voice.prefix(),
            format_args!("staying as init works on Linux only\n  help: leave --init out here"),
        );
        return how.voice.own_failure();
    }
    if state::was_ignored(libc::SIGCHLD) {
        // The kernel would reap the children by itself, and throw their exit statuses away.
        sys::set_ignored(libc::SIGCHLD, false);
    }
    let Ready {
        place,
        mut terminal,
        skip_once,
    } = match set_up(how) {
        Ok(ready) => ready,
        Err(status) => return status,
    };
    let (reader, writer) = match sys::pipe() {
        Ok(ends) => ends,
        Err(errno) => return fail(how, "cannot make a pipe", errno),
    };
    let child = match sys::fork() {
        Err(errno) => return fail(how, "cannot start a process", errno),
        Ok(Fork::Child) => {
            sys::close(reader);
            settle(place, terminal.as_mut());
            let status = become_program();
            // What the status means is told apart from a status of the program by its way through the pipe.
            let _ = sys::write(writer, &[status]);
            sys::exit_now(status)
        }
        Ok(Fork::Parent(child)) => child,
    };
    sys::close(writer);
    if place == Place::OwnGroup {
        // As the child does: whichever comes first, a signal to the group finds it. EACCES means that the child was first.
        let _ = sys::own_group(child);
        if let Some(terminal) = terminal.as_mut().filter(|terminal| terminal.eager) {
            terminal.note_handed();
        }
    }
    sys::leave_directory();
    how.say(Verbosity::Steps, format_args!("started the program as process {child}"));
    let supervisor = Supervisor {
        how,
        place,
        child,
        ended: None,
        children_left: true,
        terminal,
        deadline: None,
        killed_by_us: false,
        sent: 0,
        skip_once,
    };
    supervisor.run(reader)
}

fn fail(how: &Supervision, what: &str, errno: i32) -> u8 {
    let help = if errno == libc::EAGAIN {
        "\n  help: the limit on processes is reached: raise pids.max or nproc"
    } else {
        ""
    };
    message::say(
        how.voice.prefix(),
        format_args!("{what}: {}{help}", describe_errno(errno)),
    );
    how.voice.own_failure()
}

/// What is settled before the fork.
struct Ready {
    place: Place,
    terminal: Option<Terminal>,
    skip_once: u64,
}

/// What concerns the supervisor itself, before the fork.
fn set_up(how: &Supervision) -> Result<Ready, u8> {
    if let Some(signal) = how.parent_death {
        watch_parent(signal, sys::parent_pid()).map_err(|errno| fail(how, "cannot watch the parent process", errno))?;
    }
    if how.subreaper {
        sys::become_subreaper().map_err(|errno| fail(how, "cannot become a subreaper", errno))?;
    } else if how.warn_unless_reaper && sys::pid() != 1 && !sys::is_subreaper() {
        how.say(
            Verbosity::Notes,
            format_args!("not PID 1 and not a subreaper: orphans go elsewhere, so zombie reaping won't work; add -s or set TINI_SUBREAPER"),
        );
    }
    let ready = |place, terminal, skip_once| {
        Ok(Ready {
            place,
            terminal,
            skip_once,
        })
    };
    match how.place {
        Place::OwnGroup => match Terminal::find() {
            // Leading the session, as PID 1 of a container with a terminal does, there is no shell above that could continue
            // a stopped job, and the kernel stops none in such a group. It would in one whose parent is another group's
            // member, for ever; so the child stays in ours, and what the terminal sends reaches it without our help.
            Some(_) if sys::is_session_leader() && !how.to_group => ready(Place::SameGroup, None, 0),
            terminal => ready(Place::OwnGroup, terminal, 0),
        },
        Place::OwnSession if sys::detach_terminal(0).is_ok() && sys::is_session_leader() => {
            how.say(
                Verbosity::Everything,
                format_args!("gave up the terminal; the SIGHUP and SIGCONT that this brings are not sent on"),
            );
            ready(Place::OwnSession, None, bit(libc::SIGHUP) | bit(libc::SIGCONT))
        }
        place => ready(place, None, 0),
    }
}

/// In the child: its group or session, and the terminal.
fn settle(place: Place, terminal: Option<&mut Terminal>) {
    match place {
        Place::OwnGroup => {
            let _ = sys::own_group(0);
            if let Some(terminal) = terminal.filter(|terminal| terminal.eager) {
                let _ = terminal.hand_over(sys::pid());
            }
        }
        Place::OwnSession => {
            let _ = sys::new_session();
            let _ = sys::attach_terminal(0);
        }
        Place::SameGroup => {}
    }
}

impl Supervisor<'_> {
    fn run(mut self, reader: i32) -> u8 {
        let mut in_a_row = 0;
        let mut unreaped = false;
        loop {
            // While there is more to reap, signals are only looked at, one for each round, and SIGCHLD has nothing to add.
            let (set, timeout) = if unreaped {
                (!bit(libc::SIGCHLD), Some(Duration::ZERO))
            } else {
                (u64::MAX, self.time_left())
            };
            let look = match sys::wait_signal(set, timeout) {
                Ok(received) if received.signal() == libc::SIGCHLD => true,
                Ok(received) => {
                    self.receive(&received);
                    in_a_row += 1;
                    in_a_row >= LOOK_AFTER || unreaped
                }
                Err(libc::EAGAIN) if !unreaped => {
                    self.grace_is_over();
                    false
                }
                Err(_) => unreaped,
            };
            if look {
                in_a_row = 0;
                unreaped = self.reap();
                if let Some(status) = self.ended
                    && (!self.how.wait_for_all || !self.children_left)
                {
                    return self.finish(status, reader);
                }
            }
        }
    }

    fn time_left(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// One round of reaping; whether there may be more.
    fn reap(&mut self) -> bool {
        let mut stopped = None;
        let round = {
            let (how, child, ended) = (self.how, self.child, &mut self.ended);
            reap::round(&mut |pid, status| match status {
                Status::Stopped(signal) if pid == child && ended.is_none() => stopped = Some(signal),
                Status::Stopped(_) => {}
                _ if pid == child && ended.is_none() => *ended = Some(status),
                _ => {
                    let level = if how.warn_on_reap {
                        Verbosity::Notes
                    } else {
                        Verbosity::Everything
                    };
                    how.say(
                        level,
                        format_args!(
                            "Reaped zombie process with pid={pid}, status {}",
                            reap::exit_status(status)
                        ),
                    );
                }
            })
        };
        if let (Some(signal), None) = (stopped, self.ended) {
            self.child_stopped(signal);
        }
        self.children_left = !matches!(round, Round::NoChildren);
        matches!(round, Round::More)
    }

    /// Whom signals go to, as `kill` wants it; nobody when the child is gone and its number may be another's.
    fn target(&self, whole_group: bool) -> Option<i32> {
        match self.ended {
            None if whole_group => Some(-self.child),
            None => Some(self.child),
            // As PID 1, whatever is left in the container is ours; elsewhere what is left of the group.
            Some(_) if sys::pid() == 1 => Some(-1),
            Some(_) if whole_group => Some(-self.child),
            Some(_) => None,
        }
    }

    fn receive(&mut self, received: &Received) {
        let Some(signal) = Signal::from_number(received.signal()) else {
            return;
        };
        let number = signal.number();
        if self.skip_once & bit(number) != 0 {
            self.skip_once &= !bit(number);
            return;
        }
        // Our own: SIGPIPE of a message to a closed standard error, a SIGTSTP to our group.
        if received.sender() == Some(sys::pid()) {
            return;
        }
        let from_terminal = received.sent_by_kernel()
            && matches!(number, libc::SIGINT | libc::SIGQUIT | libc::SIGTSTP | libc::SIGWINCH);
        if number == libc::SIGCONT && self.take_up_again() {
            return;
        }
        // In our own group the child has got from the terminal what we have got.
        if !(from_terminal && self.place == Place::SameGroup) {
            self.forward(signal, received, from_terminal);
        }
        if self.how.stops_itself && matches!(number, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU) {
            let _ = sys::kill(sys::pid(), libc::SIGSTOP);
        }
        if !from_terminal && matches!(number, libc::SIGTERM | libc::SIGINT | libc::SIGQUIT) && self.deadline.is_none() {
            // Begins with what was received: TERM rewritten to USR1 is still a request to end.
            self.deadline = self.how.grace.and_then(|grace| Instant::now().checked_add(grace));
        }
    }

    fn forward(&mut self, signal: Signal, received: &Received, from_terminal: bool) {
        let Some(to) = self.how.rewrites.get(signal) else {
            self.how
                .say(Verbosity::Everything, format_args!("{signal} is not sent on"));
            return;
        };
        // A terminal means the whole foreground group.
        let group = self.how.to_group || (from_terminal && self.place == Place::OwnGroup);
        let Some(target) = self.target(group) else { return };
        if !from_terminal {
            self.sent |= bit(to.number());
        }
        let with_value = received.has_value() && target > 0 && sys::pass_on(target, to.number(), received).is_ok();
        let sent = if with_value {
            Ok(())
        } else {
            sys::kill(target, to.number())
        };
        match sent {
            Ok(()) if to == signal => self.how.say(Verbosity::Everything, format_args!("{signal} sent on")),
            Ok(()) => self
                .how
                .say(Verbosity::Everything, format_args!("{signal} sent on as {to}")),
            Err(errno) => self.how.say(
                Verbosity::Steps,
                format_args!("{to} could not be sent on: {}", describe_errno(errno)),
            ),
        }
    }

    fn grace_is_over(&mut self) {
        self.deadline = None;
        let seconds = self.how.grace.unwrap_or_default().as_secs_f32();
        self.how.say(
            Verbosity::Notes,
            format_args!("still running {seconds} s after it was asked to end: killed"),
        );
        self.killed_by_us = true;
        // All that is left, and the child itself even where it has left its group.
        for target in [
            self.target(self.how.to_group || self.how.wait_for_all),
            self.target(false),
        ]
        .into_iter()
        .flatten()
        {
            let _ = sys::kill(target, libc::SIGKILL);
        }
    }

    /// The child has been stopped. Under a shell's job control the whole job stops with it.
    fn child_stopped(&mut self, signal: i32) {
        let (child, sent) = (self.child, self.sent);
        let Some(terminal) = self.terminal.as_mut() else { return };
        if matches!(signal, libc::SIGTTIN | libc::SIGTTOU) && terminal.is_ours() {
            // It needs the terminal, and that is ours to give: brought to the foreground by `fg`, or in a pipeline.
            if terminal.hand_over(child).is_ok() {
                let _ = sys::kill(-child, libc::SIGCONT);
                return;
            }
        }
        if terminal.was_handed() && !terminal.is_ours() {
            terminal.take_back(child);
            // What the terminal would have sent to everybody in the pipeline.
            let _ = sys::kill(0, libc::SIGTSTP);
        }
        if stop_as_the_terminal_does() {
            self.take_up_again();
        } else if signal == libc::SIGTSTP && sent & bit(signal) == 0 {
            // Nobody is there who could wake a stopped job (a container's PID 1, an orphaned group): then the kernel stops
            // none, and Ctrl-Z does nothing. The child was only stopped since it has us as its parent.
            if terminal.was_handed() {
                let _ = terminal.hand_over(child);
            }
            let _ = sys::kill(-child, libc::SIGCONT);
        }
    }

    /// SIGCONT came. Whether that was all there is to do: a job that a shell continues goes on as a whole.
    fn take_up_again(&mut self) -> bool {
        let child = self.child;
        let Some(terminal) = self.terminal.as_mut().filter(|_| self.ended.is_none()) else {
            return false;
        };
        if terminal.was_handed() && terminal.is_ours() {
            let _ = terminal.hand_over(child);
        }
        let _ = sys::kill(-child, libc::SIGCONT);
        true
    }

    fn finish(&self, status: Status, reader: i32) -> u8 {
        if let Some(terminal) = &self.terminal {
            terminal.take_back(self.child);
        }
        let mut report = [0];
        if sys::read(reader, &mut report) == Ok(1) {
            return report[0];
        }
        self.describe(status);
        if self.how.terminates_group
            && let Some(signal) = Signal::from_number(libc::SIGTERM).and_then(|term| self.how.rewrites.get(term))
        {
            let _ = sys::kill(-self.child, signal.number());
        }
        self.how.exit_map.get(reap::exit_status(status))
    }

    fn describe(&self, status: Status) {
        let (child, code) = (self.child, reap::exit_status(status));
        match status {
            Status::Exited(_) | Status::Stopped(_) => self.how.say(
                Verbosity::Steps,
                format_args!("process {child} ended with status {code}"),
            ),
            Status::Killed(signal, core) => {
                let expected = self.sent & bit(signal) != 0 || self.killed_by_us;
                let level = if expected { Verbosity::Steps } else { Verbosity::Notes };
                let dumped = if core { ", core dumped" } else { "" };
                let hint = if signal == libc::SIGKILL && !expected {
                    "; often the memory limit's out-of-memory killer"
                } else {
                    ""
                };
                match Signal::from_number(signal) {
                    Some(name) => self.how.say(
                        level,
                        format_args!("process {child} was killed by {name} (status {code}{dumped}){hint}"),
                    ),
                    None => self.how.say(
                        level,
                        format_args!("process {child} was killed by signal {signal} (status {code}{dumped})"),
                    ),
                }
            }
        }
    }
}

/// Stops this process as Ctrl-Z would, which the kernel does only where somebody could continue it. Whether it was stopped, and
/// is continued now.
fn stop_as_the_terminal_does() -> bool {
    sys::set_ignored(libc::SIGTSTP, false);
    let _ = sys::kill(sys::pid(), libc::SIGTSTP);
    // Delivered between these two. What continues a process leaves SIGCONT behind, pending.
    sys::set_blocked(!bit(libc::SIGTSTP));
    sys::set_blocked(u64::MAX);
    sys::wait_signal(bit(libc::SIGCONT), Some(Duration::ZERO)).is_ok()
}
