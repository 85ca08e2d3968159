"""Backups asked for by an object of the contract, and waited for (docs/recovery.md).

May import: model, errors, timing, kube, faults.scene.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from seatrial.errors import CannotRun
from seatrial.faults.scene import Scene
from seatrial.kube.surroundings import Custom
from seatrial.kube.watch import Stream
from seatrial.timing import Limit, happens

GROUP = "recovery.seatrial.dev"
VERSION = f"{GROUP}/v1"
BACKUPS, RESTORES = f"backups.{GROUP}/v1", f"restores.{GROUP}/v1"
KINDS = (BACKUPS, RESTORES)
_OVER = ("Complete", "Failed")


def backed_up(scene: Scene, told: Stream, claim: str, within: Limit) -> dict[str, Any]:
    """Ask for a backup of a claim, and give its status, with its `name`, once it is over.

    One that is not over within the limit has another phase than Complete and Failed. `told`
    watches KINDS.
    """
    name = f"asked-{uuid4().hex[:12]}"
    spec = {"claim": claim, "reason": "asked for by the trial"}
    make(scene, "backups", {"kind": "Backup", "metadata": {"name": name}, "spec": spec})
    happens(told, lambda _: _unfinished(told, name), within)
    return {"name": name, "phase": "", **status(told, BACKUPS, name)}


def make(scene: Scene, plural: str, body: Mapping[str, Any]) -> None:
    """Make an object of the contract."""
    scene.kube.send("POST", path(scene.namespace, plural), {"apiVersion": VERSION, **body})


def path(namespace: str, plural: str) -> str:
    """Give the URL path of the list of a kind of the contract."""
    return f"/apis/{VERSION}/namespaces/{namespace}/{plural}"


def status(told: Stream, kind: str, name: str) -> Mapping[str, Any]:
    """Give what an object says of itself as of now; nothing of one that is not there."""
    found: Custom | None = told.items(kind).get(name)
    said: Mapping[str, Any] = (found.status if found else None) or {}
    return said


def claim_of(scene: Scene, ordinal: int) -> str:
    """Name the claim of a member that is backed up, its first; raises CannotRun without one."""
    claims = scene.pod(ordinal).claims
    if not claims:
        raise CannotRun(f"a claim of {scene.name(ordinal)} that is backed up", seen="it has none")
    return claims[0]


def _unfinished(told: Stream, name: str) -> str | None:
    phase = status(told, BACKUPS, name).get("phase") or "not begun"
    return None if phase in _OVER else f"backup {name} is {phase}"
