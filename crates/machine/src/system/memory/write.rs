//! Changing the host in memory, and what its kernel makes of a write.

use super::MemorySystem;
use crate::system::space::space_of;
use crate::system::steps::Steps;
use crate::system::{Capability, Failure, Limits, Process, Resource, Space, System, WritableSystem};
use crate::value::Number;

/// What a kernel does with a write to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Reports success and keeps the old value.
    Ignores,
    /// Takes no number above this one, and takes this one instead.
    ClampsTo(i128),
    /// Takes only multiples of this number, and the next one above for others.
    RoundsUpTo(i128),
    /// Refuses with an errno.
    Refuses(i32),
    /// Takes it, and other files change too.
    Changes(Vec<(String, String)>),
}

impl MemorySystem {
    /// Makes the kernel react to writes to a file. Several reactions to one file all happen.
    #[must_use]
    pub fn reacts(mut self, path: &str, reaction: Reaction) -> Self {
        self.reactions.entry(path.to_owned()).or_default().push(reaction);
        self
    }

    /// Counts every write as a step.
    #[must_use]
    pub fn counted(mut self, steps: &Steps) -> Self {
        self.steps = steps.clone();
        self
    }

    /// Sets what the whole host's boot and namespaces are.
    #[must_use]
    pub fn in_space(mut self, space: Space) -> Self {
        self.space = Some(space);
        self
    }

    /// Everything that can be written, as it is now.
    #[must_use]
    pub fn state(&self) -> Vec<(String, String)> {
        let mut state: Vec<(String, String)> = self
            .paths()
            .filter_map(|path| Some((path.to_owned(), String::from_utf8(self.now_in(path)?).ok()?)))
            .collect();
        state.extend(
            self.limits
                .keys()
                .filter_map(|resource| Some((resource.name().to_owned(), format!("{:?}", self.limit_now(*resource)?)))),
        );
        state
    }

    /// Changes a file behind everybody's back.
    pub fn meddle(&self, path: &str, text: &str) {
        self.written
            .borrow_mut()
            .insert(path.to_owned(), text.as_bytes().to_vec());
    }

    pub(super) fn now_in(&self, path: &str) -> Option<Vec<u8>> {
        self.written
            .borrow()
            .get(path)
            .cloned()
            .or_else(|| self.files.get(path)?.first().cloned())
    }

    pub(super) fn limit_now(&self, resource: Resource) -> Option<Limits> {
        self.set.borrow().get(&resource).or(self.limits.get(&resource)).copied()
    }

    fn set_file(&self, path: &str, text: &str) {
        let old = self.now_in(path).unwrap_or_default();
        let old = String::from_utf8_lossy(&old);
        let words: Vec<&str> = old.split_ascii_whitespace().collect();
        let bracketed = words.iter().any(|word| word.starts_with('[')) && words.len() > 1;
        let text = text.trim_end();
        let new = if bracketed {
            let word = |word: &&str| {
                let bare = word.trim_matches(['[', ']']);
                if bare == text {
                    format!("[{bare}]")
                } else {
                    bare.to_owned()
                }
            };
            words.iter().map(word).collect::<Vec<_>>().join(" ")
        } else if path.starts_with("/proc/sys/net/ipv4/tcp_") || words.len() > 1 {
            text.split_ascii_whitespace().collect::<Vec<_>>().join("\t")
        } else {
            text.to_owned()
        };
        self.written
            .borrow_mut()
            .insert(path.to_owned(), format!("{new}\n").into_bytes());
    }
}

impl WritableSystem for MemorySystem {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.steps.take()?;
        let path = self.resolve(path);
        if !self.files.contains_key(&path) {
            return Err(Failure::Absent);
        }
        if self.modes.get(&path).is_some_and(|mode| mode & 0o222 == 0) {
            return Err(Failure::Denied(libc::EACCES));
        }
        let mut text = String::from_utf8(bytes.to_vec()).map_err(|_| Failure::NotText)?;
        let mut others = Vec::new();
        for reaction in self.reactions.get(&path).into_iter().flatten() {
            match reaction {
                Reaction::Ignores => return Ok(()),
                Reaction::Refuses(errno) => {
                    return Err(match *errno {
                        libc::EACCES | libc::EPERM => Failure::Denied(*errno),
                        other => Failure::Io(other),
                    });
                }
                Reaction::ClampsTo(most) => {
                    if text.trim().parse::<i128>().is_ok_and(|wanted| wanted > *most) {
                        text = most.to_string();
                    }
                }
                Reaction::RoundsUpTo(unit) => {
                    if let Ok(wanted) = text.trim().parse::<i128>() {
                        text = (wanted + (unit - wanted.rem_euclid(*unit)) % unit).to_string();
                    }
                }
                Reaction::Changes(changes) => others.extend(changes.iter().cloned()),
            }
        }
        // Both halves of a pair of twins cannot be set: the kernel refuses the zero that stands for "the other counts".
        if path.starts_with("/proc/sys/vm/dirty_") && path.ends_with("bytes") && text.trim() == "0" {
            return Err(Failure::Io(libc::EINVAL));
        }
        self.set_file(&path, &text);
        for (other, text) in others {
            self.set_file(&other, &text);
        }
        Ok(())
    }

    fn set_sysctl(&self, name: &str, text: &str) -> Result<(), Failure> {
        let name = crate::system::SysctlName::parse(name).map_err(|_| Failure::OutsideTree)?;
        self.write(&format!("/proc/sys/{}", name.path()), format!("{text}\n").as_bytes())
    }

    fn limits_of(&self, _process: Process, resource: Resource) -> Result<Limits, Failure> {
        self.limit_now(resource).ok_or(Failure::Absent)
    }

    fn set_limits_of(&self, _process: Process, resource: Resource, limits: Limits) -> Result<(), Failure> {
        self.steps.take()?;
        let old = self.limit_now(resource).ok_or(Failure::Absent)?;
        let ceiling = self
            .now_in("/proc/sys/fs/nr_open")
            .and_then(|bytes| String::from_utf8_lossy(&bytes).trim().parse::<i128>().ok());
        let above = ceiling.is_some_and(|most| limits.hard > Number::Finite(most));
        if limits.soft > limits.hard {
            return Err(Failure::Io(libc::EINVAL));
        }
        let privileged = self.identity().capabilities & (1 << Capability::SysResource.number()) != 0;
        if (limits.hard > old.hard && !privileged) || (resource == Resource::Nofile && above) {
            return Err(Failure::Denied(libc::EPERM));
        }
        self.set.borrow_mut().insert(resource, limits);
        Ok(())
    }

    fn set_swap(&self, device: &str, priority: Option<i32>) -> Result<(), Failure> {
        self.steps.take()?;
        let text = self.now_in("/proc/swaps").ok_or(Failure::Absent)?;
        let mut lines: Vec<String> = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
        let at = lines
            .iter()
            .position(|line| line.split_ascii_whitespace().next() == Some(device));
        match (priority, at) {
            (None, Some(at)) => {
                lines.remove(at);
            }
            (Some(priority), None) => lines.push(format!("{device} partition 1000 0 {priority}")),
            (None, None) => return Err(Failure::Io(libc::EINVAL)),
            (Some(_), Some(_)) => return Err(Failure::Io(libc::EBUSY)),
        }
        self.written
            .borrow_mut()
            .insert("/proc/swaps".to_owned(), format!("{}\n", lines.join("\n")).into_bytes());
        Ok(())
    }

    fn space(&self) -> Space {
        self.space.clone().unwrap_or_else(|| space_of(self))
    }

    fn is_gone(&self, _path: &str) -> bool {
        // Nothing is mounted over anything in memory.
        true
    }
}
