"""What is known right now, for who waits for it: attempts by member, answers by name.

May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any


class Board:
    """Shared by all threads; `changed` guards it and is notified after each change.

    `members` counts {attempts, acknowledged} by ordinal, `models` {reads, changes} that were
    acknowledged by model, `ways` {calls, answered} by way of calling or visiting. `names` holds by
    (server, name) the latest answer: {server, name, ordinal, outcome, code, addresses, invoked}.
    """

    def __init__(self, ordinals: list[int], models: Iterable[str] = ()) -> None:
        self.changed = threading.Condition()
        self.ways: dict[str, dict[str, int]] = {}
        self.models = {model: {"reads": 0, "changes": 0} for model in models}
        self.members = {o: {"attempts": 0, "acknowledged": 0} for o in ordinals}
        self.names: dict[tuple[str, str], Mapping[str, Any]] = {}

    def attempted(self, ordinal: int, outcome: str) -> None:
        """Count one attempt at a member."""
        with self.changed:
            self.members[ordinal]["attempts"] += 1
            self.members[ordinal]["acknowledged"] += outcome == "ok"
            self.changed.notify_all()

    def called(self, way: str, outcome: str) -> None:
        """Count one call that is over."""
        with self.changed:
            counts = self.ways.setdefault(way, {"calls": 0, "answered": 0})
            counts["calls"] += 1
            counts["answered"] += outcome == "ok"
            self.changed.notify_all()

    def enough(self, least: Mapping[str, int]) -> bool:
        """Tell whether on each of these ways at least so many calls are over."""
        return all(self.ways.get(way, {}).get("calls", 0) >= count for way, count in least.items())

    def modelled(self, model: str, *, reads: bool) -> None:
        """Count one acknowledged operation of a model."""
        with self.changed:
            self.models[model]["reads" if reads else "changes"] += 1
            self.changed.notify_all()

    def answered(self, answer: Mapping[str, Any]) -> None:
        """Note what a server answered last about a name."""
        with self.changed:
            self.names[answer["server"], answer["name"]] = answer
            self.changed.notify_all()

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until `condition`, asked after each change, holds; False when time is up."""
        with self.changed:
            return self.changed.wait_for(condition, seconds)

    def acknowledged(self, least: Mapping[int, int]) -> bool:
        """Tell whether each of these members has acknowledged at least so many writes."""
        return all(self.members[o]["acknowledged"] >= count for o, count in least.items())

    def shown(self, least: Mapping[str, Mapping[str, int]]) -> bool:
        """Tell whether of each of these models so many reads and changes were acknowledged."""
        return all(
            self.models[model][kind] >= count
            for model, counts in least.items()
            for kind, count in counts.items()
        )

    def settled(self, wanted: Mapping[str, str], since: float) -> bool:
        """Tell whether all servers that answer say of each name this one address, asked lately.

        A server that does not answer is left out, as long as another one does.
        """
        return all(self._settled(name, address, since) for name, address in wanted.items())

    def _settled(self, name: str, address: str, since: float) -> bool:
        latest = [a for (_, asked), a in self.names.items() if asked == name]
        told = [a for a in latest if a["outcome"] == "ok"]
        fresh = all(a["invoked"] >= since for a in latest)
        return fresh and bool(told) and all(a["addresses"] == [address] for a in told)
