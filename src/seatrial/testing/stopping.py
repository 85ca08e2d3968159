"""Tells a History in which members are told to go while clients write, on top of Story.

May import: model, testing.story.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from seatrial.model import Json
from seatrial.testing.story import SET, Story

GRACE = 5


@dataclass
class Stopping(Story):
    """A Story whose pods have a grace period and end with an exit code, behind two Services.

    `prestop` is the hook that the manifest declares; `placed` are the pods that the Services
    name, by ordinal, with whether they are ending.
    """

    prestop: Mapping[str, Json] = field(default_factory=lambda: {"kind": "", "seconds": 0})
    placed: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with Op 0, which names the container on trial."""
        super().__post_init__()
        head = self.ops[0]
        profile = {**head.value["profile"], "container": SET}
        self.ops[0] = replace(head, value={**head.value, "profile": profile})
        self.says("run", "declared", {"set": SET, "prestop": self.prestop})

    def comes(self, ordinal: int, *, node: str = "", ip: str = "") -> None:
        """Let a pod come, and be named by the Services."""
        fresh: dict[str, Json] = {
            "terminated": {},
            "grace": None,
            "declared_grace": GRACE,
            "due": "",
        }
        known = self.pods.get(ordinal, {})
        self.pods[ordinal] = {**known, **fresh, "phase": "Running"}
        super().comes(ordinal, node=node, ip=ip)
        self.placed[ordinal] = False
        self.slices()

    def slices(self) -> None:
        """Let the watch see whom each Service names; the headless one names the unready, too."""
        for service in (SET, f"{SET}-client"):
            self.rv += 1
            named = [
                {
                    "pod": self.pods[n]["name"],
                    "uid": self.pods[n]["uid"],
                    "ready": service == SET or not ending,
                    "serving": True,
                    "terminating": ending,
                }
                for n, ending in sorted(self.placed.items())
            ]
            facts = {"event": "MODIFIED", "rv": self.rv, "name": f"{service}-x1", "uid": service}
            value = {**facts, "service": service, "endpoints": named}
            self.says("watch/endpointslices", "endpoints", value)

    def goes(self, ordinal: int) -> None:
        """Let a pod be told to go, leave its Services and end well within its grace period."""
        self.told(ordinal)
        self.leaves(ordinal)
        self.waits(0.4)
        self.ended(ordinal)
        self.gone(ordinal)

    def told(self, ordinal: int, grace: int = GRACE) -> None:
        """Let a pod be told to go."""
        self.pod(ordinal, "MODIFIED", deleting=True, ready=False, grace=grace)

    def leaves(self, ordinal: int) -> None:
        """Let the Services call a pod ending."""
        self.waits(0.05)
        self.placed[ordinal] = True
        self.slices()

    def ended(self, ordinal: int, code: int = 0, reason: str = "Completed") -> None:
        """Let a pod's container end."""
        how = {"exit": code, "reason": reason, "finished": ""}
        phase = "Failed" if code else "Succeeded"
        self.pod(ordinal, "MODIFIED", terminated={SET: how}, phase=phase)

    def gone(self, ordinal: int) -> None:
        """Let a pod be gone, from its Services too."""
        self.waits(0.1)
        self.placed.pop(ordinal, None)
        self.slices()
        self.pod(ordinal, "DELETED")

    def serves(self, writes: int = 3) -> None:
        """Let every member that is Ready acknowledge some writes."""
        for ordinal, pod in self.pods.items():
            for _ in range(writes if pod["ready"] else 0):
                self.writes(ordinal)

    def ends(self) -> None:
        """Let every member be read, and the driver's Ops be collected."""
        self.phase("final")
        self.serves()
        for ordinal in self.members:
            self.reads(ordinal)
        self.says("driver", "driver", {"event": "started", "node": "worker-4"})
        ops = {"expected": len(self.ops), "collected": len(self.ops)}
        self.says("driver", "driver", {"event": "collected", "node": "worker-4", **ops})
