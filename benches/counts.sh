#!/usr/bin/env bash
# Counts what a build does instead of timing it, so that a busy machine gives the same answer as an idle one:
#
#   benches/counts.sh PATH-OF-A-STATIC-BUILD
#
# Of each command: instructions outside the kernel (callgrind), system calls (strace) and minor page faults (the kernel's own
# count, with what starting a process costs). `exec` starts a program that does nothing; callgrind cannot see past execve(2), so there
# the program is a file that the kernel refuses to execute. Of `exec --init` the instructions are the supervisor's alone.
# Needs, from Debian: valgrind strace python3 musl-tools.
set -euo pipefail
runup=$(realpath "${1:?the path of a static build}")
# A variable that is none of its own gets a line on stderr, and that counts.
unset "${!RUNUP_@}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# Rules that pass, about keys that every Linux has.
python3 - <<'PY'
import os
keys = []
for tree in ("net/ipv4", "net/core", "vm", "kernel", "fs"):
    for name in sorted(os.listdir("/proc/sys/" + tree)):
        try:
            text = open(f"/proc/sys/{tree}/{name}").read().strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text.lstrip("-").isdigit():
            keys.append((f"{tree}/{name}".replace("/", "."), min(int(text), 0)))
rule = '[[rule]]\nid = "rule-{}"\nsysctl = {{ key = "{}", min = {}, known = true }}\nwhy = "it is as it was"\nsource = "https://docs.kernel.org/"\n\n'
for count in (40, 100, 1000):
    with open(f"p{count}.toml", "w") as out:
        out.write("".join(rule.format(n, *keys[n % min(count, 100, len(keys))]) for n in range(count)))
PY
echo 'int main(void) { return 0; }' | musl-gcc -O2 -static -xc -o noop -
head -c 4096 /dev/zero >refused
chmod +x refused
printf '%-28s %14s %14s %14s\n' '' instructions 'system calls' 'page faults'
# A name, how valgrind's run ends, and the command; NOOP in it stands for the program.
row() {
  local name=$1 ends=$2 program=$work/noop instructions calls faults status=0 words
  shift 2
  [ "$ends" -eq 0 ] || program=$work/refused
  words=("${@/#NOOP/$program}")
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "${words[@]}" >out 2>err || status=$?
  [ $status -eq "$ends" ] || { tail -n 5 err >&2; return 1; }
  instructions=$(sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' err | head -n 1)
  words=("${@/#NOOP/$work/noop}")
  strace -f -o calls "${words[@]}" >out 2>err
  calls=$(grep -cE '^[0-9]+ +[a-z_0-9]+\(' calls)
  faults=$(python3 - "${words[@]}" <<'PY'
import os, sys
null = os.open(os.devnull, os.O_RDWR)
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)])
print(os.wait4(pid, 0)[2].ru_minflt)
PY
)
  printf '%-28s %14s %14s %14s\n' "$name" "$instructions" "$calls" "$faults"
}
row 'runup --version' 0 "$runup" --version
row 'check, 100 rules' 0 "$runup" check ./p100.toml
row 'check, 1,000 rules' 0 "$runup" check ./p1000.toml
row 'exec' 126 "$runup" exec -- NOOP
row 'exec, 40 rules' 126 "$runup" exec ./p40.toml -- NOOP
row 'exec --init' 0 "$runup" exec --init --quiet -- NOOP
