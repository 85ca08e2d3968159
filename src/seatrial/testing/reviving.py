"""Tells how a node that was given up came back with its old disk.

May import: model, testing.story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.model import Outcome
from seatrial.testing.story import Story

_FAULT, _MEMBER, _NODE = "node-stale-return", 1, "worker-1"
_SNAPSHOT = "aaaaaaaa"


@dataclass(frozen=True)
class Returned:
    """One return. `lost` writes were acknowledged after the backup, of which `back` are back.

    `claimed` binds a claim to the old volume again, `claimable` leaves another of its directory,
    `twice` runs the member there once more. `restored` whether a snapshot was, `lies` whether the
    old directory is on the disk that came back, `healed` whether it came.
    """

    lost: int = 3
    back: int = 0
    claimed: bool = False
    claimable: bool = False
    twice: bool = False
    restored: bool = True
    lies: bool = True
    receipt: bool = True
    healed: bool = True
    told: bool = True
    read: Outcome = Outcome.OK
    error: float = 0.0
    breaks: Sequence[str] = ()

    def story(self) -> Story:
        """Tell it, from the deployment to the last look."""
        run = Story({_FAULT: [_MEMBER]}, breaks=self.breaks)
        run.deploys()
        _served(run)
        kept = self._backed_up(run)
        run.phase("fault")
        for _ in range(self.lost):
            run.writes(_MEMBER)
        self._goes_on(run, kept)
        _served(run)
        run.phase("final")
        for member in run.members:
            run.reads(member, self.read)
        return run

    def _backed_up(self, run: Story) -> list[list[Any]]:
        kept = [list(each) for each in run.held[_MEMBER]]
        marks = {writer: [seq, crc] for writer, seq, crc, _ in kept}
        run.waits(1)
        value = {"ordinal": _MEMBER, "snapshot": _SNAPSHOT, "files": 4, "bytes": 9}
        value |= {"watermark": marks, "began": 1.0, "ended": 2.0, "note": ""}
        if self.told:
            run.says(f"backup/{_MEMBER}", "backup", value, took=0.5, error=self.error)
        run.waits(1)
        return kept

    def _goes_on(self, run: Story, kept: list[list[Any]]) -> None:
        old, had = run.proof(_MEMBER), run.claims[_MEMBER]["volume"]
        run.waits(1)
        run.stage(_FAULT, _MEMBER, "planned", {"target": old})
        run.goes(_MEMBER)
        if self.restored:
            _given_up(run, had)
            after = run.held[_MEMBER][len(kept) :]
            run.held[_MEMBER] = [*kept, *after[: self.back]]
        run.comes(_MEMBER, node="worker-2")
        has = run.claims[_MEMBER]["volume"]
        restored = {"snapshot": _SNAPSHOT, "files": 4} if self.restored else {}
        told = {"had": [had], "has": [has], "restored": restored}
        proof = {**old, **told, "elsewhere": run.proof(_MEMBER)}
        if self.receipt:
            run.stage(_FAULT, _MEMBER, "receipt", proof)
        self._misused(run, had)
        run.waits(5)
        if self.healed:
            data = [f"{had}_x_data"] if self.lies else []
            about = {**run.proof(_MEMBER), "machine": _NODE, "data": data, "has": [has]}
            run.stage(_FAULT, _MEMBER, "healed", about)

    def _misused(self, run: Story, had: str) -> None:
        run.waits(1)
        if self.claimed:
            run.claim(_MEMBER, "MODIFIED", volume=had)
        if self.claimable:
            _volume(run, f"left-{had}", "ADDED", "Available")
        if self.twice:
            run.rv += 1
            pod = {**run.pods[_MEMBER], "uid": "second", "node": _NODE, "rv": run.rv}
            run.says("watch/pods", "pod", {**pod, "event": "MODIFIED"})


def _served(run: Story) -> None:
    for _ in range(3):
        for member in run.members:
            run.writes(member)


def _given_up(run: Story, volume: str) -> None:
    run.claim(_MEMBER, "DELETED", deleting=True)
    del run.claims[_MEMBER]
    _volume(run, volume, "DELETED", "Released")


def _volume(run: Story, name: str, event: str, phase: str) -> None:
    run.rv += 1
    value = {"event": event, "rv": run.rv, "name": name, "uid": f"uid-of-{name}", "claim": ""}
    run.says("watch/persistentvolumes", "volume", {**value, "node": _NODE, "phase": phase})
