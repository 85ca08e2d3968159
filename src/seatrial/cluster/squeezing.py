"""Inside a node's container: the memory of one of its containers filled until the kernel kills.

A process of ours joins the container's control group and writes to a file in memory that has no
name any more: what it wrote counts there and is nobody's, so the kernel picks the container's own
process. All of it is bounded, and gone with us.
Source: kernel.org, "Memory Resource Controller" (cgroup v1) and "Control Group v2", memory.
May import: errors, cluster.{engine,halts}.
"""

from __future__ import annotations

from seatrial.cluster import halts
from seatrial.cluster.engine import Engine
from seatrial.errors import CannotRun

_UNLIMITED = 2**60
"""cgroup v1 has no word for it, only the largest number of whole pages."""
_PATIENCE = 60
"""Seconds that the filling may take by the engine's clock; it gives up itself after a quarter."""

_PLACE = """pid=$1
place=$(sed -n 's/^[0-9]*:memory://p' "/proc/$pid/cgroup")
if [ -n "$place" ]; then
  dir=/sys/fs/cgroup/memory$place most=memory.limit_in_bytes told=memory.oom_control
else
  dir=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup") most=memory.max told=memory.events
fi
[ -f "$dir/cgroup.procs" ] || { echo "no control group of $pid at $dir" >&2; exit 1; }
"""
_LIMIT = f'{_PLACE}cat "$dir/$most"'
_FILL = f"""{_PLACE}
[ "$(stat -f -c %T /run)" = tmpfs ] || {{ echo "/run is not in memory" >&2; exit 1; }}
kills() {{ now=$(sed -n 's/^oom_kill //p' "$dir/$told" 2>/dev/null) && [ -n "$now" ]; }}
lives() {{
  read -r line < "/proc/$pid/stat" || return 1
  case ${{line##*) }} in [ZX]*) return 1 ;; esac
}} 2>/dev/null
most=$(cat "$dir/$most")
case $most in *[!0-9]*) most=0 ;; esac
[ "$most" -gt 0 ] && [ "$most" -lt {_UNLIMITED} ] || {{ echo none; exit; }}
file=$(mktemp /run/seatrial.XXXXXX)
exec 3<>"$file"
rm "$file"
kills || now=0
before=$now after=$now left=8 end=$(($(date +%s) + 15)) writer=
while kills && after=$now; lives && [ "$(date +%s)" -lt "$end" ]; do
  [ -n "$writer" ] && kill -0 "$writer" 2>/dev/null && continue
  if [ "$left" -gt 0 ]; then
    left=$((left - 1))
    sh -c 'echo $$ > "$0/cgroup.procs" && exec head -c "$1" /dev/zero >&3' \
      "$dir" $((most / 2 + 1)) 2>/dev/null &
    writer=$!
  else
    sleep 0.1
  fi
done
kills && after=$now
[ -n "$writer" ] && kill "$writer" 2>/dev/null
echo $((after - before))"""
"""Eight times half the limit at most: where there is swap, the first halves may go there."""


def memory(engine: Engine, node: str, number: str) -> int:
    """Give a container's memory limit in bytes, 0 when it has none."""
    said = engine.docker("exec", node, "sh", "-c", _LIMIT, "sh", _pid(engine, node, number))
    found = int(said) if said.strip().isdecimal() else 0
    return found if found < _UNLIMITED else 0


def exhaust(engine: Engine, node: str, number: str) -> int:
    """Fill a container's memory until its main process has ended; give the kernel's kills there.

    Raises CannotRun when it has no limit: then the whole machine would be filled.
    """
    words = ("sh", "-c", _FILL, "sh", _pid(engine, node, number))
    said = engine.docker("exec", node, *words, limit=_PATIENCE).strip()
    if said == "none":
        raise CannotRun(f"a memory limit of container {number[:12]}", seen="it has none")
    return int(said)


def _pid(engine: Engine, node: str, number: str) -> str:
    if pid := halts.process(engine, node, number):
        return str(pid)
    raise CannotRun(f"container {number[:12]} to run", seen="its runtime says that it does not")
