"""Cordoning a node and taking that back: ours is marked, so that nobody else's is ever lifted.

May import: errors, timing, kube, faults.scene.
Source: kubernetes.io, "Safely Drain a Node"; "Taints and Tolerations", taints by node conditions.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from seatrial.errors import CannotRun
from seatrial.faults.scene import Scene
from seatrial.kube.client import ApiFailed, Kube
from seatrial.model import Json
from seatrial.timing import limit, wait

MARK, OURS = "seatrial.dev/cordoned", "seatrial"
"""The annotation that tells our cordon from anybody else's; it comes and goes with the cordon."""
_TAINT = "node.kubernetes.io/unschedulable"
_TRIES = 5
"""How often a node is read anew when its kubelet wrote to it in between."""


def cordoned(kube: Kube, node: str) -> None:
    """Let nothing be scheduled on a node, and mark that it was us, in one write.

    Raises CannotRun when somebody else has cordoned it.
    """
    path = f"/api/v1/nodes/{node}"
    for left in reversed(range(_TRIES)):
        found = kube.get(path)
        if found["spec"].get("unschedulable") and not of_ours(found):
            raise CannotRun(f"node {node} to cordon", seen="somebody else has cordoned it")
        version = found["metadata"]["resourceVersion"]
        meta = {"resourceVersion": version, "annotations": {MARK: OURS}}
        try:
            kube.patch(path, {"metadata": meta, "spec": {"unschedulable": True}})
        except ApiFailed as error:
            if error.status != HTTPStatus.CONFLICT or not left:
                raise
        else:
            return


def uncordoned(kube: Kube, node: str) -> str:
    """Take our own cordon off a node; says so, nothing when there was none."""
    path = f"/api/v1/nodes/{node}"
    try:
        if not of_ours(kube.get(path)):
            return ""
        meta = {"annotations": {MARK: None}}
        kube.patch(path, {"metadata": meta, "spec": {"unschedulable": None}})
    except ApiFailed as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return ""
    return f"{node} was cordoned by us and may be given pods again"


def of_ours(node: Mapping[str, Json]) -> bool:
    """Whether a Node object's cordon is ours."""
    return bool((node["metadata"].get("annotations") or {}).get(MARK) == OURS)


def until_tainted(scene: Scene, node: str, *, there: bool = True) -> str:
    """Wait until the control plane's own taint has come, or gone; says so."""
    wait(scene.stream, lambda _: _differs(scene, node, there=there), limit("node is tainted"))
    return f"the control plane has put the taint {_TAINT} on {node}"


def _differs(scene: Scene, node: str, *, there: bool) -> str | None:
    machine = scene.machine(node)
    found = [taint.key for taint in machine.spec.taints] if machine else []
    return None if (_TAINT in found) is there else f"node {node} has the taints {found}"
