"""Tells how a backup was copied elsewhere, failed with its store away, or followed its policy.

May import: model, testing.story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.model import Outcome
from seatrial.testing.story import Story

_FAULT, _DOWN, _CHANGE = "restore-elsewhere", "backup-store-down", "backup-policy-change"
_SNAPSHOT, _REQUESTS = "aaaaaaaa", 20
_EPOCH = 1_700_000_000.0
_LINK = ["lrwxrwxrwx", 1, 1, "plain", []]
_PLANTED: dict[str, Any] = {
    "plain": ["-rw-r-----", 1, 1, "hash", [["user.x", "6b"]]],
    "link": _LINK,
}
_DIFFERS: dict[str, dict[str, Any]] = {
    "": _PLANTED,
    "mode": {**_PLANTED, "plain": ["-rw-r--r--", *_PLANTED["plain"][1:]]},
    "poison": {**_PLANTED, "plain": [*_PLANTED["plain"][:3], "other", []]},
    "lost": {"plain": _PLANTED["plain"]},
    "later": {**_PLANTED, "poison": _PLANTED["plain"]},
}


@dataclass(frozen=True)
class Copied:
    """One try. `acknowledged` are the writes before the backup, of which the copy lacks `lacks`.

    `later` are writes begun after it that are in the copy; `promises` is by how much the watermark
    goes beyond the copy. `files` is how many the copy has of four, `top` lies at its top; `told`
    whether the backup has an Op. `planted` are files of ours, of which the copy `differs` in one:
    "mode", "poison", "lost" or "later". `torn` is by how much its bank does not sum up, `moved` how
    often money moved while it was backed up; there is no bank without.
    """

    acknowledged: int = 4
    lacks: int = 0
    later: int = 0
    promises: int = 0
    corrupt: Sequence[str] = ()
    files: int = 4
    top: str = "ledger"
    planted: bool = True
    differs: str = ""
    torn: int = 0
    moved: int | None = 30
    served: bool = True
    found: Sequence[str] = ()
    why: str = ""
    blobs: int = 12
    wrong: str = "Failed"
    message: str = "restic restore failed: wrong password"
    restored: int = 1
    left: int = 0
    agent: bool = True
    planned: bool = True
    receipt: bool = True
    told: bool = True
    error: float = 0.0
    breaks: Sequence[str] = ()

    def story(self) -> Story:
        """Tell it, from the deployment to the last look."""
        run = Story({_FAULT: [0]} if self.planned else {}, breaks=self.breaks)
        run.deploys()
        for _ in range(self.acknowledged):
            run.waits(0.1)
            run.writes(0)
        run.phase("fault")
        if self.planned:
            self._tried(run)
        run.phase("final")
        return run

    def _tried(self, run: Story) -> None:
        held = [list(each) for each in run.held.get(0, [])]
        kept = held[: len(held) - self.lacks]
        run.waits(1)
        run.stage(_FAULT, 0, "planned", {"target": run.proof(0)})
        run.waits(1)
        backup = self._backed_up(run, kept)
        run.waits(1)
        for _ in range(max(1, self.later)):
            run.writes(0)
        copy = [*kept, *(list(each) for each in run.held[0][len(held) :][: self.later])]
        run.waits(1)
        if self.receipt:
            run.stage(_FAULT, 0, "receipt", self._receipt(run, backup, copy))
            run.waits(1)
            run.stage(_FAULT, 0, "healed", {"cleared": "gone"})

    def _backed_up(self, run: Story, kept: list[list[Any]]) -> dict[str, Any]:
        marks = {writer: [seq + self.promises, crc] for writer, seq, crc, _ in kept}
        value = {"ordinal": 0, "snapshot": _SNAPSHOT, "files": 4, "bytes": 9, "watermark": marks}
        value |= {"began": _EPOCH + run.at, "ended": _EPOCH + run.at + 0.5, "ok": True, "note": ""}
        run.waits(0.5)
        if self.told:
            run.says("backup/0", "backup", value, took=0.5, error=self.error)
        return {**value, "phase": "Complete", "name": "asked-1", "repository": "rest:http://s/"}

    def _receipt(self, run: Story, backup: dict[str, Any], copy: list[list[Any]]) -> dict[str, Any]:
        made = [f"elsewhere-{number:02}" for number in range(_REQUESTS)]
        agent = {"pod": "rescuer-x", "phase": "Running"} if self.agent else {}
        requests = {"made": made, "left": made[: self.left], "agent": agent}
        read = {
            "names": [self.top, "token"],
            "files": self.files,
            "bytes": 9,
            "digest": "d",
            "marker": "m",
        }
        read |= {"records": copy, "corrupt": list(self.corrupt)}
        read |= {"manifest": _DIFFERS[self.differs] if self.planted else {}}
        read |= {"served": self.served, "why": "" if self.served else "it is Pending"}
        repository = {"blobs": self.blobs, "bytes": 99, "found": list(self.found), "why": self.why}
        return {
            "target": run.proof(0),
            "backup": backup,
            "requests": {**requests, "restored": made[: self.restored]},
            "copy": read,
            "planted": _PLANTED if self.planted else {},
            "poisoned": _DIFFERS["poison"] if self.planted else {},
            "bank": self._bank(),
            "source": ["ledger", "token"],
            "repository": repository,
            "wrong": {"phase": self.wrong, "message": self.message, "served": False},
        }

    def _bank(self) -> dict[str, Any]:
        if self.moved is None:
            return {}
        balances = {"account-0": 100, "account-1": 101, "account-2": 99}
        told = {"balances": balances, "transfers": 7, "total": 300}
        copy = {"balances": {**balances, "account-0": 100 - self.torn}, "transfers": 20}
        return {"before": told, "after": {**told, "transfers": 7 + self.moved}, "copy": copy}


def tells_store_down(
    *,
    phase: str = "Failed",
    message: str = "the store cannot be reached",
    after: str = "Complete",
    scheduled: Outcome = Outcome.INFO,
    receipt: bool = True,
    healed: bool = True,
    breaks: Sequence[str] = (),
) -> Story:
    """Tell a run in which the store was away for eight seconds, and one backup was due."""
    run = Story({_DOWN: [0]}, breaks=breaks)
    run.deploys()
    run.phase("fault")
    run.stage(_DOWN, 0, "planned", {"target": run.proof(0)})
    since = _EPOCH + run.at
    run.waits(4)
    due = {"ordinal": 0, "snapshot": "bbbbbbbb", "watermark": {}, "note": ""}
    due |= {"began": since + 2, "ended": since + 3, "ok": scheduled is Outcome.OK}
    run.says("backup/0", "backup", due, scheduled, took=1)
    run.waits(4)
    asked = {"name": "asked-1", "phase": phase, "message": message}
    proof = {"target": run.proof(0), "service": "store", "asked": asked}
    if receipt:
        away = {"since": since, "until": _EPOCH + run.at}
        run.stage(_DOWN, 0, "receipt", {**proof, **away})
    run.waits(2)
    if healed:
        again = {"name": "asked-2", "phase": after, "message": "" if after == "Complete" else "no"}
        run.stage(_DOWN, 0, "healed", {"service": "store", "asked": again})
    run.phase("final")
    return run


@dataclass(frozen=True)
class Changed:
    """One change of a policy to a period of two seconds; backups began so many seconds after it.

    `dropped` and `malformed` are when backups began under these all the same, `said` what an event
    told of the malformed one, `again` when one began once the policy was back.
    """

    quick: Sequence[float] = (0.5, 2.6, 4.7, 6.8)
    dropped: Sequence[float] = ()
    malformed: Sequence[float] = ()
    said: str = "a period such as 30s, 5m or 1h is wanted, not '-5s'"
    again: Sequence[float] = (0.2,)
    planned: bool = True
    receipt: bool = True
    healed: bool = True
    bound: float = 0.0
    breaks: Sequence[str] = ()

    def story(self) -> Story:
        """Tell it, from the deployment to the last look."""
        bounds = {"recovery.scheduled": {"late": self.bound}} if self.bound else {}
        run = Story({_CHANGE: [0]} if self.planned else {}, breaks=self.breaks, bounds=bounds)
        run.deploys()
        run.phase("fault")
        if self.planned:
            self._changes(run)
        run.phase("final")
        return run

    def _changes(self, run: Story) -> None:
        run.stage(_CHANGE, 0, "planned", {"target": run.proof(0)})
        proof: dict[str, Any] = {"target": run.proof(0), "claim": "data-ledger-0", "period": 2.0}
        proof["quick"] = _under(run, self.quick, 8.0)
        proof["dropped"] = _under(run, self.dropped, 4.0)
        proof["malformed"] = {**_under(run, self.malformed, 4.0), "said": self.said, "asked": "-5s"}
        if self.receipt:
            run.stage(_CHANGE, 0, "receipt", proof)
        again = _under(run, self.again, 5.0)
        if self.healed:
            run.stage(_CHANGE, 0, "healed", {"claim": "data-ledger-0", "again": again})


def _under(run: Story, began: Sequence[float], watched: float) -> dict[str, Any]:
    since = _EPOCH + run.at
    run.waits(watched)
    told = {"since": since, "until": since + watched}
    return {**told, "began": [since + each for each in began]}
