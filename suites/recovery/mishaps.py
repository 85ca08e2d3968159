"""What may happen to a drill from outside, as activities that a variant of it can name.

Each does what somebody else might do at that moment, and returns once it has happened.
May import: everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.chaos.session import KEY, Session
from seatrial.timing import Limit, wait

Configuration = Mapping[str, Any]
_GONE = Limit("it is gone", 90)


def the_store_goes_down(configuration: Configuration) -> None:
    """Scale the store of the backups to nothing."""
    session = _session(configuration)
    path = f"/apis/apps/v1/namespaces/{session.live.alive.namespace}/deployments/store"
    session.live.alive.kube.patch(path, {"spec": {"replicas": 0}})
    _until_gone(session, "store-")


def the_key_is_replaced(configuration: Configuration) -> None:
    """Put another key where the members look for the one of their backups."""
    session = _session(configuration)
    path = f"/api/v1/namespaces/{session.live.alive.namespace}/secrets/backup-key"
    session.live.alive.kube.patch(path, {"stringData": {"key": "another"}})


def the_set_is_deleted(configuration: Configuration) -> None:
    """Delete the StatefulSet with all its pods; one on a dead node stays, as nobody ends it."""
    session = _session(configuration)
    alive = session.live.alive
    path = f"/apis/apps/v1/namespaces/{alive.namespace}/statefulsets/{alive.profile.set}"
    alive.kube.delete(path)
    lost = [receipt["pod"] for receipt in session.receipts.values()]
    _until_gone(session, f"{alive.profile.set}-", lost)


def the_node_comes_back(configuration: Configuration) -> None:
    """Make the node that was lost again, as somebody might who sees that it is gone."""
    session = _session(configuration)
    for receipt in session.receipts.values():
        session.live.scene.nodes[receipt["node"]].join()


def _session(configuration: Configuration) -> Session:
    session: Session = configuration[KEY]
    return session


def _until_gone(session: Session, start: str, but: list[str] | None = None) -> None:
    def left(_: object) -> str | None:
        pods = session.live.alive.stream.items("pods")
        there = [name for name in pods if name.startswith(start) and name not in (but or [])]
        return f"{', '.join(there)} still there" if there else None

    wait(session.live.alive.stream, left, _GONE)
