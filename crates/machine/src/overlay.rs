//! A machine as it would be after some changes: what a plan is checked against before anything is done, and what stands for a
//! container that was not started yet.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::catalogue;
use crate::system::{Answer, Failure, Identity, Limits, Platform, Question, Resource, Stat, SysctlName, System};
use crate::value::{Choice, Type, Value};

/// A machine with changes that were not made.
pub struct Overlay<'a> {
    base: &'a dyn System,
    platform: Platform,
    sysctls: RefCell<BTreeMap<String, String>>,
    files: RefCell<BTreeMap<String, String>>,
    limits: RefCell<BTreeMap<Resource, Limits>>,
}

impl<'a> Overlay<'a> {
    /// Without changes yet.
    #[must_use]
    pub fn new(base: &'a dyn System) -> Self {
        Self {
            base,
            platform: base.platform().clone(),
            sysctls: RefCell::default(),
            files: RefCell::default(),
            limits: RefCell::default(),
        }
    }

    /// As if another release of the kernel ran.
    #[must_use]
    pub fn with_release(mut self, release: &str) -> Self {
        self.platform.release = Some(release.to_owned());
        self
    }

    /// As if a sysctl had been set, by whichever of its names; what is the same setting in another unit becomes 0 with it.
    pub fn set_sysctl(&self, name: &str, text: &str) {
        let names: Vec<&str> = self.same_as(name);
        if let Some(zeroed) = catalogue::zeroed_by(name, text)
            && self.sysctl(zeroed).is_ok()
        {
            self.sysctls.borrow_mut().insert(zeroed.to_owned(), "0".to_owned());
        }
        for name in names.into_iter().chain([name]) {
            self.sysctls.borrow_mut().insert(name.to_owned(), text.to_owned());
        }
    }

    /// Other sysctls that are the same setting here: they show the same value. In a user namespace of its own some are not.
    fn same_as(&self, name: &str) -> Vec<&'static str> {
        let others = catalogue::names(name).iter().copied();
        let others = others.filter(|other| *other != name && !other.starts_with('/'));
        let is_same = |other: &&str| self.sysctl(other).is_ok_and(|text| self.sysctl(name) == Ok(text));
        others.filter(is_same).collect()
    }

    /// As if nothing were swapped to.
    pub fn set_swap_off(&self) {
        let heading = "Filename\tType\tSize\tUsed\tPriority\n";
        self.files
            .borrow_mut()
            .insert("/proc/swaps".to_owned(), heading.to_owned());
    }

    /// As if an attribute had been written.
    pub fn set_file(&self, path: &str, word: &str) {
        let old = self.read(path).unwrap_or_default();
        let old = String::from_utf8_lossy(&old);
        let shown = match Type::Choice.parse(&old) {
            Ok(Value::Choice(Choice { options, .. })) if options.len() > 1 => options
                .iter()
                .map(|option| {
                    if option == word {
                        format!("[{option}]")
                    } else {
                        option.clone()
                    }
                })
                .collect::<Vec<_>>()
                .join(" "),
            _ => word.to_owned(),
        };
        self.files.borrow_mut().insert(path.to_owned(), format!("{shown}\n"));
    }

    /// As if limits had been set.
    pub fn set_limits(&self, resource: Resource, limits: Limits) {
        self.limits.borrow_mut().insert(resource, limits);
    }
}

impl System for Overlay<'_> {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn identity(&self) -> Identity {
        self.base.identity()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        if let Some(text) = self.files.borrow().get(path) {
            return Ok(text.clone().into_bytes());
        }
        let name = path
            .strip_prefix("/proc/sys/")
            .and_then(|name| SysctlName::parse(name).ok());
        if let Some(text) = name.and_then(|name| self.sysctls.borrow().get(name.dotted()).cloned()) {
            return Ok(format!("{text}\n").into_bytes());
        }
        self.base.read(path)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        self.base.list(path)
    }

    fn stat(&self, path: &str) -> Result<Stat, Failure> {
        self.base.stat(path)
    }

    fn read_link(&self, path: &str) -> Result<String, Failure> {
        self.base.read_link(path)
    }

    fn sysctl(&self, name: &str) -> Result<String, Failure> {
        match self.sysctls.borrow().get(name) {
            Some(text) => Ok(text.clone()),
            None => self.base.sysctl(name),
        }
    }

    fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        if let Question::Limits(resource) = question
            && let Some(limits) = self.limits.borrow().get(resource)
        {
            return Ok(Answer::Limits(*limits));
        }
        self.base.ask(question)
    }

    fn environment(&self, name: &str) -> Option<String> {
        self.base.environment(name)
    }

    fn now(&self) -> i64 {
        self.base.now()
    }

    fn pause(&self, duration: Duration) {
        self.base.pause(duration);
    }

    fn process_directory(&self) -> &str {
        self.base.process_directory()
    }
}
