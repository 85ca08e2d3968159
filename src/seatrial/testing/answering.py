"""Somebody on loopback who answers whoever asks, or is there and does not, or is gone.

May import: machine; testing.{machine,runtime}.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

from seatrial.machine import NodeState
from seatrial.testing.machine import PaperNode
from seatrial.testing.runtime import PaperRuntime

_ANSWER = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Answering:
    """Listens at `port`. While it `holds` its kernel accepts, and nobody says a word."""

    def __init__(self) -> None:
        """Begin to answer."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.holds = False
        self.kept: list[socket.socket] = []
        self.thread = threading.Thread(target=self._serve, name="answering", daemon=True)
        self.thread.start()

    def leaves(self) -> None:
        """Be gone: connections are refused from now on, and kept ones end."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        while self.kept:
            self.kept.pop().close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                asked, _ = self.listener.accept()
                self._answer(asked)

    def _answer(self, asked: socket.socket) -> None:
        if self.holds:
            self.kept.append(asked)
            return
        with asked, suppress(OSError):
            asked.recv(65536)
            asked.sendall(_ANSWER)


def silenced(folder: Path, name: str, runtime: PaperRuntime, door: Answering) -> PaperNode:
    """Give a machine of paper: whoever answers at the door says no word while it stands still."""

    def tell(when: str, _: NodeState) -> None:
        if when == "after":
            door.holds = found.amiss == "frozen"

    found = PaperNode(folder / "node.json", name, tell=tell, runtime=runtime)
    return found
