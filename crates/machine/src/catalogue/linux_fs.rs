//! `fs`: files, asynchronous I/O, notifications, message queues.

use super::{Key, Namespace, Write, key};
use crate::value::{Type, Unit};

const FS: &str = "https://docs.kernel.org/admin-guide/sysctl/fs.html";

pub(super) static KEYS: &[Key] = &[
    key(
        "fs.aio-max-nr",
        "Asynchronous I/O requests that all programs together may set up; beyond, io_setup fails with EAGAIN.",
        FS,
    ),
    key("fs.aio-nr", "Asynchronous I/O requests that are set up.", FS).write(Write::ReadOnly),
    key("fs.dentry-state", "The directory cache.", FS)
        .of(Type::Tuple(
            &["total", "unused", "age_limit", "want_pages", "negative", "dummy"],
            Unit::Count,
        ))
        .write(Write::ReadOnly),
    key(
        "fs.epoll.max_user_watches",
        "Descriptors that one user may watch with epoll.",
        FS,
    ),
    key(
        "fs.file-max",
        "Open files of the whole machine; beyond, the log says that the limit is reached.",
        FS,
    ),
    key("fs.file-nr", "Open files: allocated, free, limit.", FS)
        .of(Type::Tuple(&["allocated", "free", "max"], Unit::Count))
        .write(Write::ReadOnly),
    key("fs.inode-nr", "Inodes: allocated, free.", FS)
        .of(Type::Tuple(&["allocated", "free"], Unit::Count))
        .write(Write::ReadOnly),
    key(
        "fs.inotify.max_queued_events",
        "Events that wait at one inotify instance.",
        FS,
    )
    .ns(Namespace::Host),
    key(
        "fs.inotify.max_user_instances",
        "Inotify instances of one user. A node that runs many containers as one user runs into it: too many open files.",
        FS,
    ),
    key(
        "fs.inotify.max_user_watches",
        "Files that one user may watch with inotify; scaled to RAM since kernel 5.11.",
        FS,
    ),
    key(
        "fs.lease-break-time",
        "How long the holder of a lease has to give it up.",
        FS,
    )
    .unit(Unit::Seconds),
    key("fs.mount-max", "Mounts that one mount namespace may have.", FS),
    key(
        "fs.mqueue.msg_default",
        "Messages that a POSIX queue holds where the program does not say.",
        FS,
    )
    .ns(Namespace::Ipc),
    key("fs.mqueue.msg_max", "Messages that a POSIX queue may hold.", FS).ns(Namespace::Ipc),
    key(
        "fs.mqueue.msgsize_default",
        "Size of a message where the program does not say.",
        FS,
    )
    .ns(Namespace::Ipc)
    .unit(Unit::Bytes),
    key("fs.mqueue.msgsize_max", "Size that a message may have.", FS)
        .ns(Namespace::Ipc)
        .unit(Unit::Bytes),
    key("fs.mqueue.queues_max", "POSIX queues of one IPC namespace.", FS).ns(Namespace::Ipc),
    key(
        "fs.nr_open",
        "The highest value that a limit on open files may have; raising a limit above it fails for root too.",
        FS,
    ),
    key(
        "fs.pipe-max-size",
        "The largest pipe that an unprivileged program may ask for.",
        FS,
    )
    .unit(Unit::Bytes),
    key(
        "fs.pipe-user-pages-hard",
        "Pages in pipes at which one user gets no more; 0 is no limit.",
        FS,
    )
    .unit(Unit::Pages)
    .no_limit(&[0]),
    key(
        "fs.pipe-user-pages-soft",
        "Pages in pipes at which one user's new pipes are small; 0 is no limit.",
        FS,
    )
    .unit(Unit::Pages)
    .no_limit(&[0]),
    key(
        "fs.protected_fifos",
        "Who may write to FIFOs of others in sticky directories.",
        FS,
    ),
    key(
        "fs.protected_hardlinks",
        "Whether hard links to files of others are refused.",
        FS,
    ),
    key(
        "fs.protected_regular",
        "Who may write to files of others in sticky directories.",
        FS,
    ),
    key(
        "fs.protected_symlinks",
        "Whether links of others in sticky directories are not followed.",
        FS,
    ),
    key(
        "fs.suid_dumpable",
        "Whether programs that changed their privileges leave core files.",
        FS,
    ),
];
