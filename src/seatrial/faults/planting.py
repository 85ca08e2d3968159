"""Files of ours in a member's volume: planted before a backup, changed before its restore.

A copy of that backup must have them as they were planted, whatever became of them since.
May import: model, errors, timing, kube, faults.{absence,journal,scene}; faults/copy_reading.py and
faults/banking.py as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seatrial.errors import SeatrialError
from seatrial.faults.absence import absent
from seatrial.faults.journal import Step
from seatrial.faults.scene import Scene
from seatrial.kube.client import Kube
from seatrial.timing import limit

PROGRAM = Path(__file__).parent / "copy_reading.py"
BANK = Path(__file__).parent / "banking.py"


def undo(scene: Scene, ordinal: int, claim: str) -> tuple[Step, ...]:
    """Plan to remove what is planted; nothing where the volume is not mounted."""
    folder = place(scene, ordinal, claim)
    value = {"container": scene.container, "folder": folder}
    return (Step("unplant", path=scene.path(ordinal), value=value),) if folder else ()


def place(scene: Scene, ordinal: int, claim: str) -> str:
    """Say where a member's own container has the volume of a claim; empty where it has not."""
    member = scene.kube.get(scene.path(ordinal))["spec"]
    by_claim = {
        (volume.get("persistentVolumeClaim") or {}).get("claimName"): volume["name"]
        for volume in member.get("volumes") or ()
    }
    own = (c for c in member.get("containers") or () if c["name"] == scene.container)
    container: Mapping[str, Any] = next(own, {})
    mounts = container.get("volumeMounts") or ()
    return next((m["mountPath"] for m in mounts if m["name"] == by_claim.get(claim)), "")


def done(scene: Scene, ordinal: int, what: str, folder: str) -> dict[str, Any]:
    """Plant or poison in a member; gives what is there then, nothing where it cannot be done."""
    if not folder:
        return {}
    try:
        found: dict[str, Any] = run(scene.kube, scene.path(ordinal), scene.container, what, folder)
    except SeatrialError:
        return {}
    return found


def removed(kube: Kube, path: str, value: Mapping[str, Any]) -> str:
    """Remove what was planted in the pod at a path; says so if it was there. Raises ToolFailed."""
    name = path.rpartition("/")[2]
    container, folder = str(value["container"]), str(value["folder"])

    def act() -> str:
        if kube.get(path).get("status", {}).get("phase") != "Running":
            return ""
        bank = run(kube, path, container, "close", folder, program=BANK.read_text())
        there = run(kube, path, container, "remove", folder)
        return f"files of ours lay in a volume of {name} and are gone" if bank or there else ""

    return absent(act)


def run(kube: Kube, path: str, container: str, *words: str, program: str = "") -> Any:
    """Run a program of ours in a container of the pod at a path, and read what it tells."""
    *_, space, _, name = path.split("/")
    argv = ("python3", "-B", "-c", program or PROGRAM.read_text(), *words)
    return json.loads(kube.run(space, name, container, argv, limit("command in a container")))
