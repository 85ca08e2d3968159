"""etcd stands still: the API server is there, and nothing can be written or read for certain.

Only for as long as one write is waited for: a control plane that cannot renew its leases for
longer ends by itself, and nodes are taken for dead.
Source: signal(7), SIGSTOP; kubernetes.io, "Operating etcd clusters".
May import: errors, timing, kube, faults.{control_plane,scene}.
"""

from __future__ import annotations

from collections.abc import Generator
from http import HTTPStatus

from seatrial.errors import CannotRun
from seatrial.faults.control_plane import leases, only, program, until_renewed
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.steward_stop import MANAGER
from seatrial.kube.client import ApiFailed

_NAME = "etcd"
_SILENCE = 3.0
"""Seconds that a write is waited for; one takes a hundredth of that."""
_DRY = {"dryRun": "All"}


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop etcd; receipt: its process is stopped, and a write that was taken gets no answer.

    The write is a dry run, so that nothing comes of it later. Healed when a write is taken, and
    the controller manager renews its lease again.
    """
    del ordinal
    node = only(scene)
    before = program(node, _NAME)
    if why := _refused(scene):
        raise CannotRun("an API server that takes a write", seen=why)
    node.hold(_NAME)
    why = _refused(scene)
    if not why or _NAME not in node.held():
        seen = f"a write was {why or 'taken'}; of etcd, {node.name} says " + (
            "that it stands still" if _NAME in node.held() else "that it runs"
        )
        raise CannotRun("a write that nobody answers, since etcd stands still", seen=seen)
    witness = f"/proc says T of {_NAME}; a write was not answered: {why}"
    yield {"node": node.name, "container": before.id, "witness": witness}
    still = _NAME in node.release()
    with leases(scene) as stream:
        holder = until_renewed(stream, MANAGER)
    if why := _refused(scene):
        raise CannotRun("an API server that takes a write again", seen=why)
    now = program(node, _NAME)
    return {"node": node.name, "container": now.id, "holder": holder, "held": still}


def _refused(scene: Scene) -> str:
    """Try a write; say why nobody answered, nothing when the server took it.

    Raises ApiFailed when the server itself refuses it: that tells nothing of etcd.
    """
    path = f"/api/v1/namespaces/{scene.namespace}/configmaps"
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seatrial-dry-run"}}
    try:
        scene.kube.answer("POST", path, document, query=_DRY, silence=_SILENCE).close()
    except ApiFailed as error:
        if HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return error.seen
    return ""
