"""Reads all that every member holds, and says of each whether it was read to its end.

May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any

from attempt import bounded, sentence
from contract import Client, Job, Member
from spool import Spool


class Readings:
    """Readings by id: asked for again, one is waited for and not made twice."""

    def __init__(self, client: Client | None, job: Job, spool: Spool) -> None:
        self._client, self._job, self._spool = client, job, spool
        self._done: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def read(self, ident: str, phase: str, seconds: float) -> bool:
        """Start the reading `ident` unless it was, wait, and tell whether it is done."""
        with self._lock:
            if ident not in self._done:
                self._done[ident] = threading.Event()
                threading.Thread(target=self._all, args=(ident, phase), daemon=True).start()
        return self._done[ident].wait(seconds)

    def finish(self) -> None:
        """Wait for every reading that was started; none takes longer than it may."""
        for done in list(self._done.values()):
            done.wait()

    def _all(self, ident: str, phase: str) -> None:
        members = self._job.members if self._client else ()
        threads = [threading.Thread(target=self._one, args=(m, phase)) for m in members]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._done[ident].set()

    def _one(self, member: Member, phase: str) -> None:
        held = _Held()
        invoked, outcome, note = monotonic(), "ok", ""
        try:
            bounded(lambda: self._take(member.host, held), self._job.read_timeout)
        except BaseException as error:  # noqa: BLE001 - foreign code may raise anything
            outcome, note = "info", sentence(error)
        value = {
            "member": member.ordinal,
            "phase": phase,
            "records": list(held.records),
            "corrupt": list(held.corrupt),
            "note": note,
        }
        times = invoked, monotonic()
        self._spool.write(f"reader/{member.ordinal}", "read", outcome, times, value)

    def _take(self, host: str, held: _Held) -> None:
        if self._client is None:
            return
        for record in self._client.read(host, self._job.read_timeout):
            held.take(record)


class _Held:
    """What was read so far; kept when the rest cannot be."""

    def __init__(self) -> None:
        self.records: list[list[Any]] = []
        self.corrupt: list[str] = []

    def take(self, record: dict[str, Any]) -> None:
        if "corrupt" in record:
            self.corrupt.append(str(record["corrupt"]))
            return
        numbers = (int(record[key]) for key in ("seq", "crc", "previous"))
        self.records.append([str(record["writer"]), *numbers])
