"""What may happen to a drill from outside, as activities that a variant of it can name.

Each does what somebody else might do at that moment, and returns once it has happened.
May import: everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from seatrial.chaos.session import KEY, Session
from seatrial.errors import ToolFailed
from seatrial.timing import Limit, poll, wait

Configuration = Mapping[str, Any]
_GONE = Limit("it is gone", 90)
_READY = Limit("the store serves again", 90)
_DONE = Limit("the store's volume is changed", 30)
_FILL = """
import contextlib
for size in (1 << 20, 1 << 12, 1):
    with contextlib.suppress(OSError), open("/store/full", "ab", buffering=0) as file:
        while file.write(bytes(size)):
            pass
"""
_HEAD = """
import urllib.request
asked = urllib.request.Request("http://store:8000/ledger/config", method="HEAD")
urllib.request.urlopen(asked, timeout=3)
"""
_CUT = """
import os, pathlib
for path in pathlib.Path("/store/ledger/data").glob("*/*"):
    os.chmod(path, 0o600)
    os.truncate(path, path.stat().st_size // 2)
"""


def the_store_goes_down(configuration: Configuration) -> None:
    """Scale the store of the backups to nothing."""
    session = _session(configuration)
    path = f"/apis/apps/v1/namespaces/{session.live.alive.namespace}/deployments/store"
    session.live.alive.kube.patch(path, {"spec": {"replicas": 0}})
    _until_gone(session, "store-")


def the_store_is_slow(configuration: Configuration) -> None:
    """Have the store serve a hundred bytes a second, as behind a line that somebody else fills."""
    session = _session(configuration)
    alive, old = session.live.alive, _pods(session, "store-")
    path = f"/apis/apps/v1/namespaces/{alive.namespace}/deployments/store"
    template = alive.kube.get(path)["spec"]["template"]
    template["spec"]["containers"][0]["command"].append("--bwlimit=100B")
    alive.kube.patch(path, {"spec": {"template": template}})

    def anew(_: object) -> str | None:
        pods = alive.stream.items("pods")
        new = [name for name in _pods(session, "store-") if name not in old and pods[name].ready]
        return None if new else "no new store is Ready"

    wait(alive.stream, anew, _READY)
    for agent in _pods(session, "xlss-rescuer-"):
        poll(partial(_away, session, agent), _READY)


def the_store_is_full(configuration: Configuration) -> None:
    """Write to the store's volume until nothing more fits; it must be one of a few megabytes."""
    _in_store(configuration, "python3", "-B", "-c", _FILL)


def the_packs_are_lost(configuration: Configuration) -> None:
    """Remove all data that the store has, and nothing that says what there should be."""
    _in_store(configuration, "find", "/store/ledger/data", "-type", "f", "-delete")


def the_packs_are_cut_short(configuration: Configuration) -> None:
    """Cut each file of data that the store has to its half, as a file system does that crashed."""
    _in_store(configuration, "python3", "-B", "-c", _CUT)


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


def _away(session: Session, agent: str) -> str | None:
    """Tell why an agent does not reach the store; None when it does."""
    alive = session.live.alive
    try:
        alive.kube.run(alive.namespace, agent, "rescuer", ("python3", "-B", "-c", _HEAD), _DONE)
    except ToolFailed as error:
        return f"{agent} does not reach the store: {error.seen}"
    return None


def _in_store(configuration: Configuration, *argv: str) -> None:
    """Run a command in the container that serves the backups."""
    session = _session(configuration)
    alive, (pod,) = session.live.alive, _pods(session, "store-")
    alive.kube.run(alive.namespace, pod, "store", argv, _DONE)


def _pods(session: Session, start: str) -> list[str]:
    return [name for name in session.live.alive.stream.items("pods") if name.startswith(start)]


def _until_gone(session: Session, start: str, but: list[str] | None = None) -> None:
    def left(_: object) -> str | None:
        pods = session.live.alive.stream.items("pods")
        there = [name for name in pods if name.startswith(start) and name not in (but or [])]
        return f"{', '.join(there)} still there" if there else None

    wait(session.live.alive.stream, left, _GONE)
