#!/usr/bin/env bash
# Times and weighs `runup exec` beside the init shims that Debian packages, in one run:
#
#   benches/shim.sh PATH-OF-A-STATIC-BUILD
#
# 1. What each adds to the start of a static program that does nothing: spawned in turns, so that noise hits all alike; medians,
#    and the difference to the bare spawn. Those that stay are timed to the end of the program, whose exit they pass on.
# 2. What each holds while it waits for a program that sleeps: anonymous and proportional memory, and how often it wakes up.
# 3. The size of each file.
#
# The packaged shims are linked with glibc, runup with musl; where the sources can be had (`deb-src`) they are rebuilt with musl too,
# so that the libraries' start-up does not blur the comparison. Needs Debian: musl-tools tini dumb-init catatonit, and for the
# rebuilding the network, autoconf, automake and libtool.
set -euo pipefail
runup=$(realpath "${1:?the path of a static build}")
mirror=$("$(dirname "$0")/../tools/debian-mirror" || true)
runs=${RUNS:-2000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >noop.c <<'C'
int main(void) { return 0; }
C
cat >sleeper.c <<'C'
#include <unistd.h>
int main(void) { for (;;) pause(); }
C
# Spawns the commands of a file (one a line, words separated by blanks) in turns and prints the median of each in microseconds.
cat >turns.c <<'C'
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
extern char **environ;
static int cmp(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return x < y ? -1 : x > y; }
int main(int argc, char **argv) {
  int runs = atoi(argv[2]), n = 0;
  static char lines[32][4096]; static char *words[32][64]; static double *took[32];
  FILE *f = fopen(argv[1], "r");
  while (f && n < 32 && fgets(lines[n], sizeof lines[n], f)) {
    int w = 0;
    for (char *p = strtok(lines[n], " \n"); p; p = strtok(NULL, " \n")) words[n][w++] = p;
    took[n] = calloc(runs, sizeof(double)); n++;
  }
  for (int run = -20; run < runs; run++)
    for (int i = 0; i < n; i++) {
      struct timespec a, b; pid_t pid; int status;
      clock_gettime(CLOCK_MONOTONIC, &a);
      if (posix_spawn(&pid, words[i][0], NULL, NULL, words[i], environ)) { perror(words[i][0]); return 1; }
      waitpid(pid, &status, 0);
      clock_gettime(CLOCK_MONOTONIC, &b);
      if (status) { fprintf(stderr, "%s: status %d\n", words[i][0], status); return 1; }
      if (run >= 0) took[i][run] = (b.tv_sec - a.tv_sec) * 1e6 + (b.tv_nsec - a.tv_nsec) / 1e3;
    }
  for (int i = 0; i < n; i++) { qsort(took[i], runs, sizeof(double), cmp); printf("%.1f\n", took[i][runs / 2]); }
  return 0;
}
C
musl-gcc -O2 -static -o noop noop.c
musl-gcc -O2 -static -o sleeper sleeper.c
gcc -O2 -o turns turns.c

# 40 rules that pass: 30 keys, limits, memory, processors, switches.
python3 - <<'PY'
import os, resource
rules, skip = [], {"random", "route"}
for tree in ("net/ipv4", "net/core", "vm", "kernel", "fs"):
    for name in sorted(os.listdir("/proc/sys/" + tree)):
        try:
            text = open(f"/proc/sys/{tree}/{name}").read().strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text.lstrip("-").isdigit() and len(rules) < 30:
            rules.append(f'sysctl = {{ key = "{tree}/{name}", min = {min(int(text), 0)}, known = true }}'.replace("/", ".", 9))
for name in ("nofile", "core", "stack", "nproc"):
    rules.append(f'rlimit = {{ resource = "{name}", soft = {{ min = 0 }} }}')
rules += ['memory = { total = { min = "1M" } }', 'memory = { available = { min = "1M" } }', 'cpu = { usable = { min = 1 } }',
          'kernel = { version = { min = "3.10" } }', 'cgroup = { pids_max = { min = 1 } }',
          'sysctl = { key = "net.ipv4.tcp_rmem", field = "max", min = 1 }']
with open("p40.toml", "w") as out:
    for n, rule in enumerate(rules):
        out.write(f'[[rule]]\nid = "rule-{n}"\n{rule}\nwhy = "it is as it was"\nsource = "https://docs.kernel.org/"\n\n')
assert len(rules) == 40, len(rules)
PY

# The others with musl, where their sources can be had. They are built here and thrown away.
rebuild() {
  mkdir -p apt/lists/partial apt/cache/archives/partial src
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
  echo "deb-src $mirror $release main" >sources.list
  private=(-qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/apt/lists"
    -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=root)
  apt-get "${private[@]}" update || return
  for package in tini dumb-init catatonit; do
    (cd src && apt-get "${private[@]}" source --download-only "$package" || true) >/dev/null 2>&1
    mkdir -p "src/$package"
    tar -xf src/"$package"_*.orig.tar.* -C "src/$package" --strip-components=1 || return
  done
  (cd src/tini/src && printf '#define TINI_VERSION "0"\n#define TINI_GIT ""\n' >tiniConfig.h && musl-gcc -O2 -static -D_GNU_SOURCE -I. -o "$work/tini-musl" tini.c) || true
  (cd src/dumb-init && { [ -e VERSION.h ] || xxd -i VERSION >VERSION.h; } && musl-gcc -O2 -static -o "$work/dumb-init-musl" dumb-init.c) || true
  (cd src/catatonit && printf '#define PACKAGE_VERSION "0"\n#define PACKAGE_STRING "catatonit"\n#define PACKAGE_URL ""\n#define PACKAGE_BUGREPORT ""\n' >config.h \
    && musl-gcc -O2 -static -D_GNU_SOURCE -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu -I. -o "$work/catatonit-musl" catatonit.c) || true
}
rebuild >rebuild.log 2>&1 || true

names=(); commands=()
add() { names+=("$1"); commands+=("$2"); }
add 'bare spawn' "$work/noop"
add 'runup exec' "$runup exec -- $work/noop"
add 'runup exec, 40 rules' "$runup exec $work/p40.toml -- $work/noop"
add 'runup exec --init' "$runup exec --init --quiet -- $work/noop"
ln -s "$runup" runup-as-tini; mkdir as; ln -s "$runup" as/tini
add 'runup as tini' "$work/as/tini -s -- $work/noop"
for name in tini dumb-init catatonit; do
  words=; [ $name = tini ] && words='-s'; [ $name = dumb-init ] || words="$words --"
  if path=$(command -v $name); then add "$name, as packaged" "$path $words $work/noop"; fi
  if [ -x $name-musl ]; then add "$name, musl" "$work/$name-musl $words $work/noop"; fi
done
printf '%s\n' "${commands[@]}" >commands
mapfile -t medians < <(./turns commands "$runs")
[ "${#medians[@]}" -eq "${#names[@]}" ] || { echo 'a command failed' >&2; exit 1; }

printf '%-26s %10s %12s %10s %8s %8s %9s\n' '' 'median ms' 'added ms' 'bytes' 'anon K' 'PSS K' 'wakes/s'
for i in "${!names[@]}"; do
  path=${commands[i]%% *}
  memory='- -'; wakes=-
  case ${names[i]} in
    'bare spawn' | 'runup exec' ) ;;
    *)
      read -ra words <<<"${commands[i]/$work\/noop/$work/sleeper}"
      [ "${names[i]}" != 'runup exec, 40 rules' ] || words=("$runup" exec --init --quiet "$work/p40.toml" -- "$work/sleeper")
      "${words[@]}" & pid=$!
      sleep 0.5
      memory=$(awk '/^Anonymous:/ { a = $2 } /^Pss:/ { p = $2 } END { print a " " p }' "/proc/$pid/smaps_rollup")
      switches() { awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$pid/status"; }
      before=$(switches); sleep 5; after=$(switches)
      wakes=$(awk "BEGIN { print ($after - $before) / 5 }")
      # shellcheck disable=SC2046 # each is a word
      kill -KILL $pid $(cat /proc/$pid/task/$pid/children 2>/dev/null) 2>/dev/null; wait $pid 2>/dev/null || true
      ;;
  esac
  awk -v name="${names[i]}" -v median="${medians[i]}" -v base="${medians[0]}" -v size="$(stat -L -c %s "$path")" -v memory="$memory" -v wakes="$wakes" \
    'BEGIN { split(memory, m, " "); printf "%-26s %10.3f %+12.3f %10d %8s %8s %9s\n", name, median / 1000, (median - base) / 1000, size, m[1], m[2], wakes }'
done
[ -x tini-musl ] || { echo 'not rebuilt with musl:'; tail -n 5 rebuild.log; }
