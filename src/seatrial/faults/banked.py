"""A bank in a member's volume whose money moves while it is backed up, and a copy of it.

Its policy gets the commands that hold the bank still for the copy, unless it has such of its own:
then there is no bank.
May import: model, errors, kube, faults.{asked_backups,journal,planting,scene,sets};
faults/banking.py as text.
Source: Jepsen, `jepsen.tests.bank`; docs/recovery.md (`quiesce`, `resume`).
"""

from __future__ import annotations

import shlex
from typing import Any

from seatrial.errors import SeatrialError
from seatrial.faults import banking, planting, sets
from seatrial.faults.asked_backups import GROUP
from seatrial.faults.journal import Step
from seatrial.faults.scene import Scene

_HELD = {"quiesce": "quiet", "resume": "loud"}
"""By the annotation of a policy, what it has the bank do."""


def undo(scene: Scene, ordinal: int, folder: str) -> tuple[Step, ...]:
    """Plan to take our commands out of the policy; the bank goes with what else is planted."""
    path = scene.path(ordinal)
    return (Step("merge", path=path, value=_policy(None)),) if _ours(scene, path, folder) else ()


def opened(scene: Scene, ordinal: int, folder: str) -> bool:
    """Open a bank in a member and have its policy hold it still; whether that could be done."""
    path = scene.path(ordinal)
    if not _ours(scene, path, folder):
        return False
    text = planting.BANK.read_text()
    try:
        planting.run(scene.kube, path, scene.container, "open", folder, text, program=text)
    except SeatrialError:
        return False
    sets.merged_back(scene.kube, path, _policy(folder))
    return True


def told(scene: Scene, ordinal: int, folder: str) -> dict[str, Any]:
    """Give how many transfers there were, and what is in every account. Raises ToolFailed."""
    text, path = planting.BANK.read_text(), scene.path(ordinal)
    found: dict[str, Any] = planting.run(
        scene.kube, path, scene.container, "told", folder, program=text
    )
    return {**found, "total": banking.ACCOUNTS * banking.EACH}


def _ours(scene: Scene, path: str, folder: str) -> bool:
    """Whether the policy has no commands but ours, and the volume can be reached."""
    about = scene.kube.get(path)["metadata"].get("annotations") or {}
    known = _policy(folder)["metadata"]["annotations"]
    return bool(folder) and all(about.get(key) in {None, wanted} for key, wanted in known.items())


def _policy(folder: str | None) -> dict[str, Any]:
    about = {f"{GROUP}/{key}": _command(did, folder) for key, did in _HELD.items()}
    return {"metadata": {"annotations": about}}


def _command(did: str, folder: str | None) -> str | None:
    """Say how the bank is held still, or let go; where it is gone there is nothing to do."""
    if folder is None:
        return None
    program = shlex.quote(f"{folder}/{banking.OURS}/bank.py")
    does = f"test ! -e {program} || python3 -B {program} {did} {shlex.quote(folder)}"
    return f"sh -c {shlex.quote(does)}"
