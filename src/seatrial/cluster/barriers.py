"""Packets between pods, dropped where a node forwards them; and programs run in a pod's network.

A pod's packets are routed by its node, those to another pod on it as well (the `ptp` plugin, which
is ours and kind's), so the forward hook there sees all of them, and after a Service's address has
become a pod's. What the node itself sends, the kubelet's probes, goes on.
Source: nft(8); kubernetes.io, "Virtual IPs and Service Proxies"; containernetworking-plugins, ptp.
May import: machine, errors, cluster.{engine,insides}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from seatrial.cluster.engine import Engine
from seatrial.cluster.insides import CTR
from seatrial.errors import CannotRun
from seatrial.machine import Drop

OURS = "inet seatrial-net-"
"""How our tables are named, family first."""
_BURST = 16
"""Kilobytes that may come at once where a rate is not to be exceeded."""
_LOOK = f"""command -v nft >/dev/null || exit 0
nft list tables | sed -n 's/^table {OURS}//p' | while read -r name
do nft list table {OURS}"$name"; done"""
_TABLE = re.compile(rf"^table {OURS}(\S+) {{$")
_DROPPED = re.compile(r"counter packets (\d+) bytes \d+ drop$")
_WITHIN = f"""pid=$({CTR} tasks list | awk -v id="$1" '$1 == id {{ print $2 }}')
test "$pid" || {{ echo "the runtime has no task $1" >&2; exit 1; }}
shift
export ROOT="/proc/$pid/root"
exec nsenter --net="/proc/$pid/ns/net" -- "$@\""""


def bar(engine: Engine, node: str, name: str, drops: Sequence[Drop]) -> None:
    """Drop these packets, all rules at once; what was under this name before goes.

    Raises CannotRun when the rules are not in force afterwards.
    """
    table = f"{OURS}{name}"
    lines = [
        *_emptied(table),
        f"add table {table}",
        f"add chain {table} pass {{ type filter hook forward priority -450; }}",
        *(f"add rule {table} pass {rule(drop)}" for drop in drops),
    ]
    _filter(engine, node, lines)
    if name not in barred(engine, node):
        raise CannotRun(f"packets dropped in node {node[:12]}", seen=f"it has no table {table}")


def rule(drop: Drop) -> str:
    """Write one as nft has it; the counter tells only what is dropped."""
    words = [*_addresses("saddr", drop.sources), *_addresses("daddr", drop.targets)]
    words += [f"meta l4proto {{ tcp, udp }} th dport {drop.port}"] if drop.port else []
    words += [f"numgen random mod 100 < {drop.share}"] if drop.share < 100 else []  # noqa: PLR2004
    over = f"limit rate over {drop.rate} kbytes/second burst {_BURST} kbytes"
    words += [over] if drop.rate else []
    return " ".join([*words, "counter drop"])


def barred(engine: Engine, node: str) -> Mapping[str, int]:
    """Give how many packets each of our tables has dropped; without nft in the node it has none."""
    found: dict[str, int] = {}
    name = ""
    for line in engine.docker("exec", node, "sh", "-c", _LOOK).splitlines():
        if told := _TABLE.match(line):
            name = told[1]
            found[name] = 0
        elif told := _DROPPED.search(line):
            found[name] += int(told[1])
    return found


def unbar(engine: Engine, node: str, name: str = "") -> tuple[str, ...]:
    """Take one of our tables away, all of ours when none is named; gives those that were there."""
    there = tuple(known for known in barred(engine, node) if name in ("", known))
    if there:
        _filter(engine, node, [line for known in there for line in _emptied(f"{OURS}{known}")])
    return there


def within(engine: Engine, node: str, container: str, argv: Sequence[str]) -> str:
    """Run a program of the node's in a container's network; raises ToolFailed when it fails.

    ROOT in its environment is where the container's files are.
    """
    return engine.docker("exec", node, "sh", "-c", _WITHIN, "sh", container, *argv)


def _emptied(table: str) -> tuple[str, str]:
    """Delete a table, there or not: nft 1.0 has no `destroy`."""
    return f"add table {table}", f"delete table {table}"


def _filter(engine: Engine, node: str, lines: Sequence[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    engine.docker("exec", "--interactive", node, "nft", "-f", "-", stdin=text.encode())


def _addresses(field: str, addresses: Sequence[str]) -> Iterator[str]:
    if addresses:
        family = "ip6" if ":" in addresses[0] else "ip"
        yield f"{family} {field} {{ {', '.join(addresses)} }}"
