"""Inside a node's container: the program of ours that can stand between a pod and its volume.

It is part of our own node image; into another image's nodes it is put when it is first needed.
What it mounted it finds again by itself, in the node's /proc, whoever asks for it.
May import: errors, cluster.{engine,nodeimage,provided}.
"""

from __future__ import annotations

import json
from typing import Any

from seatrial.cluster.engine import Engine
from seatrial.cluster.nodeimage.programs import volume_module
from seatrial.cluster.provided import provide

PROGRAM = "seatrial-volume"
HARMS = frozenset({"mount", "mode", "refuse", "drop"})
"""The words that only a victim is told."""
LISTS = frozenset({"status", "unmount"})
"""The words for which a node that does not run, or never had the program, has an empty list."""
_PATIENCE = 60
"""Seconds: it waits ten for a server's answer, and ten for the end of who uses a volume."""
_LIST = f'command -v {PROGRAM} >/dev/null || {{ echo "[]"; exit; }}; exec {PROGRAM} "$@"'


def told(engine: Engine, node: str, words: tuple[str, ...]) -> Any:
    """Have it do what the words say (clusters/nodeimage/volume); gives its answer.

    Raises ToolFailed with its own sentence when it cannot.
    """
    if words[0] in LISTS:
        said = engine.docker("exec", node, "sh", "-c", _LIST, "sh", *words, limit=_PATIENCE)
        return json.loads(said)
    if words[0] == "mount":
        provide(engine, node, PROGRAM, volume_module())
    return json.loads(engine.docker("exec", node, PROGRAM, *words, limit=_PATIENCE))
