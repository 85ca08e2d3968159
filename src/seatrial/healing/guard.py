"""A child that heals when we are gone: it lives as long as we do, and does nothing till then.

May import: command, faults.journal, places, timing, watchdog, the standard library.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from seatrial import command
from seatrial.faults.journal import Journal, owner
from seatrial.places import state
from seatrial.timing import limit
from seatrial.watchdog import FAREWELL


@contextmanager
def watched() -> Iterator[None]:
    """Have a watchdog while the body runs: it heals what we broke if we end without a farewell.

    It hears of our end by the pipe that closes then, whatever ended us. A fault that is still
    open when the body is left is its to heal: then it waits for our end.
    """
    me = owner()
    log = state() / "watchdog.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    argv = [sys.executable, "-P", "-m", "seatrial.watchdog", str(me.pid), str(me.born)]
    child = command.attending(argv, log=log)
    try:
        yield
    finally:
        if os.getpid() == me.pid:
            open_still = any(entry.owner == me for entry in Journal().read()[0])
            _leave(child, farewell=not open_still)


def _leave(child: subprocess.Popen[bytes], *, farewell: bool) -> None:
    if not farewell:
        if child.stdin:
            child.stdin.close()
        # It outlives us, so nobody is to be told that it was not waited for.
        child.returncode = 0
        return
    try:
        child.communicate(FAREWELL, limit("watchdog ends").seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
