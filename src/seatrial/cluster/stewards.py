"""Inside a control plane's node: who of its own programs is made to stand still, and let go on.

Each is the first process of a static pod's container. Nobody leaves one standing for longer than
a named time: the node itself lets it go on then, whatever has become of us.
Source: signal(7), SIGSTOP; proc(5), comm has 15 characters; kubernetes.io, "Static Pods".
May import: machine, errors, cluster.{engine,insides}.
"""

from __future__ import annotations

from seatrial.cluster import insides
from seatrial.cluster.engine import Engine
from seatrial.errors import BadInput, CannotRun

STEWARDS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
SPACE = "kube-system"
LONGEST = 120
"""Seconds after which the node lets go on by itself."""
_COMM = 15
_LOOK = f"""for found in /proc/[0-9]*; do
  read -r name < "$found/comm" || continue
  case "$name" in {"|".join(name[:_COMM] for name in STEWARDS)}) ;; *) continue ;; esac
  read -r line < "$found/stat" || continue
  set -- ${{line##*) }}
  [ "$1" = T ] || continue
  WHAT
  echo "$name"
done 2>/dev/null; true"""
_HELD = _LOOK.replace("WHAT", ":")
_RELEASE = _LOOK.replace("WHAT", 'kill -CONT "${found#/proc/}"')
_HOLD = f"""pid=$(ctr --namespace=k8s.io tasks list | awk -v id="$1" '$1 == id {{ print $2 }}')
test "$pid" || {{ echo "the runtime has no task $1" >&2; exit 1; }}
(sleep {LONGEST}; kill -CONT "$pid") >/dev/null 2>&1 </dev/null &
kill -STOP "$pid\""""
"""Going on is asked for before the stop: whoever ends us between the two leaves nobody standing."""


def hold(engine: Engine, node: str, name: str) -> None:
    """Have one of them stand still; raises CannotRun when it does not run or goes on."""
    if name not in STEWARDS:
        raise BadInput(f"one of {', '.join(STEWARDS)}", seen=name)
    there = [one.id for one in insides.running(engine, node, SPACE) if one.name == name]
    if not there:
        raise CannotRun(f"{name} to run on {node[:12]}", seen="its runtime has no container of it")
    engine.docker("exec", node, "sh", "-c", _HOLD, "sh", there[0])
    if name not in held(engine, node):
        raise CannotRun(f"{name} to stand still", seen="its state in /proc is not T")


def held(engine: Engine, node: str) -> tuple[str, ...]:
    """Name those that stand still."""
    return _names(engine.docker("exec", node, "sh", "-c", _HELD))


def release(engine: Engine, node: str) -> tuple[str, ...]:
    """Let all of them go on; names those that stood still."""
    return _names(engine.docker("exec", node, "sh", "-c", _RELEASE))


def _names(said: str) -> tuple[str, ...]:
    known = {name[:_COMM]: name for name in STEWARDS}
    return tuple(dict.fromkeys(known[line] for line in said.splitlines() if line in known))
