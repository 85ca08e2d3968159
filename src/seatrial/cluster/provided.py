"""Programs of ours in a node: in our own node image from the start, in another when first needed.

May import: progress, cluster.{engine,nodeimage}.
"""

from __future__ import annotations

from seatrial.cluster.engine import Engine
from seatrial.cluster.nodeimage.programs import Module, built
from seatrial.progress import Quiet

_FOLDER = "/usr/local/bin"
_HAS = 'command -v "$1"; true'
_PUT = 'cat >"$1.part" && chmod 755 "$1.part" && mv "$1.part" "$1"'


def provide(engine: Engine, node: str, program: str, module: Module) -> None:
    """Put a module's program into a node unless it is there; raises as `built` does."""
    if engine.docker("exec", node, "sh", "-c", _HAS, "sh", program).strip():
        return
    words = ("sh", "-c", _PUT, "sh", f"{_FOLDER}/{program}")
    file = built(module, Quiet()) / program
    engine.docker("exec", "--interactive", node, *words, stdin=file)
