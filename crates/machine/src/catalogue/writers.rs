//! Programs that write keys when they start, which is after the files of the next boot were read.

use crate::glob::segments_match;

/// A program that writes keys.
#[derive(Debug, PartialEq, Eq)]
pub struct Writer {
    /// What people call it.
    pub name: &'static str,
    /// The unit that starts it, where one does.
    pub unit: &'static str,
    /// The name of its process, as the kernel keeps it: 15 bytes; `None` where nothing of it stays, or where what it sets is not
    /// known, so that to look through all processes would be for words alone.
    pub process: Option<&'static str>,
    /// What it writes.
    pub sets: &'static [Sets],
    /// Where its configuration is.
    pub config: Config,
    /// Where it does that: its source or its documentation.
    pub source: &'static str,
}

/// Where the configuration of a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Config {
    /// In the file that this option names; with one, whether options of the command line count no more.
    Option(&'static str, bool),
    /// In this file, if it is there.
    File(&'static str),
    /// Nobody looks.
    None,
}

/// Keys that are written alike.
#[derive(Debug, PartialEq, Eq)]
pub struct Sets {
    /// The keys; a `*` stands for one segment.
    pub keys: &'static [&'static str],
    /// What is written.
    pub to: To,
    /// With this in its configuration it is not.
    pub unless: Option<Unless>,
}

/// What a program writes to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Always this.
    Value(&'static str),
    /// So much for each processor, and at least so much. Nothing where the first is 0.
    PerProcessor(Setting, Setting),
    /// A span of time, in seconds. Nothing where it is 0.
    Seconds(Setting),
    /// What follows from more than can be said here: words that follow `sets this key`.
    Words(&'static str),
}

/// A number of a program's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The option of the command line.
    pub option: &'static str,
    /// The key in the file.
    pub key: &'static str,
    /// What it is where nobody says.
    pub default: i128,
}

/// A switch of a program's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unless {
    /// The option of the command line.
    pub option: &'static str,
    /// The key in the file.
    pub key: &'static str,
    /// What it must be.
    pub is: bool,
}

const fn setting(option: &'static str, key: &'static str, default: i128) -> Setting {
    Setting { option, key, default }
}

const fn always(keys: &'static [&'static str], value: &'static str, unless: Unless) -> Sets {
    Sets {
        keys,
        to: To::Value(value),
        unless: Some(unless),
    }
}

const fn plain(keys: &'static [&'static str], to: To) -> Sets {
    Sets { keys, to, unless: None }
}

/// The kubelet only complains of other values where it is told to protect the kernel's.
const PROTECTED: Unless = Unless {
    option: "--protect-kernel-defaults",
    key: "protectKernelDefaults",
    is: true,
};

/// Every program, by name.
static WRITERS: &[Writer] = &[
    Writer {
        name: "dockerd",
        unit: "docker.service",
        process: Some("dockerd"),
        sets: &[always(
            &["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"],
            "1",
            Unless {
                option: "--ip-forward",
                key: "ip-forward",
                is: false,
            },
        )],
        config: Config::File("/etc/docker/daemon.json"),
        source: "moby/moby: libnetwork/drivers/bridge/setup_ip_forwarding.go",
    },
    Writer {
        name: "kube-proxy",
        unit: "kube-proxy.service",
        process: Some("kube-proxy"),
        sets: &[
            plain(
                &["net.netfilter.nf_conntrack_max", "net.nf_conntrack_max"],
                To::PerProcessor(
                    setting("--conntrack-max-per-core", "maxPerCore", 32_768),
                    setting("--conntrack-min", "min", 131_072),
                ),
            ),
            plain(
                &["net.netfilter.nf_conntrack_tcp_timeout_established"],
                To::Seconds(setting(
                    "--conntrack-tcp-timeout-established",
                    "tcpEstablishedTimeout",
                    86_400,
                )),
            ),
            plain(
                &["net.netfilter.nf_conntrack_tcp_timeout_close_wait"],
                To::Seconds(setting(
                    "--conntrack-tcp-timeout-close-wait",
                    "tcpCloseWaitTimeout",
                    3_600,
                )),
            ),
        ],
        config: Config::Option("--config", true),
        source: "kubernetes/kubernetes: cmd/kube-proxy/app/conntrack.go, pkg/proxy/apis/config/v1alpha1/defaults.go",
    },
    Writer {
        name: "kubelet",
        unit: "kubelet.service",
        process: Some("kubelet"),
        sets: &[
            always(&["vm.overcommit_memory"], "1", PROTECTED),
            always(&["vm.panic_on_oom"], "0", PROTECTED),
            always(&["kernel.panic"], "10", PROTECTED),
            always(&["kernel.panic_on_oops"], "1", PROTECTED),
            always(&["kernel.keys.root_maxkeys"], "1000000", PROTECTED),
            always(&["kernel.keys.root_maxbytes"], "25000000", PROTECTED),
        ],
        config: Config::Option("--config", false),
        source: "kubernetes/kubernetes: pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables",
    },
    Writer {
        name: "systemd-networkd",
        unit: "systemd-networkd.service",
        process: None,
        sets: &[
            plain(
                &["net.ipv6.conf.*.accept_ra"],
                To::Words("to 0 for each interface that it manages, since it reads router advertisements itself"),
            ),
            plain(
                &[
                    "net.ipv4.ip_forward",
                    "net.ipv4.conf.all.forwarding",
                    "net.ipv6.conf.all.forwarding",
                ],
                To::Words(
                    "where IPv4Forwarding=, IPv6Forwarding=, IPForward= or IPMasquerade= of its configuration asks for it",
                ),
            ),
        ],
        config: Config::None,
        source: "systemd: src/network/networkd-sysctl.c; networkd.conf(5), systemd.network(5)",
    },
    Writer {
        name: "tuned",
        unit: "tuned.service",
        process: None,
        sets: &[plain(
            TUNED,
            To::Words(
                "where its profile has it; a line of sysctl.d wins over that, unless reapply_sysctl is 0 in tuned-main.conf",
            ),
        )],
        config: Config::None,
        source: "redhat-performance/tuned: profiles/*/tuned.conf, tuned-main.conf",
    },
    Writer {
        name: "ufw",
        unit: "ufw.service",
        process: None,
        sets: &[plain(
            &[
                "net.ipv4.conf.all.accept_redirects",
                "net.ipv4.conf.all.log_martians",
                "net.ipv4.conf.default.accept_redirects",
                "net.ipv4.conf.default.log_martians",
                "net.ipv4.icmp_echo_ignore_all",
                "net.ipv4.icmp_echo_ignore_broadcasts",
                "net.ipv4.ip_forward",
            ],
            To::Words("where the file has it that IPT_SYSCTL of /etc/default/ufw names (/etc/ufw/sysctl.conf)"),
        )],
        config: Config::None,
        source: "ufw: src/ufw-init-functions, conf/sysctl.conf",
    },
];

/// What the profiles that come with tuned set.
const TUNED: &[&str] = &[
    "fs.aio-max-nr",
    "fs.file-max",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "kernel.hung_task_timeout_secs",
    "kernel.nmi_watchdog",
    "kernel.numa_balancing",
    "kernel.panic_on_oops",
    "kernel.pid_max",
    "kernel.sched_autogroup_enabled",
    "kernel.sched_rt_runtime_us",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.timer_migration",
    "net.core.busy_poll",
    "net.core.busy_read",
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.somaxconn",
    "net.core.wmem_default",
    "net.core.wmem_max",
    "net.ipv4.conf.all.arp_announce",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.neigh.default.gc_thresh1",
    "net.ipv4.neigh.default.gc_thresh2",
    "net.ipv4.neigh.default.gc_thresh3",
    "net.ipv4.tcp_fastopen",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_window_scaling",
    "net.ipv4.tcp_wmem",
    "net.ipv6.neigh.default.gc_thresh1",
    "net.ipv6.neigh.default.gc_thresh2",
    "net.ipv6.neigh.default.gc_thresh3",
    "net.netfilter.nf_conntrack_max",
    "vm.dirty_expire_centisecs",
    "vm.dirty_writeback_centisecs",
    "vm.max_map_count",
    "vm.min_free_kbytes",
    "vm.stat_interval",
    "vm.swappiness",
    "vm.zone_reclaim_mode",
];

/// The programs that write a key.
pub fn writers(key: &str) -> impl Iterator<Item = (&'static Writer, &'static Sets)> {
    WRITERS.iter().filter_map(move |writer| {
        let writes = |sets: &&Sets| sets.keys.iter().any(|pattern| segments_match(pattern, key, '.'));
        Some((writer, writer.sets.iter().find(writes)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_known_and_every_program_stands_there_once() {
        assert!(WRITERS.is_sorted_by_key(|writer| writer.name));
        let keys = WRITERS.iter().flat_map(|writer| writer.sets).flat_map(|sets| sets.keys);
        let is_known =
            |key: &&&str| super::super::lookup(crate::system::Os::Linux, &key.replace('*', "eth0")).is_some();
        let unknown: Vec<&&str> = keys.filter(|key| !is_known(key)).collect();
        assert!(unknown.is_empty(), "{unknown:?} are in no catalogue");
        for name in WRITERS.iter().filter_map(|writer| writer.process) {
            assert!(name.len() <= 15, "{name} is longer than the kernel keeps");
        }
    }
}
