"""One fault, done in a process that SIGKILL ends on the way: `python suites/faults/fatal.py JSON`.

The JSON has the fields of a Scene that are text, and of itself: the fault, the ordinal, the file to
write each stage to, and when to end: `at` a stage, or so many seconds `after` it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from seatrial import cluster
from seatrial.faults import FAULTS, broken
from seatrial.faults.scene import Scene
from seatrial.healing import watched
from seatrial.kube.watch import Stream
from seatrial.model import Op
from seatrial.progress import Quiet
from seatrial.workload import WATCHED

_TEXTS = ("namespace", "set", "cluster", "kubeconfig", "context", "run", "container", "image")


class Fatal:
    """A recorder that keeps each stage on disk, and ends its process at one of them."""

    def __init__(self, file: Path, at: str, after: float) -> None:
        self._file, self._at, self._after = file, at, after

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def write(self, op: Op) -> None:
        """Keep one Op, perhaps as the last thing that this process does."""
        with self._file.open("a") as file:
            file.write(json.dumps({"stage": op.value["stage"], "proof": op.value["proof"]}) + "\n")
        if op.value["stage"] == self._at and self._after:
            timer = threading.Timer(self._after, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()
        elif op.value["stage"] == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def main(told: dict[str, Any]) -> None:
    """Break and heal, unless the end comes before."""
    found = cluster.get(told["cluster"])
    kube, texts = found.connect(), {key: told[key] for key in _TEXTS}
    recorder = Fatal(Path(told["file"]), told["at"], told["after"])
    with watched(), Stream(kube, WATCHED, told["namespace"]) as stream:
        nodes = cluster.machines(found, Quiet())
        scene = Scene(kube, stream, nodes=nodes, driver=told["driver"], **texts)
        with broken(FAULTS[told["fault"]], scene, told["ordinal"], recorder):
            pass


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
