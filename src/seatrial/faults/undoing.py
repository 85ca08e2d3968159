"""An entry of the journal around what may have to be undone.

May import: model, errors, faults.{journal,scene,undo}.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seatrial.errors import NotHealed, SeatrialError
from seatrial.faults.journal import Entry, Step, owner, stamp
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone
from seatrial.machine import NodeState


@contextmanager
def undoable(
    scene: Scene, name: str, ordinal: int, undo: tuple[Step, ...], node: str = ""
) -> Iterator[Entry | None]:
    """Keep an entry in the journal while the body runs; undo by it when the body fails.

    Gives the entry, None when nothing is to be undone. `node` is the machine that is
    about to break; whoever heals by the entry waits until it is Ready.
    Raises NotHealed when it could not be undone: the journal still holds it.
    """
    if not undo:
        yield None
        return
    entry = _entry(scene, name, ordinal, undo, node)
    scene.journal.open(entry)
    try:
        yield entry
    except BaseException as error:
        _put_back(entry, scene, error)
        raise
    else:
        scene.journal.close(entry)


def reason(error: BaseException) -> str:
    """Say why something stopped, never with nothing."""
    return str(error) or type(error).__name__


def _put_back(entry: Entry, scene: Scene, error: BaseException) -> None:
    try:
        undone(entry, Reach(scene.nodes, scene.kube))
        scene.journal.close(entry)
    except Exception as trouble:  # noqa: BLE001 - whatever it is, the fault is still in place
        why = trouble.seen or trouble.wanted if isinstance(trouble, SeatrialError) else trouble
        raise NotHealed(
            f"to heal {entry.sentence}",
            seen=f"{why} (after: {reason(error)})",
            remedy="`seatrial heal`",
        ) from error


def _entry(scene: Scene, name: str, ordinal: int, undo: tuple[Step, ...], node: str) -> Entry:
    state = scene.nodes[node].state() if node else NodeState("unknown")
    number, now = stamp()
    return Entry(
        id=number,
        fault=name,
        ordinal=ordinal,
        cluster=scene.cluster,
        namespace=scene.namespace,
        kubeconfig=scene.kubeconfig,
        context=scene.context,
        node=node,
        container=state.container,
        boot=state.boot,
        undo=undo,
        owner=owner(),
        created=now,
        run=scene.run,
    )
