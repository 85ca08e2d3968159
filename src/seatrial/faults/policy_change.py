"""A member's backup policy is changed while it lives: a shorter period, none, a malformed one.

Whoever backs up takes each up without a restart; of the malformed one it says what is wrong.
Source: docs/recovery.md; GUARANTEES, recovery.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults import sets
from seatrial.faults.asked_backups import BACKUPS, GROUP, claim_of
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.surroundings import Custom, Event
from seatrial.kube.watch import Stream
from seatrial.timing import happens, limit

PERIOD, MALFORMED = 2.0, "-5s"
"""What the period becomes, in seconds, and what no period is."""
_MANY = 4
"""How many backups show a period."""
_ALL = 1000
"""More than ever begin while nothing should: it is watched to its end."""
_SCHEDULE = f"{GROUP}/schedule"


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to give the member its own policy back; raises CannotRun when it has none."""
    asked = _policy(scene, ordinal)
    return (Step("merge", path=scene.path(ordinal), value=_annotated(asked)),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Change, drop and spoil the policy; receipt: when backups began under each.

    {target, claim, period (seconds), quick, dropped, malformed: {since, until, began: [seconds
    since 1970 of each backup that began then]}}; the malformed one has `said`, what an event on
    the member tells. Healed: the same under its own policy.
    """
    asked, claim = _policy(scene, ordinal), claim_of(scene, ordinal)
    target, path = scene.describe(ordinal), scene.path(ordinal)
    with Stream(scene.kube, (BACKUPS, "events"), scene.namespace) as told:
        try_ = _Try(scene, told, path, claim, scene.pod(ordinal).metadata.uid)
        quick = try_.under(f"{PERIOD:g}s", _MANY, "a policy is followed")
        dropped = try_.under(None, _ALL, "a dropped policy is watched")
        malformed = try_.under(MALFORMED, _ALL, "a dropped policy is watched")
        said = try_.said()
        yield {
            "target": target,
            "claim": claim,
            "period": PERIOD,
            "quick": quick,
            "dropped": dropped,
            "malformed": {**malformed, "asked": MALFORMED, "said": said},
            "witness": "the records of its backups, and an event on it",
        }
        again = try_.under(asked, 1, "a policy is followed")
    return {"claim": claim, "again": again}


@dataclass(frozen=True)
class _Try:
    """One member whose policy is changed; `told` watches backups and events, `uid` is its pod."""

    scene: Scene
    told: Stream
    path: str
    claim: str
    uid: str

    def under(self, schedule: str | None, wanted: int, within: str) -> dict[str, Any]:
        """Put a schedule there, or none, and see what begins until `wanted` did, or in time."""
        since = time.time()
        sets.merged_back(self.scene.kube, self.path, _annotated(schedule))
        happens(self.told, lambda _: self._few(since, wanted), limit(within))
        return {"since": since, "until": time.time(), "began": self._began(since)}

    def said(self) -> str:
        """Give what an event on the member says of its malformed policy; empty if none comes."""
        happens(self.told, lambda _: self._unsaid(), limit("a policy is followed"))
        said = [each.message for each in self._events() if each.reason == "MalformedPolicy"]
        return said[-1] if said else ""

    def _unsaid(self) -> str | None:
        there = any(each.reason == "MalformedPolicy" for each in self._events())
        return None if there else "no event says what is wrong with the policy"

    def _few(self, since: float, wanted: int) -> str | None:
        there = len(self._began(since))
        return f"{there} backups of {self.claim} began" if there < wanted else None

    def _began(self, since: float) -> list[float]:
        there: Mapping[str, Custom] = self.told.items(BACKUPS)
        own = [one.status or {} for one in there.values() if one.spec.get("claim") == self.claim]
        return sorted(at for one in own if (at := float(one.get("began", 0.0))) >= since)

    def _events(self) -> list[Event]:
        there: Mapping[str, Event] = self.told.items("events")
        return [each for each in there.values() if each.involved_object.uid == self.uid]


def _policy(scene: Scene, ordinal: int) -> str:
    about = scene.kube.get(scene.path(ordinal))["metadata"].get("annotations") or {}
    if not (asked := about.get(_SCHEDULE)):
        raise CannotRun(
            f"a policy of {scene.name(ordinal)} to change",
            seen=f"it has no annotation {_SCHEDULE}",
            remedy="this fault needs a profile that is backed up by docs/recovery.md",
        )
    return str(asked)


def _annotated(schedule: str | None) -> dict[str, Any]:
    return {"metadata": {"annotations": {_SCHEDULE: schedule}}}
