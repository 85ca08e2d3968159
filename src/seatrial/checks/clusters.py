"""identity.one-cluster: who lost its disk founds no second cluster.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.checks.drifts import answers, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.lost_claims import FAULT, Stay, stays
from seatrial.model import History, Json, Op, Standing, Verdict

_ONE = "identity.one-cluster"


def one_cluster(history: History) -> Verdict:
    """Judge identity.one-cluster: all members tell one cluster id, whatever became of a disk.

    What the id is, is the profile's question `cluster`; an empty answer is "in none". Broken by
    two members, or one at two times, that told two. Unknown unless the lowest member lost its
    claim, was asked while it stood before an empty disk (it may be in none then), and every member
    told the id before and after. Figures: answers, clusters (ids told), losses.
    Source: etcd documentation, "Clustering guide", initial-cluster-state.
    """
    told = list(answers(history, "cluster"))
    named = [op for op in told if op.value["answer"]]
    lost = list(stays(history))
    ops = (*(stay.receipt for stay in lost), *named)
    found = [*_second(named), *_missed(history, lost, told), Finding(Standing.HOLDS, ops=ops)]
    ids = {op.value["answer"] for op in named}
    figures: dict[str, Json] = {"answers": len(told), "clusters": len(ids), "losses": len(lost)}
    praise = (
        f"all {len(history.members)} members told one cluster id, before and after a disk was lost"
    )
    absent = unshown(history, FAULT, "no claim was lost, so nothing was shown")
    return settled(_ONE, found, praise, figures, absent=absent)


def _second(named: Sequence[Op]) -> Iterator[Finding]:
    for op in named:
        first = named[0]
        if op.value["answer"] != first.value["answer"]:
            pair = f"{op.value['answer']!r}, {first.value['pod']} {first.value['answer']!r}"
            reason = f"{op.value['pod']} is in cluster {pair}: a second one was founded"
            yield Finding(Standing.BROKEN, reason, (first, op))


def _missed(history: History, lost: Sequence[Stay], told: Sequence[Op]) -> Iterator[Finding]:
    lowest = history.members.start
    if lost and lowest not in {stay.ordinal for stay in lost}:
        reason = f"member {lowest}, who founds at a first start, did not lose its claim"
        yield Finding(Standing.UNKNOWN, reason)
    for stay in lost:
        pods = {pod.uid for pod in stay.pods}
        name = f"{FAULT} of ordinal {stay.ordinal}"
        if not any(op.value["uid"] in pods for op in told):
            reason = f"nobody was asked for a cluster id on the empty disk of {name}"
            yield Finding(Standing.UNKNOWN, reason, (stay.receipt,))
        if stay.span.end is history.ops[-1]:
            yield Finding(Standing.UNKNOWN, f"{name} was not seen healed", (stay.receipt,))
        yield from _silent(history, stay, told)


def _silent(history: History, stay: Stay, told: Sequence[Op]) -> Iterator[Finding]:
    """Name who told no id before this loss, or none after it."""
    sides = {
        "before": [op for op in told if op.index < stay.span.start.index],
        "after": [op for op in told if op.index > stay.span.end.index],
    }
    for side, asked in sides.items():
        spoke = {op.value["ordinal"] for op in asked if op.value["answer"]}
        for member in history.members:
            if member not in spoke:
                reason = f"member {member} told no cluster id {side} {FAULT} of {stay.ordinal}"
                yield Finding(Standing.UNKNOWN, reason, (stay.receipt,))
