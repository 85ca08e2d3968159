"""A member is backed up under load, and the snapshot restored into a new claim of another name.

Twenty requests ask for the same, and the agent that restores is ended in the middle: one restore
is wanted. A pod reads the copy; what the repository gives without a key is searched for a record
of it; another key is tried. Files of ours are planted in the member's volume before the backup and
poisoned after it; a bank is opened there, whose money moves meanwhile, and whose copy must sum up.
No member is disturbed, and nothing of it stays.
Source: docs/recovery.md; GUARANTEES, recovery.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults import asked_backups, banked, elsewhere, planting, sets
from seatrial.faults.asked_backups import KINDS, RESTORES, claim_of
from seatrial.faults.elsewhere import COPY, WRONG
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.surroundings import Custom
from seatrial.kube.watch import Stream
from seatrial.model import Op
from seatrial.timing import happens, limit

REQUESTS = 20
_AT_IT = ("Running", "Restored")
_EMPTY: dict[str, Any] = {
    "names": [], "files": 0, "bytes": 0, "digest": "", "records": [], "corrupt": [], "marker": "",
    "manifest": {},
}  # fmt: skip
_SAID = ("Failed", "Refused", "Restored")


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to remove whatever there is of the copy, and what is planted in the member."""
    copy = Step("clear-copy", path=f"/api/v1/namespaces/{scene.namespace}")
    claim = claim_of(scene, ordinal)
    commands = banked.undo(scene, ordinal, planting.place(scene, ordinal, claim))
    return (copy, *commands, *planting.undo(scene, ordinal, claim))


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Back up and restore elsewhere; receipt: what a pod read in the copy.

    {target, backup (its status and name), planted (files of ours in the member before the backup,
    see copy_reading), poisoned (the same before the restore), requests {made, left, restored,
    agent}, copy (see copy_reading; `manifest`, `served` and `why`), bank {before, after (the
    backup), copy: see banking; nothing where none could be opened}, source (names at the top of
    the member's own volume), repository (see copy_reading), wrong {phase, message, served}}.
    Raises CannotRun when there is no complete backup to restore.
    """
    claim, target = claim_of(scene, ordinal), scene.describe(ordinal)
    ears = _Ears()
    folder = planting.place(scene, ordinal, claim)
    with Stream(scene.kube, KINDS, scene.namespace, ears) as told:
        planted = planting.done(scene, ordinal, "plant", folder)
        within = limit("a backup is complete")
        bank = banked.opened(scene, ordinal, folder)
        if bank:
            # Whoever backs up has taken the commands up by the end of this one.
            asked_backups.backed_up(scene, told, claim, within)
        before = banked.told(scene, ordinal, folder) if bank else {}
        backup = asked_backups.backed_up(scene, told, claim, within)
        if backup["phase"] != "Complete":
            seen = f"{backup['phase'] or 'nothing'}: {backup.get('message', '')}"
            raise CannotRun(f"a complete backup of {claim} to restore elsewhere", seen=seen)
        after = banked.told(scene, ordinal, folder) if bank else {}
        poisoned = planting.done(scene, ordinal, "poison", folder) if planted else {}
        try_ = _Try(scene, told, ordinal, claim, backup["snapshot"], ears)
        requests, copy = try_.copied()
        lent = elsewhere.bank(scene) if bank and copy["served"] else {}
        repository = elsewhere.searched(scene, backup["repository"], copy["marker"])
        yield {
            "target": target,
            "backup": backup,
            "planted": planted,
            "poisoned": poisoned,
            "requests": requests,
            "copy": copy,
            "bank": {"before": before, "after": after, "copy": lent} if bank else {},
            "source": elsewhere.names(scene, ordinal, claim),
            "repository": repository,
            "wrong": try_.another_key(),
            "witness": "a pod that mounts the new claim read it",
        }
    cleared = elsewhere.cleared(scene.kube, scene.namespace)
    commands = banked.undo(scene, ordinal, folder)
    gone = [sets.merged_back(scene.kube, step.path, step.value) for step in commands]
    steps = planting.undo(scene, ordinal, claim)
    gone += [planting.removed(scene.kube, step.path, step.value) for step in steps]
    return {"cleared": "; ".join(filter(None, [cleared, *gone]))}


@dataclass
class _Ears:
    """Hears every transition of a request: one that is done is gone before anybody asks."""

    restored: set[str] = field(default_factory=set)

    def now(self) -> float:
        """Seconds on a clock that never goes back; nobody compares them."""
        return time.monotonic()

    def write(self, op: Op) -> None:
        """Note the requests for the copy that said Restored."""
        value = op.value
        if (value.get("spec") or {}).get("claim") == COPY:
            done = (value.get("status") or {}).get("phase") == "Restored"
            self.restored |= {str(value["name"])} if done else set()


@dataclass
class _Try:
    """One snapshot and where it is restored; `agent` is the pod that was ended at it."""

    scene: Scene
    told: Stream
    ordinal: int
    claim: str
    snapshot: str
    ears: _Ears
    agent: dict[str, str] = field(default_factory=dict)

    def copied(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Ask twenty times for one copy, end the agent at it, and read what came of it."""
        elsewhere.made(self.scene, self.ordinal, COPY, self.claim)
        names = [f"{COPY}-{number:02}" for number in range(REQUESTS)]
        for name in names:
            elsewhere.asked(self.scene, COPY, name, self._spec())
        within = limit("a copy is served")
        if happens(self.told, lambda _: self._unbegun(), within):
            self._end_agent()
        served = happens(self.scene.stream, lambda _: elsewhere.unserved(self.scene, COPY), within)
        happens(self.told, lambda _: self._left(), limit("a copy is asked for no more"))
        requests = {"made": names, "left": self._requests(), "restored": sorted(self.ears.restored)}
        why = elsewhere.unserved(self.scene, COPY) or ""
        found = dict(_EMPTY)
        if served:
            found = {**elsewhere.read(self.scene), "manifest": elsewhere.manifest(self.scene)}
        return {**requests, "agent": self.agent}, {**found, "served": served, "why": why}

    def another_key(self) -> dict[str, Any]:
        """Ask for the same snapshot with another key, and give what is said of it."""
        key = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": WRONG}}
        self.scene.kube.apply(
            [{**key, "stringData": {"key": secrets.token_urlsafe(32)}}], self.scene.namespace
        )
        elsewhere.made(self.scene, self.ordinal, WRONG, self.claim)
        elsewhere.asked(self.scene, WRONG, WRONG, {**self._spec(), "secret": WRONG})
        happens(self.told, lambda _: self._silent(), limit("a wrong key is told"))
        found = asked_backups.status(self.told, RESTORES, WRONG)
        served = elsewhere.unserved(self.scene, WRONG) is None
        return {
            "phase": found.get("phase", ""),
            "message": found.get("message", ""),
            "served": served,
        }

    def _spec(self) -> dict[str, str]:
        return {"source": self.claim, "snapshot": self.snapshot, "reason": "a restore is tried"}

    def _phases(self) -> dict[str, str]:
        there: dict[str, Custom] = dict(self.told.items(RESTORES))
        return {
            name: (found.status or {}).get("phase", "")
            for name, found in there.items()
            if found.spec.get("claim") == COPY
        }

    def _requests(self) -> list[str]:
        return sorted(self._phases())

    def _unbegun(self) -> str | None:
        busy = [name for name, phase in self._phases().items() if phase in _AT_IT]
        return None if busy else f"no restore into {COPY} has begun"

    def _left(self) -> str | None:
        left = self._requests()
        return f"{len(left)} requests for {COPY} are there still" if left else None

    def _end_agent(self) -> None:
        """End the pod of whoever is at it, at once; its own controller makes another."""
        for name, phase in self._phases().items():
            by = asked_backups.status(self.told, RESTORES, name).get("by", "")
            if phase in _AT_IT and by and not self.agent:
                path = f"/api/v1/namespaces/{self.scene.namespace}/pods/{by}"
                self.scene.kube.delete(path, grace=0)
                self.agent = {"pod": by, "phase": phase}

    def _silent(self) -> str | None:
        phase = asked_backups.status(self.told, RESTORES, WRONG).get("phase", "")
        return None if phase in _SAID else f"restore {WRONG} is {phase or 'not begun'}"
