"""A fault that is in place for longer than its Plan states is healed, whoever still needs it.

It is undone by its entry of the journal, as `seatrial heal` would do it; what led the trial finds
all whole when it comes to heal. That is an Op, and the trial's verdicts are unknown.
May import: model, faults.{journal,scene,undo,undoing}.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from seatrial.faults.journal import Entry
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone
from seatrial.faults.undoing import reason
from seatrial.model import Op, Outcome, Recorder


@contextmanager
def in_time(
    scene: Scene, entry: Entry | None, seconds: float, left: float, recorder: Recorder
) -> Iterator[None]:
    """Heal by an entry once `left` of the stated `seconds` are over, unless the body is left first.

    Without an entry there is nothing to undo, and 0 seconds state nothing.
    """
    if entry is None or not seconds:
        yield
        return
    timer = threading.Timer(max(0.0, left), _heal, (scene, entry, seconds, recorder))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _heal(scene: Scene, entry: Entry, seconds: float, recorder: Recorder) -> None:
    began = recorder.now()
    try:
        did, trouble = undone(entry, Reach(scene.nodes, scene.kube)), ""
    except Exception as error:  # noqa: BLE001 - its healing is still to come, and raises it
        did, trouble = [], reason(error)
    value = {"fault": entry.fault, "ordinal": entry.ordinal, "seconds": seconds}
    value |= {"did": did, "trouble": trouble}
    now = recorder.now()
    recorder.write(Op(f"fault/{entry.fault}", "overdue", Outcome.INFO, began, now, value))
