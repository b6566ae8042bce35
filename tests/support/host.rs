//! Hosts in memory from a description in TOML.

use std::collections::BTreeMap;

use runup::system::memory::MemorySystem;
use runup::system::{
    Answer, ClockCost, ClockState, Endpoint, Failure, Filesystem, Held, Interface, Limits, Listener, Os, ProcessTime,
    Question, Resource, Sockets,
};
use runup::value::Number;
use serde::Deserialize;

use super::toml_as_json;

/// A host, or what makes it differ from another one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Description {
    /// `linux`, `macos` or `freebsd`; Linux where nothing is said.
    os: Option<String>,
    /// The kernel's release.
    release: Option<String>,
    arch: Option<String>,
    /// Usable processors.
    cpus: Option<u32>,
    uid: Option<u32>,
    /// Files by path.
    files: BTreeMap<String, String>,
    /// Files that are not there.
    absent: Vec<String>,
    /// Files whose reads give one text after the other.
    samples: BTreeMap<String, Vec<String>>,
    links: BTreeMap<String, String>,
    /// `SOFT:HARD`, or one for both.
    limits: BTreeMap<String, String>,
    /// On Linux these are files under `/proc/sys`.
    sysctls: BTreeMap<String, String>,
    /// File systems by where they are mounted.
    filesystems: BTreeMap<String, Mounted>,
    /// TCP ports that are listened on.
    listening: Option<Vec<u16>>,
    /// Whose the ports are that are listened on, where it is not `other`; an empty name cannot be seen.
    holders: BTreeMap<String, String>,
    /// Sockets in TIME_WAIT, one a port, from 32768.
    time_wait: Option<u16>,
    environment: BTreeMap<String, String>,
    /// Network interfaces, all of them up.
    interfaces: Option<Vec<Interface>>,
    /// Processes, by number.
    processes: Option<Vec<u32>>,
    /// macOS's Low Power Mode.
    low_power: Option<bool>,
    /// How wrong the clock may be, in microseconds.
    clock_error: Option<i64>,
    /// Processor time that a thousand readings of the clock take, in microseconds: outside the kernel, and in it.
    clock_cost: Option<[u64; 2]>,
    /// Parameters of the profile.
    pub set: BTreeMap<String, String>,
}

/// A file system: its kind, or more of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Mounted {
    Kind(String),
    Whole(Whole),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(rename = "type")]
    kind: String,
    /// Bytes that are free.
    #[serde(default = "plenty")]
    free: u64,
    /// Inodes that are free, of a million.
    #[serde(default = "half_a_million")]
    inodes_free: u64,
    #[serde(default)]
    read_only: bool,
}

fn plenty() -> u64 {
    500 << 30
}

fn half_a_million() -> u64 {
    500_000
}

impl Description {
    /// The operating system.
    pub fn os(&self) -> Os {
        let name = self.os.as_deref().unwrap_or("linux");
        Os::parse(name).unwrap_or_else(|| panic!("there is no system `{name}`"))
    }

    /// This host with what another description says of it.
    pub fn with(mut self, other: &Description) -> Self {
        fn replace<T: Clone>(old: &mut Option<T>, new: &Option<T>) {
            if new.is_some() {
                old.clone_from(new);
            }
        }
        fn add<T: Clone>(old: &mut BTreeMap<String, T>, new: &BTreeMap<String, T>) {
            old.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        replace(&mut self.os, &other.os);
        replace(&mut self.release, &other.release);
        replace(&mut self.arch, &other.arch);
        replace(&mut self.cpus, &other.cpus);
        replace(&mut self.uid, &other.uid);
        replace(&mut self.listening, &other.listening);
        replace(&mut self.low_power, &other.low_power);
        replace(&mut self.interfaces, &other.interfaces);
        replace(&mut self.processes, &other.processes);
        replace(&mut self.clock_error, &other.clock_error);
        replace(&mut self.clock_cost, &other.clock_cost);
        replace(&mut self.time_wait, &other.time_wait);
        // What is said last of a path holds: a text, several, or that it is not there.
        self.absent
            .retain(|path| !other.files.contains_key(path) && !other.samples.contains_key(path));
        self.files.retain(|path, _| !other.samples.contains_key(path));
        self.samples.retain(|path, _| !other.files.contains_key(path));
        self.absent.extend(other.absent.iter().cloned());
        add(&mut self.files, &other.files);
        add(&mut self.samples, &other.samples);
        add(&mut self.links, &other.links);
        add(&mut self.limits, &other.limits);
        add(&mut self.sysctls, &other.sysctls);
        add(&mut self.filesystems, &other.filesystems);
        add(&mut self.environment, &other.environment);
        add(&mut self.set, &other.set);
        add(&mut self.holders, &other.holders);
        self
    }

    /// The host, over a healthy one of its system.
    pub fn build(&self) -> MemorySystem {
        let healthy = match self.os() {
            Os::Linux => include_str!("../hosts/server.toml"),
            Os::Macos => include_str!("../hosts/mac.toml"),
            Os::Freebsd => "os = \"freebsd\"\nrelease = \"14.2-RELEASE\"\n",
        };
        let healthy: Description = serde_json::from_value(toml_as_json::parse(healthy)).expect("a description");
        healthy.with(self).system()
    }

    fn system(&self) -> MemorySystem {
        let mut system = MemorySystem::on(self.os(), self.release.as_deref().unwrap_or("0"))
            .cpus(self.cpus.unwrap_or(1))
            .arch(self.arch.as_deref().unwrap_or("x86_64"));
        if let Some(uid) = self.uid.filter(|uid| *uid != 0) {
            system = system.user(uid, 0);
        }
        let there = |path: &str| !self.absent.iter().any(|absent| absent == path);
        for (name, text) in &self.sysctls {
            let path = format!("/proc/sys/{}", name.replace('.', "/"));
            if there(&path) && there(name) {
                system = system.sysctl(name, text);
            }
        }
        for (path, text) in self.files.iter().filter(|(path, _)| there(path)) {
            // A text of several lines begins on a line of its own.
            system = system.file(path, text.strip_prefix('\n').unwrap_or(text));
        }
        for (path, texts) in self.samples.iter().filter(|(path, _)| there(path)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            system = system.samples(path, &texts);
        }
        for (path, target) in &self.links {
            system = system.link(path, target);
        }
        for (name, value) in &self.limits {
            let resource = Resource::parse(name).unwrap_or_else(|| panic!("there is no limit `{name}`"));
            let Limits { soft, hard } = limits(value);
            system = system.limit(resource, soft, hard);
        }
        for (path, mounted) in &self.filesystems {
            system = system.filesystem(path, filesystem(mounted));
        }
        for (name, value) in &self.environment {
            system = system.environment(name, value);
        }
        if let Some(interfaces) = &self.interfaces {
            let mut interfaces = interfaces.clone();
            for interface in &mut interfaces {
                interface.up = true;
            }
            system = system.interfaces(Ok(interfaces));
        }
        if let Some(pids) = &self.processes {
            let process = |pid: &u32| ProcessTime {
                pid: *pid,
                name: "server".to_owned(),
                ticks: 0,
                running: false,
            };
            system = system.processes(vec![pids.iter().map(process).collect()]);
        }
        if let Some(on) = self.low_power {
            system = system.low_power(on);
        }
        if let Some(error) = self.clock_error {
            system = system.clock(Ok(ClockState {
                maximum_error: error,
                estimated_error: error / 2,
            }));
        }
        if let Some([user, kernel]) = self.clock_cost {
            system = system.clock_cost(Ok(ClockCost {
                readings: 1000,
                user,
                system: kernel,
            }));
        }
        for port in self.listening.iter().flatten() {
            let protocol = "tcp".to_owned();
            let name = self.holders.get(&port.to_string()).map_or("other", String::as_str);
            let held = Held {
                address: "0.0.0.0".to_owned(),
                by: vec![name.to_owned()],
            };
            let answer = if name.is_empty() {
                Err(Failure::Denied(13))
            } else {
                Ok(Answer::Holders(vec![held]))
            };
            system = system.answer(Question::Holders(Endpoint { protocol, port: *port }), answer);
        }
        system.sockets(Ok(self.sockets()))
    }

    fn sockets(&self) -> Sockets {
        let listener = |port: &u16| Listener {
            protocol: "tcp".to_owned(),
            address: "0.0.0.0".to_owned(),
            port: *port,
            queued: 0,
            backlog: Some(4096),
        };
        let waiting = |offset: u16| runup::system::PortUse {
            port: 32_768 + offset,
            time_wait: 1,
            other: 0,
        };
        Sockets {
            listeners: self.listening.iter().flatten().map(listener).collect(),
            ports: (0..self.time_wait.unwrap_or(0)).map(waiting).collect(),
        }
    }
}

fn limits(text: &str) -> Limits {
    let number = |text: &str| Number::parse(text).unwrap_or_else(|_| panic!("`{text}` is no limit"));
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    Limits {
        soft: number(soft),
        hard: number(hard),
    }
}

fn filesystem(mounted: &Mounted) -> Filesystem {
    let whole = match mounted {
        Mounted::Kind(kind) => Whole {
            kind: kind.clone(),
            free: plenty(),
            inodes_free: half_a_million(),
            read_only: false,
        },
        Mounted::Whole(whole) => whole.clone(),
    };
    Filesystem {
        kind: whole.kind,
        size: plenty() * 2,
        available: whole.free,
        inodes: half_a_million() * 2,
        inodes_free: whole.inodes_free,
        read_only: whole.read_only,
    }
}
