//! Finding the program, and becoming it.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use super::message::Shown;
use super::sys::{self, Errno};
use super::{files, state};
use runup_language::most;
use runup_machine::failure::describe_errno;

/// Where programs are looked for when there is no `PATH`: what musl's and BSD's `execvp` do.
const DEFAULT_PATH: &[u8] = b"/usr/local/bin:/bin:/usr/bin";

/// A program, found, with its arguments.
#[derive(Debug)]
pub struct Launch {
    file: CString,
    arguments: Vec<CString>,
    /// `HOME` as the program shall see it; `None` leaves it as it is.
    pub home: Option<OsString>,
}

/// Why the program could not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchError {
    /// The command as it was given, or the file that was found for it.
    pub subject: Vec<u8>,
    /// What failed, a number from `errno.h`.
    pub errno: i32,
    /// What to do about it.
    pub help: String,
}

impl LaunchError {
    /// 127 where no such program was found, 126 where it was found and cannot be executed.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self.errno {
            libc::ENOENT | libc::ENOTDIR | libc::ELOOP | libc::ENAMETOOLONG => 127,
            _ => 126,
        }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Shown(&self.subject), describe_errno(self.errno))?;
        if self.help.is_empty() {
            Ok(())
        } else {
            write!(f, "\n  help: {}", self.help)
        }
    }
}

impl std::error::Error for LaunchError {}

/// Finds the program that a command names, as a shell does, without executing anything yet.
///
/// # Errors
/// No such program, or one that cannot be executed.
pub fn find(command: &[OsString]) -> Result<Launch, LaunchError> {
    let Some(name) = command.first() else {
        let help = "give a command after the options".to_owned();
        return Err(LaunchError {
            subject: b"(no command)".to_vec(),
            errno: libc::ENOENT,
            help,
        });
    };
    let mut arguments = Vec::with_capacity(command.len());
    for word in command {
        // An argument of a process has no NUL; one from a library caller may.
        let word = CString::new(word.as_bytes()).map_err(|_| LaunchError {
            subject: word.as_bytes().to_vec(),
            errno: libc::EINVAL,
            help: "an argument cannot hold a NUL byte".to_owned(),
        })?;
        arguments.push(word);
    }
    let file = if name.is_empty() {
        Err(LaunchError {
            subject: b"''".to_vec(),
            errno: libc::ENOENT,
            help: "the command is empty".to_owned(),
        })
    } else if name.as_bytes().contains(&b'/') {
        Ok(arguments[0].clone())
    } else {
        search(name, sys::variable("PATH"))
    }?;
    Ok(Launch {
        file,
        arguments,
        home: None,
    })
}

/// Looks for a name in the directories of `PATH`; an empty entry is the working directory.
fn search(name: &OsStr, path: Option<&[u8]>) -> Result<CString, LaunchError> {
    let mut refused = None;
    for directory in path.unwrap_or(DEFAULT_PATH).split(|byte| *byte == b':') {
        let mut candidate = Vec::with_capacity(directory.len() + name.len() + 2);
        candidate.extend_from_slice(directory);
        if !directory.is_empty() {
            candidate.push(b'/');
        }
        candidate.extend_from_slice(name.as_bytes());
        let Ok(candidate) = CString::new(candidate) else {
            continue;
        };
        match sys::is_file(&candidate) {
            Ok(true) if sys::may_execute(&candidate) => return Ok(candidate),
            Ok(_) | Err(libc::EACCES) => {
                refused.get_or_insert(candidate);
            }
            Err(_) => {}
        }
    }
    Err(match refused {
        Some(file) => explain(&file, libc::EACCES),
        None => LaunchError {
            subject: name.as_bytes().to_vec(),
            errno: libc::ENOENT,
            help: match path {
                Some(path) => format!("it is in no directory of PATH ({})", Shown(path)),
                None => format!("PATH is not set, and it is in none of {}", Shown(DEFAULT_PATH)),
            },
        },
    })
}

/// Gives back what runup was given and becomes the program; returns only if that fails.
///
/// The process id, descriptors, working directory, umask, priority and limits are not touched. The environment is passed on as
/// it stands in memory, but for `HOME` where the launch says so.
pub fn become_program(launch: &Launch) -> LaunchError {
    let home = launch.home.as_ref().and_then(|home| {
        let entry = [b"HOME=".as_slice(), home.as_bytes()].concat();
        CString::new(entry).ok()
    });
    let environment: Option<Vec<&CStr>> = home.as_ref().map(|home| {
        let others = sys::environment()
            .map(|entry| -> &CStr { entry })
            .filter(|entry| !entry.to_bytes().starts_with(b"HOME="));
        others.chain(std::iter::once(home.as_c_str())).collect()
    });
    state::restore();
    let errno = sys::execve(&launch.file, &launch.arguments, environment.as_deref());
    // What follows is said by runup again, which does not want to die of a closed standard error.
    state::block_all();
    match errno {
        libc::E2BIG => too_long(launch, environment.as_deref()),
        _ => explain(&launch.file, errno),
    }
}

fn too_long(launch: &Launch, environment: Option<&[&CStr]>) -> LaunchError {
    let size = |bytes: &[u8]| bytes.len() + 1;
    let arguments: usize = launch.arguments.iter().map(|word| size(word.as_bytes())).sum();
    let variables: usize = match environment {
        Some(entries) => entries.iter().map(|entry| size(entry.to_bytes())).sum(),
        None => sys::environment().map(|entry| size(entry.to_bytes())).sum(),
    };
    LaunchError {
        subject: launch.file.as_bytes().to_vec(),
        errno: libc::E2BIG,
        help: format!(
            "{arguments} bytes of arguments and {variables} of environment; the kernel takes a quarter of the stack limit \
             (`ulimit -s`), at most 6 MiB, and 128 KiB for each string. Pass the list in a file, or raise the stack limit"
        ),
    }
}

/// What an errno of `execve` means for this file.
fn explain(file: &CStr, errno: Errno) -> LaunchError {
    let subject = file.to_bytes().to_vec();
    let name = Shown(&subject).to_string();
    let help = match errno {
        libc::ENOENT => match sys::is_file(file) {
            // The kernel says ENOENT for the interpreter of a file, too.
            Ok(_) => missing_interpreter(file),
            Err(_) if name.starts_with('/') => "no such file in this image".to_owned(),
            Err(_) => "no such file; a relative path starts at the working directory".to_owned(),
        },
        libc::EACCES => denied(file, &name),
        libc::ENOEXEC => no_format(file, &name),
        libc::ENOTDIR => "a part of the path before the last is not a directory".to_owned(),
        libc::ELOOP => {
            "its symbolic links lead in a circle, or `#!` lines name scripts one after the other too often".to_owned()
        }
        libc::ENAMETOOLONG => "the path is longer than the file system allows".to_owned(),
        libc::ENOMEM | libc::EAGAIN => {
            "the kernel had no memory or no process left for it: raise the memory or pids limit".to_owned()
        }
        libc::ETXTBSY => "the file is still open for writing somewhere: wait until it has been written".to_owned(),
        libc::EPERM => "a security module, or a set-user-id file under a tracer, does not let it start".to_owned(),
        _ => String::new(),
    };
    LaunchError { subject, errno, help }
}

fn denied(file: &CStr, name: &str) -> String {
    match sys::is_file(file) {
        Ok(false) => "this is not a file that can be executed (a directory, perhaps)".to_owned(),
        Ok(true) if !sys::may_execute(file) => {
            format!(
                "the file is there, and this user (uid {}) may not execute it: `chmod +x {name}` in the image",
                sys::user_ids()[1]
            )
        }
        Ok(true) => "its file system is mounted noexec, or its interpreter may not be executed".to_owned(),
        Err(_) => format!(
            "a directory on the way to it is closed to this user (uid {})",
            sys::user_ids()[1]
        ),
    }
}

/// The start of a file, to see of what kind it is; empty where it cannot be read.
fn head(file: &CStr) -> Vec<u8> {
    files::read_start(OsStr::from_bytes(file.to_bytes()), most::PROGRAM_START).unwrap_or_default()
}

fn missing_interpreter(file: &CStr) -> String {
    let head = head(file);
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        let interpreter = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let hint = if line.ends_with(b"\r") || head.contains(&b'\r') {
            " (the file has Windows line ends: convert it)"
        } else {
            ""
        };
        return format!(
            "the file is there, but its interpreter `{}` is not in this image{hint}",
            Shown(interpreter)
        );
    }
    "the file is there, but the dynamic loader that it needs is not in this image: link it statically, or use an image \
     with the C library it was built for"
        .to_owned()
}

fn no_format(file: &CStr, name: &str) -> String {
    let head = head(file);
    if head.starts_with(b"\x7fELF") {
        return format!(
            "the file was built for another machine than this {}: use the image of this architecture",
            std::env::consts::ARCH
        );
    }
    if head.is_empty() {
        return "the file is empty or cannot be read".to_owned();
    }
    format!("a script without `#!`: make `#!/bin/sh` its first line, or run `sh {name}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_in_path_alone() {
        let found = search(OsStr::new("sh"), Some(b"/nonexistent:/bin")).expect("a shell");
        assert_eq!(found.as_bytes(), b"/bin/sh");
        let error = search(OsStr::new("sh"), Some(b"/nonexistent")).expect_err("not there");
        assert_eq!((error.status(), error.errno), (127, libc::ENOENT));
        assert!(search(OsStr::new("sh"), None).is_ok());
    }

    #[test]
    fn what_is_there_and_cannot_be_executed_is_126() {
        let error = search(OsStr::new("passwd"), Some(b"/etc")).expect_err("a text file");
        assert_eq!((error.status(), error.errno), (126, libc::EACCES));
        let error = search(OsStr::new("etc"), Some(b"/")).expect_err("a directory");
        assert_eq!(error.status(), 126);
    }

    #[test]
    fn an_empty_command_is_not_found() {
        assert_eq!(find(&[OsString::new()]).expect_err("empty").status(), 127);
        assert_eq!(find(&[]).expect_err("none").status(), 127);
    }
}
