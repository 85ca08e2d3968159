"""Who leads, by the word of the members themselves: the profile's `ask.leader`.

May import: everything below run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from seatrial.checks.leading import named
from seatrial.errors import CannotRun, ToolFailed
from seatrial.live import Live
from seatrial.model import Op, Outcome
from seatrial.plan import demand_leader
from seatrial.timing import limit
from seatrial.triggers import LEADER


def met(live: Live, victim: int | str) -> int:
    """Give the ordinal that is meant by one, or by a role as of now."""
    return leader(live) if victim == LEADER else int(victim)


def leader(live: Live) -> int:
    """Give the ordinal that more than half of all members name, asked one after the other.

    Each answers as `checks.leading.named` reads it, or with nothing. Writes a `role` Op: {role,
    ordinal, named (ordinal named, by who names it)}. Raises CannotRun when no majority names the
    same one.
    """
    demand_leader(live.job.profile)
    asked = live.recorder.now()
    told = dict(_named(live))
    counts = Counter(told.values())
    found, votes = counts.most_common(1)[0] if counts else (-1, 0)
    agreed = 2 * votes > len(live.everybody) and found in live.everybody
    value = {"role": LEADER, "ordinal": found if agreed else -1, "named": _told(told)}
    outcome = Outcome.OK if agreed else Outcome.INFO
    live.recorder.write(Op("run", "role", outcome, asked, live.recorder.now(), value))
    if not agreed:
        whom = ", ".join(f"{n} by {count}" for n, count in counts.items()) or "nobody"
        raise CannotRun("a leader that most members name", seen=f"named: {whom}")
    return found


def _told(found: Mapping[int, int]) -> dict[str, int]:
    return {str(ordinal): whom for ordinal, whom in found.items()}


def _named(live: Live) -> Iterator[tuple[int, int]]:
    for ordinal in live.everybody:
        pod = live.alive.member(ordinal)
        if pod is None:
            continue
        where = pod.metadata.namespace, pod.metadata.name, live.job.profile.container
        argv = live.job.profile.ask[LEADER]
        try:
            said = live.alive.kube.run(*where, argv, limit("command in a container"))
        except ToolFailed:
            continue
        if found := named(said):
            yield ordinal, found[0]
