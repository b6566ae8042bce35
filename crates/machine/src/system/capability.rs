//! Linux capabilities: one table of their names and numbers, and the system calls that read and set a process's own.

#![cfg_attr(
    target_os = "linux",
    allow(unsafe_code, reason = "system calls that no crate of ours wraps")
)]

macro_rules! capabilities {
    ($($variant:ident = $name:literal $short:literal,)*) => {
        /// A Linux capability; as a number it is the kernel's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are those of capabilities(7)")]
        #[repr(u8)]
        pub enum Capability {
            $($variant,)*
        }

        impl Capability {
            /// Every capability that has a name here, in the order of their numbers, which begin with 0.
            pub const ALL: &[Capability] = &[$(Capability::$variant,)*];

            /// Its name: `CAP_NET_ADMIN`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Capability::$variant => $name,)*
                }
            }

            /// Its name in small letters and without `CAP_`: `net_admin`.
            #[must_use]
            pub fn short_name(self) -> &'static str {
                match self {
                    $(Capability::$variant => $short,)*
                }
            }
        }
    };
}

// In the order of their numbers in `linux/capability.h`.
capabilities! {
    Chown = "CAP_CHOWN" "chown",
    DacOverride = "CAP_DAC_OVERRIDE" "dac_override",
    DacReadSearch = "CAP_DAC_READ_SEARCH" "dac_read_search",
    Fowner = "CAP_FOWNER" "fowner",
    Fsetid = "CAP_FSETID" "fsetid",
    Kill = "CAP_KILL" "kill",
    Setgid = "CAP_SETGID" "setgid",
    Setuid = "CAP_SETUID" "setuid",
    Setpcap = "CAP_SETPCAP" "setpcap",
    LinuxImmutable = "CAP_LINUX_IMMUTABLE" "linux_immutable",
    NetBindService = "CAP_NET_BIND_SERVICE" "net_bind_service",
    NetBroadcast = "CAP_NET_BROADCAST" "net_broadcast",
    NetAdmin = "CAP_NET_ADMIN" "net_admin",
    NetRaw = "CAP_NET_RAW" "net_raw",
    IpcLock = "CAP_IPC_LOCK" "ipc_lock",
    IpcOwner = "CAP_IPC_OWNER" "ipc_owner",
    SysModule = "CAP_SYS_MODULE" "sys_module",
    SysRawio = "CAP_SYS_RAWIO" "sys_rawio",
    SysChroot = "CAP_SYS_CHROOT" "sys_chroot",
    SysPtrace = "CAP_SYS_PTRACE" "sys_ptrace",
    SysPacct = "CAP_SYS_PACCT" "sys_pacct",
    SysAdmin = "CAP_SYS_ADMIN" "sys_admin",
    SysBoot = "CAP_SYS_BOOT" "sys_boot",
    SysNice = "CAP_SYS_NICE" "sys_nice",
    SysResource = "CAP_SYS_RESOURCE" "sys_resource",
    SysTime = "CAP_SYS_TIME" "sys_time",
    SysTtyConfig = "CAP_SYS_TTY_CONFIG" "sys_tty_config",
    Mknod = "CAP_MKNOD" "mknod",
    Lease = "CAP_LEASE" "lease",
    AuditWrite = "CAP_AUDIT_WRITE" "audit_write",
    AuditControl = "CAP_AUDIT_CONTROL" "audit_control",
    Setfcap = "CAP_SETFCAP" "setfcap",
    MacOverride = "CAP_MAC_OVERRIDE" "mac_override",
    MacAdmin = "CAP_MAC_ADMIN" "mac_admin",
    Syslog = "CAP_SYSLOG" "syslog",
    WakeAlarm = "CAP_WAKE_ALARM" "wake_alarm",
    BlockSuspend = "CAP_BLOCK_SUSPEND" "block_suspend",
    AuditRead = "CAP_AUDIT_READ" "audit_read",
    Perfmon = "CAP_PERFMON" "perfmon",
    Bpf = "CAP_BPF" "bpf",
    CheckpointRestore = "CAP_CHECKPOINT_RESTORE" "checkpoint_restore",
}

impl Capability {
    /// The kernel's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The one with a number, if it has a name here.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        Capability::ALL.get(usize::from(number)).copied()
    }

    /// The one with a name, in capitals or not, with `CAP_` or without it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let prefixed = |known: &str| known.eq_ignore_ascii_case(name) || known[4..].eq_ignore_ascii_case(name);
        Capability::ALL.iter().copied().find(|known| prefixed(known.name()))
    }
}

/// The capability sets of a process, one bit for each number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CapabilitySets {
    /// Those that are in force.
    pub effective: u64,
    /// Those that may be put in force.
    pub permitted: u64,
    /// Those that are kept over `execve` by files that ask for it; also the ceiling of the ambient set.
    pub inheritable: u64,
}

#[cfg(target_os = "linux")]
pub use calls::{get, set};

#[cfg(target_os = "linux")]
mod calls {
    use super::CapabilitySets;

    #[repr(C)]
    struct Header {
        version: u32,
        pid: libc::c_int,
    }

    impl Header {
        /// `_LINUX_CAPABILITY_VERSION_3`, which has 64 bits as two halves; of this process.
        const OWN: Header = Header {
            version: 0x2008_0522,
            pid: 0,
        };
    }

    #[repr(C)]
    #[derive(Default, Clone, Copy)]
    struct Half {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }

    fn errno() -> i32 {
        std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
    }

    /// This process's capabilities, by the system call: `/proc` may not be there.
    ///
    /// # Errors
    /// The errno; a seccomp profile can deny the call.
    pub fn get() -> Result<CapabilitySets, i32> {
        let mut header = Header::OWN;
        let mut halves = [Half::default(); 2];
        // SAFETY: version 3 writes two halves, and there are two.
        let answer = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) };
        if answer < 0 {
            return Err(errno());
        }
        let join = |half: fn(&Half) -> u32| u64::from(half(&halves[0])) | u64::from(half(&halves[1])) << 32;
        Ok(CapabilitySets {
            effective: join(|half| half.effective),
            permitted: join(|half| half.permitted),
            inheritable: join(|half| half.inheritable),
        })
    }

    /// Sets this process's capabilities; only the entrypoint does.
    ///
    /// # Errors
    /// The errno.
    pub fn set(sets: &CapabilitySets) -> Result<(), i32> {
        let mut header = Header::OWN;
        let half = |shift: u32| Half {
            effective: (sets.effective >> shift) as u32,
            permitted: (sets.permitted >> shift) as u32,
            inheritable: (sets.inheritable >> shift) as u32,
        };
        let halves = [half(0), half(32)];
        // SAFETY: version 3 reads two halves, and there are two.
        let answer = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, halves.as_ptr()) };
        if answer < 0 { Err(errno()) } else { Ok(()) }
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a test holds the table against the kernel's own"
)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_kernels() {
        // Some from each part of linux/capability.h, and both ends.
        for (capability, number) in [
            (Capability::Chown, 0),
            (Capability::Setgid, 6),
            (Capability::Setuid, 7),
            (Capability::NetAdmin, 12),
            (Capability::SysAdmin, 21),
            (Capability::SysResource, 24),
            (Capability::MacAdmin, 33),
            (Capability::CheckpointRestore, 40),
        ] {
            assert_eq!(capability.number(), number, "{}", capability.name());
            assert_eq!(Capability::of_number(number), Some(capability));
        }
        assert_eq!((Capability::ALL.len(), Capability::of_number(41)), (41, None));
    }

    #[test]
    fn each_is_found_by_its_name_alone() {
        for capability in Capability::ALL {
            let name = capability.name();
            assert_eq!(Capability::parse(name), Some(*capability));
            assert_eq!(Capability::parse(&name.to_lowercase()[4..]), Some(*capability));
        }
        assert_eq!(Capability::parse("admin"), None);
        assert_eq!(Capability::parse(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_call_says_what_proc_says() {
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("proc is mounted");
        let row = |name: &str| {
            let text = status.lines().find_map(|line| line.strip_prefix(name));
            u64::from_str_radix(text.expect("a row").trim(), 16).expect("hexadecimal")
        };
        let expected = CapabilitySets {
            effective: row("CapEff:"),
            permitted: row("CapPrm:"),
            inheritable: row("CapInh:"),
        };
        assert_eq!(get(), Ok(expected));
    }
}
