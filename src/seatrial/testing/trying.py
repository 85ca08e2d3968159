"""Tells how a storage class is tried on a claim of our own, for tests of checks.

May import: testing.story.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from seatrial.model import Json
from seatrial.testing.story import Story

_FAULT, _VOLUME = "scratch-claim", "pvc-scratch"
_LATENCIES = {"claim": 0.002, "own": 0.001}


@dataclass(frozen=True)
class Tried:
    """A class as it declares itself, and what is seen of its volume and of the node's disk.

    `goes` is whether the volume ends, `seen` whether anybody looks at the disk, `before` and
    `after` whether its directory is there; None is as an honest provisioner would do it.
    """

    policy: str = "Delete"
    goes: bool | None = None
    seen: bool = True
    before: bool = True
    after: bool | None = None
    phase: str = "Released"
    expanded: dict[str, Json] = field(default_factory=lambda: {"asked": False})
    others: tuple[str, ...] = ()
    rounds: int = 4
    writes: int = 20

    @property
    def gone(self) -> bool:
        """Whether the volume goes."""
        return self.policy == "Delete" if self.goes is None else self.goes

    def told(self, story: Story) -> None:
        """Let claim and volume be made, used, deleted, and what is left removed."""
        story.stage(_FAULT, 0, "planned", {"target": story.proof(0)})
        story.waits(1)
        self._claim(story, "ADDED")
        self._volume(story, "ADDED", "Bound")
        story.waits(4)
        self._claim(story, "DELETED")
        story.stage(_FAULT, 0, "receipt", self._receipt())
        self._volume(story, "MODIFIED", "Released")
        story.waits(2)
        if self.gone:
            self._volume(story, "DELETED", "Released")
        phase = "" if self.gone else self.phase
        fate = {"gone": self.gone, "phase": phase, "seconds": 2.0}
        after = not self.gone if self.after is None else self.after
        story.stage(_FAULT, 0, "healed", {"volume": fate, "folder": self._folder(there=after)})

    def _receipt(self) -> dict[str, Any]:
        about = {
            "name": "standard",
            "provisioner": "paper",
            "reclaim": self.policy,
            "expands": bool(self.expanded["asked"]),
            "others": list(self.others),
        }
        measured = {
            place: {
                "writes": self.writes * self.rounds,
                "p50": each,
                "p99": 3 * each,
                "rounds": [each * (1 + n / 10) for n in range(self.rounds)],
                "throughput": 2**20 / each,
            }
            for place, each in _LATENCIES.items()
        }
        more = {"node": "worker-0", "pinned": True, "measured": measured, "witness": "DELETED"}
        more |= {"expanded": self.expanded, "folder": self._folder(there=self.before)}
        named = {"claim": "claim-scratch", "volume": _VOLUME, "policy": self.policy}
        return {"class": about, **named, **more}

    def _folder(self, *, there: bool) -> dict[str, Json]:
        if not self.seen:
            return {"asked": False, "found": False, "why": "it is not ours"}
        return {"asked": True, "found": there, "why": ""}

    def _claim(self, story: Story, event: str) -> None:
        story.rv += 1
        name = {"name": "scratch", "uid": "claim-scratch", "volume": _VOLUME, "phase": "Bound"}
        about = {**name, "event": event, "rv": story.rv, "deleting": event == "DELETED"}
        story.says("watch/persistentvolumeclaims", "claim", about)

    def _volume(self, story: Story, event: str, phase: str) -> None:
        story.rv += 1
        about = {"name": _VOLUME, "uid": "volume-of-scratch", "claim": "claim-scratch", "node": ""}
        value = {**about, "event": event, "rv": story.rv, "phase": phase, "policy": self.policy}
        story.says("watch/persistentvolumes", "volume", value)
