"""Inside a node's container: all that a trial may have left there, in one question.

Each program that an engine starts in a node costs a tenth of a second of CPU, and a proof of
cleanliness asks every node.
Source: containerd, cmd/ctr; local-path-provisioner 0.0.30, provisioner.go; nft(8).
May import: cluster.{barriers,detours,engine,insides}.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.cluster import barriers, detours, insides
from seatrial.cluster.engine import Engine

_LOOK = f"""{detours.NAMES}{insides.CTR} tasks list | sed 's/^/task /'
for space; do {insides.CTR} containers list -q "$(printf '{insides.OF_PODS}' "$space")" \\
| sed "s/^/container $space /"; done
ls -1 {" ".join(insides.VOLUMES)} 2>/dev/null | sed 's/^/folder /'
names | sed 's/^/detour /'
command -v nft >/dev/null && nft list tables
true"""


def left(engine: Engine, node: str, namespaces: Sequence[str]) -> tuple[str, ...]:
    """Name what lies in a node of these namespaces: containers, folders, rules, detours."""
    said = engine.docker("exec", node, "sh", "-c", _LOOK, "sh", *namespaces).splitlines()
    words = [line.split() for line in said]
    alive = {found[1] for found in words if found[:1] == ["task"] and found[-1] == "RUNNING"}
    run = {w[1] for w in words if w[:1] == ["container"] and w[2] in alive}
    return (
        *(name for space in sorted(run) for name in _containers(engine, node, space)),
        *(f"folder {name}" for name in insides.of_namespaces(_folders(said), namespaces)),
        *_rules(words, namespaces),
    )


def _containers(engine: Engine, node: str, namespace: str) -> Iterator[str]:
    for one in insides.running(engine, node, namespace):
        yield f"a container of {one.pod}"


def _folders(said: Sequence[str]) -> list[str]:
    return [line.removeprefix("folder ") for line in said if line.startswith("folder ")]


def _rules(words: Sequence[Sequence[str]], namespaces: Sequence[str]) -> Iterator[str]:
    for found in words:
        table = " ".join(found[1:]) if found[:1] == ["table"] else ""
        name = table.removeprefix(barriers.OURS)
        if table == insides.CHAINS:
            yield "rules of ours that cut it off"
        elif name != table and name.startswith(tuple(f"{space}-" for space in namespaces)):
            yield f"rules {name}"
        elif found[:1] == ["detour"] and found[-1].startswith(tuple(f"{x}-" for x in namespaces)):
            yield f"a detour {found[1]}"
