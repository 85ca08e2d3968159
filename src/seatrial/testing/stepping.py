"""Takes the steps of whoever plays a part on the fake API server, while a test runs.

May import: testing.state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from seatrial.testing.state import FakeApi


@contextmanager
def stepping(api: FakeApi, step: Callable[[], bool], name: str) -> Iterator[None]:
    """Take steps whenever there is one to take, in a thread of this name, while the body runs.

    `step` does the next single thing, and says whether there was one.
    """

    def work(over: threading.Event) -> None:
        with api.changed:
            while not over.is_set():
                if not step():
                    api.changed.wait()

    with playing(api, work, name):
        yield


@contextmanager
def playing(api: FakeApi, work: Callable[[threading.Event], None], name: str) -> Iterator[None]:
    """Do this work in a thread of this name, until the body is over, which its event says.

    Whoever waits for `api.changed` is woken then.
    """
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,), name=name)
    thread.start()
    try:
        yield
    finally:
        with api.changed:
            over.set()
            api.changed.notify_all()
        thread.join()
