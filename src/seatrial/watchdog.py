"""The watchdog's own process: `python -m seatrial.watchdog PID BORN`, started by healing.guard.

It reads until its standard input ends. A farewell lets it end at once; without one it waits for
the end of the process that started it, and undoes what that one had broken.
May import: healing (only then: till then it holds no more memory than it must).
"""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress

FAREWELL = b"all is healed\n"
"""What a run that ends in order says."""


def main(pid: int, born: int) -> int:
    """Wait and, when there was no farewell, heal; the exit code is that of `seatrial heal`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() == FAREWELL:
        return 0
    _until_ended(pid)
    return _healed(pid, born)


def _until_ended(pid: int) -> None:
    """Sleep until the process ends; it is not our child, so it cannot be waited for."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        select.select([handle], [], [])


def _healed(pid: int, born: int) -> int:
    from seatrial import healing  # noqa: PLC0415 - see the docstring
    from seatrial.faults.journal import Owner, boot  # noqa: PLC0415
    from seatrial.progress import Quiet  # noqa: PLC0415

    done = healing.heal_of(Owner(pid, born, boot()), Quiet())
    for mend in done.mends:
        sys.stderr.write(f"{mend}\n")
    return done.exit_code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
