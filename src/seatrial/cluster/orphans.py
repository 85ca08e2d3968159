"""What a killed seatrial left running: kind, still at work on a cluster that nobody waits for.

It is known by the very kubeconfig path of our record among its arguments, and ended by its pid.
May import: timing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from seatrial.timing import limit, poll


def end_writers(kubeconfig: str) -> None:
    """End every process that was started to write this kubeconfig of ours, and wait for it."""
    for pid in _writers(kubeconfig):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    poll(lambda: _left(kubeconfig), limit("engine stops"))


def _left(kubeconfig: str) -> str | None:
    pids = list(_writers(kubeconfig))
    return f"kind still runs as {pids}" if pids else None


def _writers(kubeconfig: str) -> Iterator[int]:
    wanted = [b"--kubeconfig", os.fsencode(kubeconfig)]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in [words[at : at + 2] for at in range(len(words))] and b"create" in words:
            yield int(entry.name)
