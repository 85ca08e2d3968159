"""Inside a node's container: units of its init and processes of its pods, stopped and let go on.

systemd is the init of every node image; all else is sh and /proc.
Source: systemctl(1); proc(5); signal(7), SIGSTOP reaches a container's init from outside of it.
May import: machine, errors, cluster.{engine,insides}.
"""

from __future__ import annotations

from seatrial.cluster.engine import Engine
from seatrial.cluster.insides import CTR
from seatrial.machine import Unit

UNITS = ("containerd", "kubelet")
"""The units that are ever halted, in the order in which they are started again."""

_STATE = """look() {
  state= parent=
  read -r line < "/proc/$1/stat" || return 0
  set -- ${line##*) }
  state=$1 parent=$2
} 2>/dev/null
"""
"""State and parent of a process, nothing when it is gone; its name may have any character."""
_DOING = f'{_STATE}look "$1"; echo "$state"'
_REVIVE = f"""{_STATE}
for found in /proc/[0-9]*; do
  look "${{found#/proc/}}"
  [ "$state" = T ] || continue
  case $(cat "/proc/$parent/comm" 2>/dev/null) in containerd-shim*)
    kill -CONT "${{found#/proc/}}" && echo "process ${{found#/proc/}}" ;;
  esac
done
for found in $(grep -lsz "^SEATRIAL_STALL=" /proc/[0-9]*/environ); do
  found=${{found#/proc/}} found=${{found%/environ}}
  [ "$found" != $$ ] && kill -KILL "$found" 2>/dev/null && echo "threads held by $found"
done
bad=0
for unit in {" ".join(UNITS)}; do
  case $(systemctl is-active "$unit") in inactive | failed)
    systemctl start "$unit" && echo "unit $unit" || bad=1 ;;
  esac
done
exit $bad"""
"""A pod's first process is a child of its shim; threads go on when their tracer ends (stalling.py).

A unit that is on its way is left to itself."""


def halt(engine: Engine, node: str, unit: str) -> None:
    """Stop a unit, and wait until it has stopped; its shims and their containers live on."""
    engine.docker("exec", node, "systemctl", "stop", unit)


def unit(engine: Engine, node: str, name: str) -> Unit:
    """Ask for a unit's state and main process."""
    words = ("systemctl", "show", "--property", "ActiveState,MainPID", name)
    said = dict(
        line.split("=", 1) for line in engine.docker("exec", node, *words).splitlines() if line
    )
    return Unit(said.get("ActiveState", "unknown"), int(said.get("MainPID", 0)))


def freeze(engine: Engine, node: str, number: str) -> None:
    """Send SIGSTOP to a container's main process; by its id, for a pid may be another's by now."""
    engine.docker("exec", node, *CTR.split(), "tasks", "kill", "--signal", "SIGSTOP", number)


def process(engine: Engine, node: str, number: str) -> int:
    """Ask the runtime for a container's main process, as the node numbers it; 0 for none."""
    said = engine.docker("exec", node, *CTR.split(), "tasks", "list")
    rows = (row.split() for row in said.splitlines())
    found = (int(row[1]) for row in rows if row[:1] == [number] and row[-1] == "RUNNING")
    return next(found, 0)


def doing(engine: Engine, node: str, pid: int) -> str:
    """Give the state letter of a process; empty when it is gone."""
    return engine.docker("exec", node, "sh", "-c", _DOING, "sh", str(pid)).strip()


def revive(engine: Engine, node: str) -> tuple[str, ...]:
    """Let go on what stands still; says what that was. Raises ToolFailed when a unit does not."""
    said = engine.docker("exec", node, "sh", "-c", _REVIVE)
    return tuple(
        line for line in said.splitlines() if line.startswith(("process ", "threads ", "unit "))
    )
