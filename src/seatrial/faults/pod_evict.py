"""The member's pod is evicted through the Eviction API, as `kubectl drain` does it.

A disruption budget may refuse for a while (429); each change of the cluster is a new chance.
Nothing to undo: the set's controller makes the pod again.
May import: model, errors, timing, kube, faults.{endings,scene}.
"""

from __future__ import annotations

from collections.abc import Generator
from http import HTTPStatus

from seatrial.faults import endings
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.client import ApiFailed
from seatrial.timing import limit, wait


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Evict exactly the pod that was seen (by uid); receipt: who else says it goes."""
    uid = scene.pod(ordinal).metadata.uid
    before = endings.told(scene, uid)
    scene.struck()
    wait(scene.stream, lambda _: refused(scene, ordinal, uid), limit("eviction is allowed"))
    receipt = endings.until_ending(scene, ordinal, uid, before)
    yield {**receipt, "asked": "the Eviction API answered 201"}
    return scene.until_replaced(ordinal, uid)


def refused(scene: Scene, ordinal: int, uid: str) -> str | None:
    """Ask for a member's eviction; None when granted, else why a budget refuses it (429)."""
    return refusal(scene, scene.name(ordinal), uid)


def refusal(scene: Scene, pod: str, uid: str) -> str | None:
    """Ask for an eviction; None when it is granted, else why a budget refuses it (429)."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": scene.namespace},
        "deleteOptions": {"preconditions": {"uid": uid}},
    }
    path = f"/api/v1/namespaces/{scene.namespace}/pods/{pod}/eviction"
    try:
        scene.kube.send("POST", path, body)
    except ApiFailed as error:
        if error.status != HTTPStatus.TOO_MANY_REQUESTS:
            raise
        return error.seen
    return None
