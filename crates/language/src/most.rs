//! The most that is read of anything: bytes, levels and counts, in one place, so that they can be compared and told.
//!
//! A file that somebody else wrote must not fill the memory of a small machine, nor the stack of a thread, nor take for ever. Each
//! number is far above what anybody writes and below what hurts. The limits that a *machine* has for its processes are elsewhere:
//! these are runup's own, and where one is also another
//! program's, it says so.

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Bytes of a profile, and of all that it extends together: a hundred thousand rules.
pub const PROFILE: u64 = 64 * MIB;
/// Bytes of a file of another program's that becomes a profile.
pub const IMPORT: u64 = 16 * MIB;
/// Bytes of a recording of a host: tens of thousands of processes and sockets.
pub const RECORDING: u64 = 64 * MIB;
/// Bytes of a file of this machine's: drop-ins, units, a daemon's configuration.
pub const MACHINE: u64 = 16 * MIB;
/// Bytes of a file of a tree that stands for a machine. Here the kernel's are files like any other: 400,000 rows of `/proc/net/tcp`.
pub const TREE: u64 = 64 * MIB;
/// Bytes of a record of the journal, or of a file that makes a change last.
pub const JOURNAL: u64 = 64 * MIB;
/// Bytes of `/etc/passwd` and `/etc/group` of an image, for the entrypoint: a hundred thousand users.
pub const ACCOUNTS: u64 = 16 * MIB;
/// Bytes of a file of the kernel's that must be read at once, so that room for all of it is needed before: sysctls answer a second
/// read with the end of the file. What is longer is cut, as it is for any program. The kernel answers with a page as a rule.
pub const KERNEL_FILE: usize = 64 * MIB as usize;
/// Bytes of the beginning of a program that would not start: its first line, of which the kernel itself reads 256.
pub const PROGRAM_START: u64 = 256;
/// Bytes of what the holder of a lock says of itself: an identifier and a command.
pub const LOCK_HOLDER: u64 = 4 * KIB;

/// Files that extend one another in a row. Nobody writes ten; each takes a piece of the stack.
pub const EXTENDS_IN_A_ROW: usize = 64;
/// Words of `extends` that are followed for one profile: files that each extend the next one twice double them with every step.
pub const EXTENDS: usize = 4096;

/// Levels of an expression: far beyond what anybody writes, far below what a stack holds.
pub const EXPRESSION_DEPTH: usize = 64;
/// Bytes of an expression: a line that no screen holds.
pub const EXPRESSION: usize = 16 * KIB as usize;

/// Values in values that the quick reader of profiles follows. Deeper ones are left to the full parser, which has its own limit.
pub const QUICK_DEPTH: u8 = 16;
/// Values in values of a YAML document: each takes a piece of the stack.
pub const YAML_DEPTH: usize = 64;

/// Profiles of tuned that include one another in a row: each takes a piece of the stack.
pub const TUNED_IN_A_ROW: usize = 32;
/// Bytes that a value of tuned may have once variables stand in it: variables of variables double with every line.
pub const TUNED_VALUE: usize = MIB as usize;

/// Bytes of the name of a sysctl. The kernel's longest have some sixty.
pub const SYSCTL_NAME: usize = KIB as usize;
/// Links that are followed for one path in a tree: the kernel's own number (MAXSYMLINKS), so that a tree answers as a machine does.
pub const LINKS: usize = 40;
/// Words of 64 bits in a mask of processors: more than a million of them, and a kernel is built for 8192 at most.
pub const PROCESSOR_WORDS: usize = 16 * KIB as usize;
/// A line of a drop-in file with as many bytes makes systemd give up the rest of the file (LONG_LINE_MAX); so it does for runup.
pub const SYSTEMD_LINE: usize = MIB as usize;
