"""Tidies recordings, and writes hosts that could not be recorded. Called by `record`: write.py FROM TO."""

import copy
import json
import pathlib
import re
import sys

came_from, to = map(pathlib.Path, sys.argv[1:])
TIME = 1_790_000_000
ABSENT = {"error": "absent"}


def save(name, host):
    host["time"] = TIME
    # Who else ran says nothing about a host.
    host["answers"]["processes"] = [
        {"processes": [{**process, "name": ""} for process in sample["processes"]]} if "processes" in sample else sample
        for sample in host["answers"].get("processes", [])
    ]
    text = json.dumps(host, indent=1, sort_keys=True) + "\n"
    (to / f"{name}.json").write_text(text)


def tidied(name, host):
    """Without what says nothing about a host: the numbers of a container, the boot arguments of who lent the machine."""
    files = host["files"]
    if name.startswith("container"):
        files["/proc/cmdline"] = ["quiet console=ttyS0 psi=1\n"]
    for path, answers in files.items():
        if path.endswith("/mountinfo"):
            files[path] = [
                re.sub(r"[0-9a-f]{64}", "0" * 12, re.sub(r"/l/[A-Z0-9]{26}", "/l/LOWER", text)) if isinstance(text, str) else text
                for text in answers
            ]
    host["platform"]["hostname"] = name
    if not name.startswith("laptop"):
        host["platform"]["release"] = re.match(r"[0-9.]+", host["platform"]["release"]).group()
    return host


hosts = {path.stem: tidied(path.stem, json.loads(path.read_text())) for path in sorted(came_from.glob("*.json"))}
for name, host in hosts.items():
    save(name, host)


def derived(base, name, note, platform):
    host = copy.deepcopy(hosts[base])
    host["note"] = f"written from documentation, not recorded: {note}"
    host["platform"].update(platform, hostname=name)
    return host


def put(host, path, text):
    host["files"][path] = [text]


def answer(host, question, value):
    host["answers"][question] = [value if value == ABSENT else {question.split()[0]: value}]


def key(host, name, value):
    host["sysctls"][name] = [value]


# 64 KiB pages and huge pages of 512 MiB are common on Arm servers, whose clock is the architecture's own counter.
arm = derived("server", "arm-server", "a server with an Arm processor", {"arch": "aarch64", "page_size": 65536, "release": "6.6.0"})
for what in ("available", "current"):
    put(arm, f"/sys/devices/system/clocksource/clocksource0/{what}_clocksource", "arch_sys_counter\n")
put(arm, "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
put(arm, "/proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\n")
# A tenth of memory, in pages that are sixteen times as large.
key(arm, "net.ipv4.tcp_mem", "17993\t23991\t35987")
answer(arm, "usable_cpus", 80)
save("arm-server", arm)

# Two sockets with two nodes each, 128 processors, half a terabyte, distributions' defaults.
numa = derived("server", "numa-server", "a server with four NUMA nodes", {"release": "6.1.0"})
put(numa, "/sys/devices/system/node/online", "0-3\n")
put(numa, "/sys/devices/system/node/has_memory", "0-3\n")
numa["directories"]["/sys/devices/system/node"] = ["has_memory", "node0", "node1", "node2", "node3", "online"]
for node in range(4):
    near = " ".join("10" if other == node else "12" if other // 2 == node // 2 else "32" for other in range(4))
    put(numa, f"/sys/devices/system/node/node{node}/distance", f"{near}\n")
    put(
        numa,
        f"/sys/devices/system/node/node{node}/meminfo",
        f"Node {node} MemTotal:       134217728 kB\nNode {node} MemFree:        {120_000_000 - node * 30_000_000} kB\n",
    )
memory = hosts["server"]["files"]["/proc/meminfo"][0].splitlines()
sizes = {"MemTotal": 536_870_912, "MemFree": 300_000_000, "MemAvailable": 480_000_000}
put(
    numa,
    "/proc/meminfo",
    "\n".join(
        f"{line.split(':')[0]}: {sizes[line.split(':')[0]]} kB" if line.split(":")[0] in sizes else line for line in memory
    )
    + "\n",
)
put(numa, "/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n")
key(numa, "kernel.numa_balancing", "1")
key(numa, "vm.zone_reclaim_mode", "0")
key(numa, "vm.nr_hugepages", "0")
answer(numa, "usable_cpus", 128)
save("numa-server", numa)

# What a kernel of 2013 has and has not: a backlog of 128, no cgroup v2, recycling still there, huge pages always.
old = derived("server", "kernel-3.10", "a server of an old enterprise distribution", {"release": "3.10.0-1160.el7.x86_64"})
put(old, "/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n")
key(old, "net.core.somaxconn", "128")
key(old, "net.ipv4.tcp_tw_recycle", "1")
key(old, "net.ipv4.tcp_max_syn_backlog", "512")
key(old, "net.ipv4.ip_local_port_range", "32768\t61000")
key(old, "vm.max_map_count", "65530")
answer(old, "limits nofile", ["1024", "4096"])
# A kernel of that time is asked for each processor's own directory; this is a virtual machine, which has no cpufreq.
old["directories"]["/sys/devices/system/cpu"] = ["cpu0", "cpu1", "online", "possible", "present"]
for cpu in range(2):
    old["stats"][f"/sys/devices/system/cpu/cpu{cpu}/cpufreq"] = ABSENT
save("kernel-3.10", old)

SHELLS = [
    *(f"/etc/{name}" for name in ("bash.bashrc", "bashrc", "crontab", "profile", "zprofile", "zsh/zprofile", "zsh/zshrc", "zshrc")),
    *(f"/root/.{name}" for name in ("bash_profile", "bashrc", "profile", "zshrc")),
]
DISK = {"available": 180_000_000_000, "inodes": 1_760_000_000, "inodes_free": 1_755_000_000, "read_only": False, "size": 494_384_795_648}
mac = {
    "schema": hosts["server"]["schema"],
    "note": "written from documentation, not recorded: a laptop with macOS on its battery",
    "platform": {"os": "macos", "release": "24.6.0", "arch": "aarch64", "hostname": "macbook", "page_size": 16384, "ticks_per_second": 100},
    "identity": {"pid": 4242, "uid": 501, "gid": 20, "capabilities": 0},
    "process": "/proc/self",
    "environment": {},
    "files": {path: [ABSENT] for path in SHELLS},
    "sysctls": {
        name: [value]
        for name, value in {
            "kern.maxfiles": "245760",
            "kern.maxfilesperproc": "122880",
            "kern.ipc.somaxconn": "128",
            "net.inet.ip.portrange.first": "49152",
            "net.inet.ip.portrange.last": "65535",
            "net.inet.tcp.msl": "15000",
            "hw.memsize": "17179869184",
            "hw.ncpu": "10",
            "vm.swapusage": "total = 2048.00M  used = 512.00M  free = 1536.00M  (encrypted)",
        }.items()
    },
    "answers": {},
}
for path in ("/", "/tmp"):
    answer(mac, f"filesystem {path}", {**DISK, "kind": "apfs"})
for question in hosts["server"]["answers"]:
    if question.startswith("filesystem /var/lib/"):
        answer(mac, question, ABSENT)
for name in ("as", "cpu", "data", "fsize", "memlock", "rss"):
    answer(mac, f"limits {name}", ["unlimited", "unlimited"])
answer(mac, "limits core", ["0", "unlimited"])
answer(mac, "limits nofile", ["256", "unlimited"])
answer(mac, "limits nproc", ["2666", "4000"])
answer(mac, "limits stack", ["8372224", "67092480"])
answer(mac, "usable_cpus", 10)
answer(mac, "batteries", [{"discharging": True, "charge": 71}])
answer(mac, "low_power_mode", True)
answer(mac, "sockets", {"listeners": [], "ports": []})
answer(mac, "processes", [])
save("macbook", mac)
