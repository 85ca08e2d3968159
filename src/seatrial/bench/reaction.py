"""How long from an event's last byte on the socket until whoever waits for it is awake.

Both times are taken on the very same socket for the very same event: when the raw read of it came
back, and when the waiter woke. What is between them is ours: framing, decoding, recording, waking.
May import: everything a doorway may; urllib3.
"""

from __future__ import annotations

import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from seatrial.kube.client import Kube, connect
from seatrial.kube.watch import Stream
from seatrial.progress import Progress
from seatrial.testing.kept import Kept
from seatrial.testing.server import fake_api
from seatrial.testing.state import FakeApi
from seatrial.timing import Limit, wait

_PATIENCE = Limit("the event is seen", 10)
_MILLISECONDS = 1000.0


def over_a_raw_read(progress: Progress, samples: int) -> list[float]:
    """Give for each event by how many milliseconds the waiter woke after the raw read."""
    with (
        progress.step(f"reaction to {samples} events", 2),
        tempfile.TemporaryDirectory() as folder,
        fake_api() as api,
    ):
        kube = connect(api.kubeconfig(Path(folder) / "kubeconfig"))
        reads = _stamped(kube)
        with Stream(kube, ("pods",), "x", Kept()) as stream, ThreadPoolExecutor(1) as sender:
            return [_once(Scene(api, stream, sender, reads), n) for n in range(samples)]


@dataclass(frozen=True)
class Scene:
    """What one event needs: the server, the stream, the thread that lets it come, the reads."""

    api: FakeApi
    stream: Stream
    sender: ThreadPoolExecutor
    reads: list[float]


def _once(scene: Scene, number: int) -> float:
    """Let one event come while the waiter sleeps."""
    asleep = Event()

    def missing(seen: Stream) -> str | None:
        if f"p{number}" in seen.items("pods"):
            return None
        asleep.set()  # the stream's lock is held until the waiter sleeps: no event overtakes it
        return "not yet"

    def come() -> None:
        asleep.wait(_PATIENCE.seconds)
        scene.api.put("pods", f"p{number}", "x", status={"phase": "Running"})

    coming = scene.sender.submit(come)
    wait(scene.stream, missing, _PATIENCE)
    woken = time.monotonic()
    coming.result()
    return (woken - scene.reads[-1]) * _MILLISECONDS


class _Stamping(socket.socket):
    """A socket that notes when each read of it came back."""

    reads: list[float]

    def recv_into(self, *args: Any) -> int:
        """Read, and note when."""
        count = super().recv_into(*args)
        self.reads.append(time.monotonic())
        return count


def _stamped(kube: Kube) -> list[float]:
    """Let every connection of a client note its reads, and give the list they are noted in."""
    reads: list[float] = []

    class Connection(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            plain = self.sock
            patience = plain.gettimeout()
            self.sock = _Stamping(fileno=plain.detach())
            self.sock.settimeout(patience)
            self.sock.reads = reads

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    manager: urllib3.PoolManager = kube.pool
    manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "http": Pool}
    return reads
