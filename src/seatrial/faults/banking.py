"""Runs in a member's container: a bank in its volume, whose money moves while it is backed up.

    open FOLDER TEXT     founds it and begins to transfer; TEXT is this program. {transfers, …}
    told FOLDER          {transfers, balances: {account: money}}; {} when there is no bank
    quiet FOLDER         no transfer is under way, and none begins: what a policy's `quiesce` runs
    loud FOLDER          they go on: its `resume`
    close FOLDER         ends it and removes all of it; whether it was there

All but always money has left one account and not yet reached another: a copy that was made without
`quiet` is torn, and does not sum up.
May import: the standard library. It is shipped as text.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OURS = ".seatrial-bank"
ACCOUNTS, EACH = 8, 100
_UNDER_WAY, _BETWEEN = 0.05, 0.002
"""Seconds for which money has left and not arrived, and in which nothing moves."""


def open_(folder: str, text: str) -> dict[str, Any]:
    """Found the bank, and leave a process that transfers until the bank is closed."""
    own = Path(folder) / OURS
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    for number in range(ACCOUNTS):
        _put(own / f"account-{number}", EACH)
    _put(own / "transfers", 0)
    (own / "lock").touch()
    (own / "bank.py").write_text(text)
    words = [sys.executable, "-B", str(own / "bank.py"), "run", folder]
    none = subprocess.DEVNULL
    subprocess.Popen(words, stdin=none, stdout=none, stderr=none, start_new_session=True)  # noqa: S603
    return told(folder)


def told(folder: str) -> dict[str, Any]:
    """Tell what is in every account, and how many transfers there were."""
    own = Path(folder) / OURS
    if not own.exists():
        return {}
    with _alone(own):
        return _told(own)


def _told(own: Path) -> dict[str, Any]:
    balances = {path.name: int(path.read_text()) for path in sorted(own.glob("account-*"))}
    return {"transfers": int((own / "transfers").read_text()), "balances": balances}


def quiet(folder: str) -> bool:
    """Wait until the transfer that is under way is done; none begins before `loud`."""
    (Path(folder) / OURS / "quiet").touch()
    with _alone(Path(folder) / OURS):
        return True


def loud(folder: str) -> bool:
    """Let transfers go on."""
    (Path(folder) / OURS / "quiet").unlink(missing_ok=True)
    return True


def close(folder: str) -> bool:
    """Remove the bank: who transfers sees it and ends."""
    own = Path(folder) / OURS
    there = own.exists()
    if there:
        quiet(folder)
        # At once: were `quiet` removed before the rest, a transfer would come in between.
        own.rename(own.with_name(f"{OURS}-closed"))
    shutil.rmtree(own.with_name(f"{OURS}-closed"), ignore_errors=not there)
    return there


def run(folder: str) -> bool:
    """Transfer until the bank is gone."""
    own, draw, pause = Path(folder) / OURS, random.Random(0), threading.Event()  # noqa: S311
    # An IndexError: there is no account any more to choose from.
    with contextlib.suppress(FileNotFoundError, IndexError):
        while True:
            with _alone(own):
                if not (own / "quiet").exists():
                    _transfer(own, draw, pause)
            pause.wait(_BETWEEN)
    return True


def _transfer(own: Path, draw: random.Random, pause: threading.Event) -> None:
    rich = [path for path in own.glob("account-*") if int(path.read_text())]
    payer = draw.choice(sorted(rich))
    payee = draw.choice(sorted({*own.glob("account-*")} - {payer}))
    _put(payer, int(payer.read_text()) - 1)
    pause.wait(_UNDER_WAY)
    _put(payee, int(payee.read_text()) + 1)
    _put(own / "transfers", int((own / "transfers").read_text()) + 1)


def _put(path: Path, number: int) -> None:
    new = path.with_name(f".{path.name}")
    new.write_text(str(number))
    new.rename(path)


@contextmanager
def _alone(own: Path) -> Iterator[None]:
    handle = os.open(own / "lock", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


DOES: dict[str, Callable[..., Any]] = {
    "open": open_,
    "told": told,
    "quiet": quiet,
    "loud": loud,
    "close": close,
    "run": run,
}

if __name__ == "__main__":
    json.dump(DOES[sys.argv[1]](*sys.argv[2:]), sys.stdout)
