"""Calls of client code that end in time, whatever the code does.

May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def bounded(call: Callable[[], T], seconds: float) -> T:
    """Make a call in a thread of its own and give what it gives.

    Raises what it raises, or TimeoutError; it may then still take effect, at any later time.
    """
    outcome: queue.SimpleQueue[tuple[T] | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((call(),))
        except BaseException as error:  # noqa: BLE001 - foreign code may raise anything
            outcome.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        found = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"not done after {seconds:g} s") from None
    if isinstance(found, BaseException):
        raise found
    return found[0]


def sentence(error: BaseException) -> str:
    """Say what was raised, in one short line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
