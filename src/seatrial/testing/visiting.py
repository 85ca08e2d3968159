"""Tells of visitors: who came to whom, what each remembers, and what becomes of it.

Sessions outlive members here, as in a store of their own; `forgets` says where they do not.
May import: model, testing.story.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from seatrial.model import Op, Outcome
from seatrial.testing.story import Story

CLIENTS = 14
SESSIONS = {
    "load": "load.py", "image": "load", "to": "ledger:80", "idle": "ledger:81",
    "through": "proxy:80", "timeout": 6.0, "margin": 1.5, "clients": CLIENTS, "browsers": CLIENTS,
    "rate": 4.0, "deadline": 2.0, "within": 10.0, "visits": 24,
}  # fmt: skip


@dataclass
class Visited(Story):
    """A run with visitors.

    `homes` is at which ordinal a client is, by (way, client); `lives` what a session counts, by
    (session, who keeps it); `minds` what a client remembers: the life, and its count.
    """

    forgets: bool = False
    hides: bool = False
    homes: dict[tuple[str, str], int] = field(default_factory=dict)
    lives: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    minds: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    ports: int = 20000

    def __post_init__(self) -> None:
        """Begin with Op 0, which declares sessions."""
        super().__post_init__()
        value = dict(self.ops[0].value)
        value["profile"] = {**value["profile"], "sessions": dict(SESSIONS)}
        self.ops[0] = replace(self.ops[0], value=value)
        for n in range(CLIENTS):
            for way in ("direct", "idle", "cookie"):
                self.homes[way, self.client(way, n)] = n % self.replicas

    def client(self, way: str, number: int) -> str:
        """Name a client; browsers share the address of the first."""
        return f"visitor-0/browser-{number}" if way == "cookie" else f"visitor-{number}"

    def all_visit(self, way: str, *, stray: int = 0) -> None:
        """Let every client visit once, each `stray` members further on than the last time."""
        for number in range(CLIENTS):
            client = self.client(way, number)
            self.homes[way, client] = (self.homes[way, client] + stray) % self.replicas
            self.visits(way, client)

    def visits(self, way: str, client: str, outcome: Outcome = Outcome.OK) -> Op:
        """Let a client visit its member; one that is not ok found nobody there."""
        self.ports += 1
        self.waits(0.001)
        had, last = self.minds.get((way, client), ("", 0))
        source = f"10.0.7.{client.partition('/')[0].rpartition('-')[2]}"
        value: dict[str, Any] = {"way": way, "client": client, "number": self.ports, "late": 0.0}
        value |= {"had": had, "last": last, "source": source, "port": self.ports, "note": ""}
        if outcome is Outcome.OK:
            value |= {"status": 200, **self._counted(way, client, had)}
            self.minds[way, client] = value["born"], value["count"]
        else:
            value |= {"status": 0, "note": "ConnectionRefusedError"}
        return self.says(f"visitor/{client}", "request", value, outcome, took=0.0005, error=0.002)

    def rehomed(self, ordinal: int) -> None:
        """Send the clients of a member that was hit to the next one."""
        for who, home in self.homes.items():
            if home == ordinal and who[0] == "direct":
                self.homes[who] = (ordinal + 1) % self.replicas

    def collected(self) -> None:
        """Let every visitor be collected."""
        for number in range(CLIENTS):
            who = {"node": "worker-4", "pod": self.client("direct", number)}
            self.says("driver", "driver", {"event": "started", **who})
            ops = {"expected": 1, "collected": 1, "note": ""}
            self.says("driver", "driver", {"event": "collected", **who, **ops})

    def _counted(self, way: str, client: str, had: str) -> dict[str, Any]:
        pod = self.pods[self.homes[way, client]]
        session, keeper = f"{way}/{client}", pod["uid"] if self.forgets else "store"
        born, count = self.lives.get((session, keeper)) or (f"life-{self.ports}", 0)
        self.lives[session, keeper] = born, count + 1
        lost = bool(had) and born != had
        if lost and self.hides:
            born, lost = had, False
        told = {"session": session, "born": born, "count": count + 1, "lost": lost}
        return {"pod": pod["name"], "uid": pod["uid"], "boot": pod["uid"], **told}
