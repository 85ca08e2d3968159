"""Who leads, by the word of the members themselves: the profile's `ask.leader`.

A doorway: may import everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from seatrial.chaos.signatures import LEADER
from seatrial.errors import BadInput, CannotRun, ToolFailed
from seatrial.live import Live
from seatrial.model import Profile
from seatrial.timing import limit


def demand_leader(profile: Profile) -> None:
    """Raise BadInput when a profile does not say how to ask who leads."""
    if LEADER not in profile.ask:
        raise BadInput(
            "a profile that says who leads, to break the leader",
            seen=f"{profile.name} has no `ask.{LEADER}`: its members have no leader, or none says",
            remedy="docs/add-a-profile.md says how to ask; another --profile, or another drill",
        )


def leader(live: Live) -> int:
    """Give the ordinal that more than half of all members name, asked one after the other.

    Each answers with an ordinal or a pod's name, or with nothing. Raises CannotRun when no
    majority names the same one.
    """
    demand_leader(live.job.profile)
    named = Counter(_named(live))
    found, votes = named.most_common(1)[0] if named else (-1, 0)
    if 2 * votes <= len(live.everybody) or found not in live.everybody:
        told = ", ".join(f"{n} by {count}" for n, count in named.items()) or "nobody"
        raise CannotRun("a leader that most members name", seen=f"named: {told}")
    return found


def _named(live: Live) -> Iterator[int]:
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
        last = said.strip().rpartition("-")[2]
        if last.isdecimal():
            yield int(last)
