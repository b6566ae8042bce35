//! A disk in memory, each of whose steps can go wrong: a public stand-in for tests of everything that writes files.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::disk::{Disk, LockFailure};
use crate::system::Failure;
use crate::system::steps::Steps;

/// A disk in memory.
#[derive(Debug, Default)]
pub struct MemoryDisk {
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    steps: Steps,
    locked: Rc<Cell<bool>>,
}

struct Guard(Rc<Cell<bool>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl MemoryDisk {
    /// An empty one whose steps are counted.
    #[must_use]
    pub fn new(steps: &Steps) -> Self {
        Self {
            steps: steps.clone(),
            ..Self::default()
        }
    }

    /// Every file.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.files.borrow().clone()
    }

    /// Puts a file there without a step.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.files.borrow_mut().insert(path.to_owned(), bytes.to_vec());
    }
}

impl Disk for MemoryDisk {
    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.files.borrow().get(path).cloned().ok_or(Failure::Absent)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        let files = self.files.borrow();
        let mut names: Vec<String> = files
            .keys()
            .filter_map(|known| known.strip_prefix(path)?.strip_prefix('/')?.split('/').next())
            .map(str::to_owned)
            .collect();
        names.dedup();
        if names.is_empty() {
            Err(Failure::Absent)
        } else {
            Ok(names)
        }
    }

    fn make_directory(&self, _path: &str, _mode: u32) -> Result<(), Failure> {
        self.steps.take()
    }

    fn create(&self, path: &str, bytes: &[u8], _mode: u32) -> Result<(), Failure> {
        let was_alive = !self.steps.died();
        if let Err(failure) = self.steps.take() {
            // Killed, or out of room, in the middle of it.
            if was_alive && !self.files.borrow().contains_key(path) {
                self.put(path, &bytes[..bytes.len() / 2]);
            }
            return Err(failure);
        }
        if self.files.borrow().contains_key(path) {
            return Err(Failure::Io(libc::EEXIST));
        }
        self.put(path, bytes);
        Ok(())
    }

    fn sync(&self, _path: &str) -> Result<(), Failure> {
        self.steps.take()
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.steps.take()?;
        let bytes = self.files.borrow_mut().remove(from).ok_or(Failure::Absent)?;
        self.put(to, &bytes);
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), Failure> {
        self.steps.take()?;
        match self.files.borrow_mut().remove(path) {
            Some(_) => Ok(()),
            None => Err(Failure::Absent),
        }
    }

    fn lock(&self, _path: &str, _holder: &str) -> Result<Box<dyn Any>, LockFailure> {
        self.steps.take().map_err(LockFailure::Failed)?;
        if self.locked.replace(true) {
            return Err(LockFailure::Held("another process".to_owned()));
        }
        Ok(Box::new(Guard(Rc::clone(&self.locked))))
    }
}
