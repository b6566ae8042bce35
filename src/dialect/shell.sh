#
# apply: raises what is too low, lowers what is too high, and keeps the old values in $RUNUP_STATE.
# undo:  puts the old values back, except where somebody else has changed them since.
#
# shellcheck disable=SC2317 # what sets words is not needed where there are none
set -uf
state=${RUNUP_STATE:-/var/lib/runup/export-@NAME@.undo}
failed=0
value=

settings() {
  :
  @SETTINGS@
}

say() {
  printf '%s\n' "$*" >&2
}

fail() {
  say "$@"
  failed=1
}

# Reads a sysctl, or a switch by its path, into $value; fields are separated by single spaces.
look() {
  case $1 in
    /*)
      value=$(cat "$1") || return 1
      case $value in
        *\[*\]*)
          value=${value#*\[}
          value=${value%%\]*}
          ;;
      esac
      ;;
    *) value=$(sysctl -n "$1") || return 1 ;;
  esac
  # shellcheck disable=SC2086 # the fields are meant to be split
  set -- $value
  value=$*
}

put() {
  case $1 in
    /*) printf '%s\n' "$2" >"$1" ;;
    *) sysctl -w "$1=$2" >/dev/null ;;
  esac
}

# Whether one integer is less than another; they may be larger than what a shell can count.
less() {
  case $1,$2 in
    -*,-*) set -- "${2#-}" "${1#-}" ;;
    -*,*) return 0 ;;
    *,-*) return 1 ;;
  esac
  [ "${#1}" -eq "${#2}" ] || {
    [ "${#1}" -lt "${#2}" ]
    return
  }
  [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | LC_ALL=C sort | head -n 1)" = "$1" ]
}

# Writes a new value in place of $value, which is remembered first.
change() {
  [ "$value" != "$2" ] || return 0
  old=$value
  printf '%s|%s|%s\n' "$1" "$old" "$2" >>"$state" || {
    fail "$1: not changed: $state cannot be written"
    return
  }
  if ! put "$1" "$2" || ! look "$1"; then
    fail "$1: cannot be set to $2"
    return
  fi
  if [ "$value" = "$2" ]; then
    say "$1: $old -> $2"
  else
    fail "$1: the kernel made $value of $2"
    printf '%s|%s|%s\n' "$1" "$old" "$value" >>"$state"
  fi
}

# A floor and a ceiling for each field: FLOOR:CEILING, either may be empty.
bounds() {
  target=$1
  shift
  look "$target" || {
    fail "$target: cannot be read"
    return
  }
  new=
  for field in $value; do
    if [ $# -gt 0 ]; then
      floor=${1%:*} ceiling=${1#*:}
      shift
      if [ -n "$ceiling" ] && less "$ceiling" "$field"; then field=$ceiling; fi
      if [ -n "$floor" ] && less "$field" "$floor"; then field=$floor; fi
    fi
    new="$new${new:+ }$field"
  done
  change "$target" "$new"
}

# A range that holds another: LOW HIGH any|same|different; it is only ever widened.
range() {
  look "$1" || {
    fail "$1: cannot be read"
    return
  }
  low=${value%% *} high=${value##* }
  if [ "$2" -lt "$low" ]; then low=$2; fi
  if [ "$3" -gt "$high" ]; then high=$3; fi
  case $4,$(((low + high) % 2)) in
    same,1 | different,0)
      if [ "$high" -lt 65535 ]; then
        high=$((high + 1))
      else
        low=$((low - 1))
      fi
      ;;
  esac
  change "$1" "$low $high"
}

# VALUE, unless it is one of the words that follow.
among() {
  target=$1 new=$2
  shift 2
  look "$target" || {
    fail "$target: cannot be read"
    return
  }
  for word; do
    [ "$value" != "$word" ] || return 0
  done
  change "$target" "$new"
}

# VALUE, if it is one of the words that follow.
without() {
  target=$1 new=$2
  shift 2
  look "$target" || {
    fail "$target: cannot be read"
    return
  }
  for word; do
    [ "$value" != "$word" ] || change "$target" "$new"
  done
}

undo() {
  [ -e "$state" ] || {
    say "nothing to undo: there is no $state"
    return
  }
  while IFS='|' read -r target old new; do
    [ -n "$target" ] || continue
    look "$target" || {
      fail "$target: cannot be read"
      continue
    }
    [ "$value" != "$old" ] || continue
    if [ "$value" != "$new" ]; then
      say "$target: left at $value, which is not what was written"
    elif put "$target" "$old" && look "$target" && [ "$value" = "$old" ]; then
      say "$target: $new -> $old"
    else
      fail "$target: cannot be set back to $old"
    fi
  done <<LINES
$(sed '1!G;h;$!d' "$state")
LINES
  [ "$failed" -ne 0 ] || rm -f "$state"
}

case ${1-} in
  apply)
    umask 077
    mkdir -p "$(dirname "$state")" || exit 1
    settings
    ;;
  undo) undo ;;
  *)
    say "usage: $0 apply|undo"
    exit 2
    ;;
esac
exit "$failed"
