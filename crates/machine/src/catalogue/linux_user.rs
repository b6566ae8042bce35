//! `user`: limits of a user namespace.

use super::{Key, Namespace, key};

const USER: &str = "https://docs.kernel.org/admin-guide/sysctl/user.html";

pub(super) static KEYS: &[Key] = &[
    key(
        "user.max_cgroup_namespaces",
        "Cgroup namespaces that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
    key(
        "user.max_inotify_instances",
        "Inotify instances that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
    key(
        "user.max_inotify_watches",
        "Inotify watches that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
    key(
        "user.max_ipc_namespaces",
        "IPC namespaces that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
    key(
        "user.max_mnt_namespaces",
        "Mount namespaces that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
    key(
        "user.max_net_namespaces",
        "Network namespaces that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
    key(
        "user.max_pid_namespaces",
        "PID namespaces that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
    key(
        "user.max_time_namespaces",
        "Time namespaces that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
    key(
        "user.max_user_namespaces",
        "User namespaces that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
    key(
        "user.max_uts_namespaces",
        "UTS namespaces that one user may make in this user namespace.",
        USER,
    )
    .ns(Namespace::User),
];
