#!/usr/bin/env bash
# Times `runup check` beside what it is measured against, in one run:
#
#   benches/check.sh PATH-OF-A-STATIC-BUILD
#
# 100 sysctls from a profile; a bare static C program of the same libc that opens, reads once and closes the same files; `sysctl -n`
# of the same keys; start-up alone of both; and 1,000 and 10,000 rules. Prints medians of $RUNS runs (1000), and ratios to the C program. Needs
# hyperfine, musl-gcc (Debian: musl-tools) and python3.
set -euo pipefail
runup=$(realpath "${1:?the path of a static build}")
runs=${RUNS:-1000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >loop.c <<'C'
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  char buffer[4096];
  for (int i = 1; i < argc; i++) {
    int fd = open(argv[i], O_RDONLY);
    if (fd >= 0) { if (read(fd, buffer, sizeof buffer) < 0) return 1; close(fd); }
  }
  return 0;
}
C
musl-gcc -O2 -static -o loop loop.c
python3 - <<'PY'
import os
keys = []
for tree in ("net/ipv4", "net/core", "vm", "kernel", "fs"):
    for name in sorted(os.listdir("/proc/sys/" + tree)):
        path = f"/proc/sys/{tree}/{name}"
        try:
            with open(path) as file:
                text = file.read().strip()
        except OSError:
            continue
        if text.lstrip("-").isdigit():
            keys.append((f"{tree}/{name}".replace("/", "."), path, int(text)))
keys = keys[:100]
assert len(keys) == 100, len(keys)
rule = '[[rule]]\nid = "rule-{}"\nsysctl = {{ key = "{}", min = {}, known = true }}\nwhy = "it is as it was"\nsource = "https://docs.kernel.org/"\n\n'
for count in (100, 1000, 10000):
    with open(f"p{count}.toml", "w") as out:
        for n in range(count):
            key, _, value = keys[n % 100]
            # A value that moves by itself must not fail the check.
            out.write(rule.format(n, key, min(value, 0)))
open("paths", "w").write(" ".join(path for _, path, _ in keys))
open("names", "w").write(" ".join(key for key, _, _ in keys))
PY
hyperfine -N --warmup 50 --runs "$runs" --export-json small.json \
  -n 'C loop, 100 keys' "./loop $(cat paths)" \
  -n 'runup check, 100 rules' "$runup check ./p100.toml" \
  -n 'sysctl -n, 100 keys' "sysctl -n $(cat names)" \
  -n 'C start-up' ./loop \
  -n 'runup start-up' "$runup --version" >/dev/null 2>&1
hyperfine -N --warmup 3 --runs "$((runs / 33 + 1))" --export-json large.json \
  -n 'runup check, 1,000 rules' "$runup check ./p1000.toml" \
  -n 'runup check, 10,000 rules' "$runup check ./p10000.toml" >/dev/null 2>&1
python3 - <<'PY'
import json
rows = json.load(open("small.json"))["results"] + json.load(open("large.json"))["results"]
base = rows[0]["median"]
for row in rows:
    print(f'{row["command"]:28} median {row["median"] * 1e3:8.3f} ms   min {row["min"] * 1e3:8.3f} ms   {row["median"] / base:7.2f} x the C loop')
PY
ls -l "$runup" | awk '{ print "binary: " $5 " bytes" }'
