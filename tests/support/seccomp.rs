//! A command for which system calls are answered by a seccomp filter, as a container's profile or a systemd unit does it.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, dead_code, clippy::undocumented_unsafe_blocks, missing_docs)]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// A system call, and what the caller is told instead.
#[derive(Clone, Copy)]
pub struct Answer {
    pub call: libc::c_long,
    /// Only where this argument, counted from 0, has this value.
    pub argument: Option<(u32, u32)>,
    /// The errno; 0 says that it was done.
    pub errno: i32,
}

pub fn answer(call: libc::c_long, errno: i32) -> Answer {
    Answer {
        call,
        argument: None,
        errno,
    }
}

impl Answer {
    pub fn with_argument(mut self, index: u32, value: u32) -> Self {
        self.argument = Some((index, value));
        self
    }

    fn statements(self) -> Vec<libc::sock_filter> {
        let statement = |code: u32, jf: u8, k: u32| libc::sock_filter {
            code: code as u16,
            jt: 0,
            jf,
            k,
        };
        let load = |offset: u32| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, offset);
        let unless = |value: u32, skip: u8| statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, skip, value);
        let end = statement(
            libc::BPF_RET | libc::BPF_K,
            0,
            libc::SECCOMP_RET_ERRNO | self.errno.cast_unsigned(),
        );
        let call = u32::try_from(self.call).expect("a system call");
        match self.argument {
            None => vec![load(0), unless(call, 1), end],
            // `struct seccomp_data`: the arguments begin at 16, 8 bytes each; the lower half of each is enough here.
            Some((index, value)) => {
                let low = if cfg!(target_endian = "little") { 0 } else { 4 };
                vec![
                    load(0),
                    unless(call, 3),
                    load(16 + 8 * index + low),
                    unless(value, 1),
                    end,
                ]
            }
        }
    }
}

/// Installs the filter in the child, before `execve`. Needs root, since no_new_privs stays unset.
pub fn filter(command: &mut Command, answers: &[Answer]) {
    let mut statements: Vec<libc::sock_filter> = answers.iter().flat_map(|answer| answer.statements()).collect();
    statements.push(libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_ALLOW,
    });
    let install = move || {
        let program = libc::sock_fprog {
            len: u16::try_from(statements.len()).expect("a short filter"),
            filter: statements.as_ptr().cast_mut(),
        };
        // SAFETY: the filter outlives the call, and the kernel copies it.
        match unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec only prctl is called.
    unsafe { command.pre_exec(install) };
}
