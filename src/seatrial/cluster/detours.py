"""Inside a node's container: a pod's connections taken through a proxy that is slow on purpose.

Where the kernel has no emulator of slow lines, toxiproxy runs in the pod's own network, and a rule
there hands it each connection that begins: what was connected before goes on as it was, and what
the pod itself sends out is not met. The member sees its own address as its client's. The proxy and
all of ours around it bear a mark in their environment; which network they are in is written down in
the node's memory. Whatever becomes of us, the node ends all of it after two minutes, rule first.
Source: toxiproxy's README, "HTTP API" and "latency", and its METRICS.md; nft(8), `redirect`;
nf_conntrack-sysctl, nf_conntrack_tcp_loose (why only what begins a connection is met); proc(5).
May import: machine, errors, cluster.{engine,insides,nodeimage,provided}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from seatrial.cluster.engine import Engine
from seatrial.cluster.insides import CTR
from seatrial.cluster.nodeimage.programs import proxy_module
from seatrial.cluster.provided import provide
from seatrial.errors import CannotRun
from seatrial.machine import Detour

PROGRAM = "toxiproxy-server"
LONGEST = 120
"""Seconds after which the node ends a detour by itself."""
TABLE = "seatrial-detour"
_MARK = "SEATRIAL_DETOUR"
_NOTES = "/run/seatrial-detours"

NAMES = f"""names() {{
  {{ ls -1 {_NOTES} 2>/dev/null
    grep -hsz '^{_MARK}=' /proc/[0-9]*/environ | tr '\\0' '\\n' | sed 's/^{_MARK}=//'
  }} | sort -u
}}
"""
"""By what is written down, and by what runs: either is something of ours."""
_PLACE = f"""net= api=
place() {{ net= api=; {{ read -r net api < "{_NOTES}/$1"; }} 2>/dev/null; }}
inside() {{
  ls -l /proc/[0-9]*/ns/net 2>/dev/null |
    awk -v net="$net" '$NF == net {{ split($(NF - 2), part, "/"); print part[3]; exit }}'
}}
"""
"""Who has written down a network may be gone: anybody who is in it is the way into it."""
_ASK = "curl -sS --noproxy '*' --max-time 5 --fail"

_DIVERT = f"""number=$1 api=$2 rules=$3 name=${_MARK} note={_NOTES}/${_MARK}
shift 3
pid=$({CTR} tasks list | awk -v id="$number" '$1 == id {{ print $2 }}')
test "$pid" || {{ echo "the runtime has no task $number" >&2; exit 1; }}
net=$(readlink "/proc/$pid/ns/net") || exit 1
enter() {{ nsenter --net="/proc/$pid/ns/net" -- "$@"; }}
mkdir -p {_NOTES}
set -C
echo "$net $api" > "$note" || {{ echo "a detour $name is in place already" >&2; exit 1; }}
set +C
nsenter --net="/proc/$pid/ns/net" -- setsid sh -c '
  timeout -s KILL {LONGEST + 5} {PROGRAM} -host 127.0.0.1 -port "$0" -proxy-metrics &
  server=$!
  for left in $(seq {LONGEST}); do kill -0 "$server" 2>/dev/null || break; sleep 1; done
  nft list tables | while read -r _ family table; do
    [ "$table" != {TABLE} ] || nft delete table "$family" {TABLE}
  done
  kill "$server" 2>/dev/null
  wait "$server"
  rm -f "$1"' "$api" "$note" >/dev/null 2>&1 </dev/null &
for left in $(seq 100); do
  ! enter {_ASK} -o /dev/null "http://127.0.0.1:$api/version" 2>/dev/null || break
  sleep 0.1
done
while [ $# -gt 0 ]; do
  enter {_ASK} -o /dev/null --data "$2" "http://127.0.0.1:$api$1" || exit 1
  shift 2
done
printf '%s' "$rules" | enter nft -f -"""
"""No function is left behind running: dash keeps the caller's output open for it.

The rule comes last. Who takes it away ends this as well: it bears the mark.

The server is ended once more by itself, should nobody be left who does it.
"""

_DIVERTED = f"""{NAMES}{_PLACE}
for name in $(names); do
  place "$name"
  pid=$(inside) sum=
  [ -z "$pid" ] || sum=$(nsenter --net="/proc/$pid/ns/net" -- {_ASK} \\
    "http://127.0.0.1:$api/metrics" 2>/dev/null |
    awk '/^toxiproxy_proxy_received_bytes_total.*"downstream"/ {{ sum += $NF }}
      END {{ printf "%.0f", sum }}')
  echo "$name ${{sum:-0}}"
done"""

_STRAIGHTEN = f"""{NAMES}{_PLACE}
wanted=$1 bad=0
within() {{ nsenter --net=/proc/self/fd/3 -- "$@"; }}
tables() {{ within nft list tables | awk '$3 == "{TABLE}" {{ print $2 }}'; }}
clear() {{ for family in $(tables); do within nft delete table "$family" {TABLE}; done; }}
end() {{
  for again in 1 2 3; do
    for found in $(grep -lsz -e "^{_MARK}=$1\\$" /proc/[0-9]*/environ); do
      pid=${{found#/proc/}}
      kill -KILL "${{pid%/environ}}" 2>/dev/null
    done
  done
}}
straight() {{
  clear
  end "$1"
  clear
  [ -z "$(tables)" ]
}}
for name in $(names); do
  [ "${{wanted:-$name}}" = "$name" ] || continue
  place "$name"
  pid=$(inside)
  if [ -n "$pid" ]; then
    straight "$name" 3< "/proc/$pid/ns/net" || {{ bad=1; continue; }}
  else end "$name"
  fi
  rm -f "{_NOTES}/$name"
  echo "$name"
done
exit $bad"""
"""The rule goes first, so that nobody is sent to a proxy that has ended, and once more when nobody
is left who could put it back. Three looks: who is about to start another is seen with it."""


def divert(engine: Engine, node: str, name: str, number: str, detour: Detour) -> None:
    """Take what connects to a container through a proxy; raises CannotRun or ToolFailed.

    What went half way is there under its name until it is straightened.
    """
    provide(engine, node, PROGRAM, proxy_module())
    words = (number, str(detour.api), rules(detour), *orders(detour))
    mark = ("--env", f"{_MARK}={name}")
    engine.docker("exec", *mark, node, "sh", "-c", _DIVERT, "sh", *words)
    if name not in diverted(engine, node):
        raise CannotRun(f"a detour {name} in node {node[:12]}", seen="it has ended already")


def diverted(engine: Engine, node: str) -> Mapping[str, int]:
    """Give how many bytes of answers each proxy of ours has taken from its member, by name."""
    said = engine.docker("exec", node, "sh", "-c", _DIVERTED)
    return {name: int(count) for name, count in (line.split() for line in said.splitlines())}


def straighten(engine: Engine, node: str, name: str = "") -> tuple[str, ...]:
    """End one of our detours, all of them when none is named; gives those that were there.

    Raises ToolFailed when a rule of ours could not be taken away.
    """
    return tuple(engine.docker("exec", node, "sh", "-c", _STRAIGHTEN, "sh", name).splitlines())


def rules(detour: Detour) -> str:
    """Write the rules as nft has them: what begins a connection, from outside of the pod."""
    family, table = "ip6" if ":" in detour.address else "ip", TABLE
    begins = "tcp flags & (fin | syn | rst | ack) == syn"
    met = f'iifname != "lo" {family} daddr {detour.address} {begins}'
    lines = [
        f"add table {family} {table}",
        f"add chain {family} {table} take {{ type nat hook prerouting priority -110; }}",
        *(
            f"add rule {family} {table} take {met} tcp dport {port} counter redirect to :{other}"
            for port, other in detour.ports
        ),
    ]
    return "".join(f"{line}\n" for line in lines)


def orders(detour: Detour) -> Iterator[str]:
    """Give what the proxy is told, path and document in turn; a redirected one comes to `address`.

    Source: toxiproxy's README, "Proxy fields" and "Toxic fields".
    """
    host = f"[{detour.address}]" if ":" in detour.address else detour.address
    late = {"latency": detour.milliseconds, "jitter": 0}
    for port, other in detour.ports:
        name = f"port-{port}"
        ends = {"listen": f"{host}:{other}", "upstream": f"{host}:{port}"}
        yield from ("/proxies", json.dumps({"name": name, **ends, "enabled": True}))
        toxic = {"name": "late", "type": "latency", "stream": "downstream", "toxicity": 1.0}
        yield from (f"/proxies/{name}/toxics", json.dumps({**toxic, "attributes": late}))
