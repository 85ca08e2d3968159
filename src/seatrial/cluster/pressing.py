"""Inside a node's container: one of its containers short of CPU, of memory, of file descriptors.

CPU and memory are taken by processes of ours in the container's own control group; they bear a
mark in their environment. The one that holds memory is the first that the kernel would end. Of
descriptors the main process may have as many as it has: its soft limit is lowered, by its own user
(the hard one is not touched, so that it can be raised again), and the old one is written down in
the node's memory before. Whatever becomes of us, the node ends all of it after two minutes.
Source: kernel.org, "CPU Accounting Controller" and "Memory Resource Controller" (cgroup v1),
"Control Group v2"; prlimit(2), who may change whose limits; proc(5).
May import: machine, errors, cluster.{engine,halts}.
"""

from __future__ import annotations

from seatrial.cluster import halts
from seatrial.cluster.engine import Engine
from seatrial.errors import BadInput, CannotRun
from seatrial.machine import PRESSURES, Pressure

LONGEST = 120
"""Seconds after which the node ends a pressure by itself."""
_MARK = "SEATRIAL_PRESSURE"
_NOTES = "/run/seatrial-limits"
_SHARE = 90
"""Percent of a memory limit that is held together with what the container holds itself."""
_MOST_LOOPS = 8

_PLACE = """place() {
  at=$(sed -n -E "s/^[0-9]+:([^:]*,)?$1(,[^:]*)?://p" "/proc/$pid/cgroup")
  if [ -n "$at" ]; then dir=/sys/fs/cgroup/$1$at old=yes
  else dir=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup") old=
  fi
  [ -f "$dir/cgroup.procs" ] || { echo "no control group of $pid at $dir" >&2; exit 1; }
}
"""
_FILES = """first_free() { sort -n | awk 'BEGIN { n = 0 } $1 == n { n++ } END { print n }'; }
soft() { awk '/^Max open files/ { print $4 }' "/proc/$pid/limits"; }
"""
_BORN = """born() {
  read -r line < "/proc/$1/stat" || return 1
  set -- ${line##*) }
  echo "${20}"
} 2>/dev/null
own() { awk -v what="$2:" '$1 == what { print $2 }' "/proc/$1/status"; }
limit() {
  setpriv --reuid "$(own "$1" Uid)" --regid "$(own "$1" Gid)" --clear-groups \\
    prlimit --pid "$1" --nofile="$2:"
}
"""
"""A limit is changed by the user of the process: nobody else may without CAP_SYS_RESOURCE."""

_BEGUN = f"""begun() {{
  while read -r line < "/proc/$1/stat" && [ "${{line#*) Z}}" = "$line" ]; do
    ! grep -qsz '^{_MARK}=' "/proc/$1/environ" || return 0
  done
}} 2>/dev/null
"""
"""Waits until what a script leaves behind bears its mark (or is over): from then on it is found."""

_LOOK = f"""pid=$1 number=$2
{_PLACE}{_FILES}
place memory
groups=$dir
if [ -n "$old" ]; then memory=$(cat "$dir/memory.usage_in_bytes")
else memory=$(cat "$dir/memory.current")
fi
place cpuacct
groups="$groups $dir"
if [ -n "$old" ]; then cpu=$(($(cat "$dir/cpuacct.usage") / 1000))
else cpu=$(sed -n 's/^usage_usec //p' "$dir/cpu.stat")
fi
ours=0
for found in $(grep -lsz "^{_MARK}=[a-z]*:$number\\$" /proc/[0-9]*/environ); do
  found=${{found#/proc/}}
  for dir in $groups; do
    grep -qx "${{found%/environ}}" "$dir/cgroup.procs" && ours=$((ours + 1)) && break
  done
done
there=$(ls "/proc/$pid/fd") || exit 1
free=$(echo "$there" | first_free)
echo "$cpu $memory $(echo "$there" | wc -w) $(soft) $free $ours\""""

_RELIEVE = f"""{_BORN}
wanted=$1 bad=0
for note in {_NOTES}/*; do
  case ${{note##*/}} in '*' | *.part) continue ;; esac
  [ "${{wanted:-${{note##*/}}}}" = "${{note##*/}}" ] || continue
  read -r pid when most < "$note" || continue
  if [ "$(born "$pid")" = "$when" ]; then
    if limit "$pid" "$most"; then echo "files:${{note##*/}}"
    elif [ "$(born "$pid")" = "$when" ]; then bad=1; continue
    fi
  fi
  rm -f "$note"
done
what="^{_MARK}=${{wanted:+[a-z]*:$wanted\\$}}"
for again in 1 2 3; do
  for found in $(grep -lsz -e "$what" /proc/[0-9]*/environ); do
    pid=${{found#/proc/}} pid=${{pid%/environ}}
    [ "$pid" != $$ ] || continue
    tr '\\0' '\\n' 2>/dev/null < "$found" | sed -n 's/^{_MARK}=//p'
    kill -KILL "$pid" 2>/dev/null
  done
done
exit $bad"""
"""Three looks: who is about to start another is seen with it by the next one."""

_CPU = f"""pid=$1 number=$2
{_PLACE}{_BEGUN}
place cpuacct
first=$dir
place cpu
loops=$(nproc)
[ "$loops" -le {_MOST_LOOPS} ] || loops={_MOST_LOOPS}
while [ "$loops" -gt 0 ]; do
  loops=$((loops - 1))
  {_MARK}="cpu:$number" setsid sh -c '
    for dir; do echo $$ > "$dir/cgroup.procs" || exit 1; done
    exec timeout -s KILL {LONGEST} sh -c "while :; do :; done"
  ' sh "$first" "$dir" >/dev/null 2>&1 </dev/null &
  begun $!
done"""

_MEMORY = f"""pid=$1 number=$2
{_PLACE}{_BEGUN}
place memory
if [ -n "$old" ]; then most=$(cat "$dir/memory.limit_in_bytes") all=total_
else most=$(cat "$dir/memory.max") all=
fi
held=$(awk -v all="$all" '
  $1 == all "rss" || $1 == all "anon" || $1 == all "shmem" {{ sum += $2 }}
  END {{ printf "%.0f", sum }}' "$dir/memory.stat")
rest=$((most / 100 * {_SHARE} - held))
[ "$rest" -gt 1048576 ] || {{ echo "it holds $held of $most bytes already" >&2; exit 1; }}
{_MARK}="memory:$number" setsid sh -c '
  echo 1000 > /proc/self/oom_score_adj
  echo $$ > "$0/cgroup.procs" || exit 1
  {{ head -c "$1" /dev/zero; sleep {LONGEST}; }} | tail
' "$dir" "$rest" >/dev/null 2>&1 </dev/null &
begun $!"""
"""`tail` keeps a line that does not end, and this one never does before its writer sleeps."""

_SHORT = f"""pid=$1 number=$2 relieve=$3
{_FILES}{_BORN}{_BEGUN}
note={_NOTES}/$number
mkdir -p {_NOTES}
[ ! -e "$note" ] || {{ echo "its limit is lowered already" >&2; exit 1; }}
most=$(soft)
echo "$pid $(born "$pid") $most" > "$note.part" && mv "$note.part" "$note" || exit 1
{_MARK}="files:$number" setsid sh -c 'sleep {LONGEST}; exec sh -c "$0" sh "$1"' \\
  "$relieve" "$number" >/dev/null 2>&1 </dev/null &
begun $!
quiet=0 left=30
while [ "$left" -gt 0 ] && [ "$quiet" -lt 5 ]; do
  left=$((left - 1)) quiet=$((quiet + 1))
  there=$(ls "/proc/$pid/fd") || exit 1
  free=$(echo "$there" | first_free)
  if [ "$free" -lt "$(soft)" ]; then limit "$pid" "$free" || exit 1; quiet=0; fi
  sleep 0.1
  [ -e "$note" ] || {{ limit "$pid" "$most"; echo "it was relieved meanwhile" >&2; exit 1; }}
done"""
"""Lowered until nothing below it gets free any more: what is open for a moment only is let go.

Whoever relieves it in between takes the note away, and has the last word.
"""


def press(engine: Engine, node: str, number: str, kind: str) -> None:
    """Press a container by one of PRESSURES; raises BadInput for another, CannotRun or ToolFailed.

    Memory is refused without a limit: then the whole machine would be filled.
    """
    if kind not in PRESSURES:
        raise BadInput(f"one of {', '.join(PRESSURES)}", seen=kind)
    script, more = {"cpu": _CPU, "memory": _MEMORY, "files": _SHORT}[kind], (_RELIEVE,)
    words = (_pid(engine, node, number), number, *(more if kind == "files" else ()))
    engine.docker("exec", node, "sh", "-c", script, "sh", *words)


def pressed(engine: Engine, node: str, number: str) -> Pressure:
    """Ask the kernel what a container uses; raises CannotRun when it does not run."""
    words = ("sh", "-c", _LOOK, "sh", _pid(engine, node, number), number)
    cpu, memory, there, most, free, ours = map(int, engine.docker("exec", node, *words).split())
    return Pressure(cpu / 1e6, memory, there, most, free, ours)


def relieve(engine: Engine, node: str, number: str = "") -> tuple[str, ...]:
    """End what presses a container, all containers if none is named; says what that was."""
    said = engine.docker("exec", node, "sh", "-c", _RELIEVE, "sh", number).splitlines()
    return tuple(dict.fromkeys(line for line in said if line.partition(":")[0] in PRESSURES))


def _pid(engine: Engine, node: str, number: str) -> str:
    if pid := halts.process(engine, node, number):
        return str(pid)
    raise CannotRun(f"container {number[:12]} to run", seen="its runtime says that it does not")
