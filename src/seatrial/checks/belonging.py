"""topology.membership: a new ordinal joins, a removed one leaves, and nobody lists ghosts.

May import: model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.checks.drifts import answers, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.model import History, Json, Op, Standing, Verdict

_MEMBERSHIP = "topology.membership"
_FAULT = "scale-up"
_NAME = re.compile(r"(?:\S*-)?(\d+)(:learner)?")


@dataclass(frozen=True)
class Roll:
    """Whom one member lists: ordinals, and those of them that have no vote yet."""

    ordinal: int
    listed: frozenset[int]
    learners: frozenset[int]
    op: Op


def membership(history: History) -> Verdict:
    """Judge topology.membership: each lists who is there while it is scaled up, and after it.

    The profile's question `members` tells names or ordinals, `:learner` behind who has no vote
    yet. Broken by a member that still lists who left, or does not list who came, once it was
    asked after the set's own count said so. Unknown without a receipt, healing, or an answer of
    every member at each of those times. Figures: answers, most (members listed), learners (of
    those that were seen without a vote), ghosts.
    Source: etcd documentation, "Runtime reconfiguration", "Learner".
    """
    rolls = list(_rolls(history))
    found = [one for op in receipts(history, _FAULT) for one in _judged(history, op, rolls)]
    figures: dict[str, Json] = {
        "answers": len(rolls),
        "most": max((len(roll.listed) for roll in rolls), default=0),
        "learners": len({n for roll in rolls for n in roll.learners}),
        "ghosts": len(ghosts(history)),
    }
    praise = (
        f"members listed up to {figures['most']} while the set was scaled up, and "
        f"{len(history.members)} again afterwards, nobody else"
    )
    absent = unshown(history, _FAULT, "the set was not scaled up")
    return settled(_MEMBERSHIP, found, praise, figures, absent=absent)


def _rolls(history: History) -> Iterator[Roll]:
    for op in answers(history, "members"):
        words = [_NAME.fullmatch(word) for word in op.value["answer"].split()]
        names = [word for word in words if word]
        if names and len(names) == len(words):
            everybody = frozenset(int(name[1]) for name in names)
            learners = frozenset(int(name[1]) for name in names if name[2])
            yield Roll(op.value["ordinal"], everybody, learners, op)


def _judged(history: History, receipt: Op, rolls: list[Roll]) -> Iterator[Finding]:
    new = frozenset(pod["ordinal"] for pod in receipt.value["proof"].get("new", ()))
    own, healed = frozenset(history.members), healing(history, receipt)
    if not new:
        yield Finding(Standing.UNKNOWN, "the receipt names nobody who came", (receipt,))
    if healed is None:
        said = "the set was not seen scaled down again"
        yield Finding(Standing.UNKNOWN, said, (receipt,))
        return
    up = [one for one in rolls if _between(receipt, one.op, healed)]
    down = [one for one in rolls if one.op.index > healed.index]
    yield from _held(up, own | new, own | new, "while the set was scaled up")
    yield from _held(down, own, own, "after the set was scaled down")


def _between(receipt: Op, op: Op, healed: Op) -> bool:
    """Whether an answer was asked for and given while all were there."""
    asked = receipt.index < op.index and receipt.completed <= op.invoked
    return asked and op.completed < healed.invoked


def _held(
    rolls: list[Roll], expected: frozenset[int], askers: frozenset[int], when: str
) -> Iterator[Finding]:
    for roll in rolls:
        if ghosts := sorted(roll.listed - expected):
            said = f"member {roll.ordinal} lists {_named(ghosts)} {when}, who is not there"
            yield Finding(Standing.BROKEN, said, (roll.op,))
        if missing := sorted(expected - roll.listed):
            said = f"member {roll.ordinal} does not list {_named(missing)} {when}"
            yield Finding(Standing.BROKEN, said, (roll.op,))
    for silent in sorted(askers - {roll.ordinal for roll in rolls}):
        yield Finding(Standing.UNKNOWN, f"member {silent} did not tell its members {when}")
    yield Finding(Standing.HOLDS, ops=tuple(roll.op for roll in rolls))


def ghosts(history: History) -> set[int]:
    """Give whom members list in the end and who is none of them."""
    last = {roll.ordinal: roll for roll in _rolls(history)}
    own = frozenset(history.members)
    return {n for one in own & last.keys() for n in last[one].listed - own}


def _named(ordinals: list[int]) -> str:
    return " and ".join(map(str, ordinals))
