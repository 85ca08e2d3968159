"""Wiring of the storage family: when all members come back at once, each finds its own disk.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.checks.drifts import Drift, answers, began, drifts, no_receipt, receipts
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import ordinals
from seatrial.model import History, Op, Standing, Verdict

_WIRING, _FAULT = "storage.no-cross-wiring", "pods-delete"


def no_cross_wiring(history: History) -> Verdict:
    """Judge storage.no-cross-wiring: each round, every ordinal comes back with its own token.

    Broken by a member that comes back with another's token, or with one that nobody had, and by
    two members with one token. Unknown without a receipt for each planned round, a token of each
    member before and of each that came back after it, and pods that were all ending before the
    first had ended; and in a set of one, whom nobody could be mistaken for. Figures: rounds,
    members. Source: kubernetes.io, StatefulSets, "Stable Storage".
    """
    rounds, told = receipts(history, _FAULT), list(answers(history, "token"))
    figures = {"rounds": len(rounds), "members": len(history.members)}
    found = [
        *(one for receipt in rounds for one in _round(history, receipt, told)),
        *_absent(history),
    ]
    praise = (
        f"in {len(rounds)} rounds all {len(history.members)} members came back at once, each with "
        "its own token"
    )
    nothing = "the pods were never deleted all at once, so nothing was shown"
    return settled(_WIRING, found, praise, figures, nothing)


def _absent(history: History) -> Iterator[Finding]:
    if absent := no_receipt(history, _FAULT):
        yield Finding(Standing.UNKNOWN, absent)
    if len(history.members) == 1:
        reason = "the set has one member, which nobody could be mistaken for"
        yield Finding(Standing.UNKNOWN, reason)


def _round(history: History, receipt: Op, told: Sequence[Op]) -> Iterator[Finding]:
    """Compare with the last token that each member told before the round."""
    start = began(history, receipt).index
    was = {op.value["ordinal"]: op for op in told if op.index < start}
    hit = [drift for drift in drifts(history) if drift.receipt.index == receipt.index]
    known = {drift.ordinal: was[drift.ordinal] for drift in hit if _same_pod(drift, was)}
    yield from _doubled(was)
    for drift in hit:
        if drift.ordinal not in known:
            reason = f"no token of ordinal {drift.ordinal} was read before {_FAULT}"
            yield Finding(Standing.UNKNOWN, reason, (receipt,))
        else:
            yield _came_back(drift, known, [op for op in told if drift.after(op)])
    yield from _together(history, receipt, hit)


def _same_pod(drift: Drift, was: Mapping[int, Op]) -> bool:
    return drift.ordinal in was and drift.before(was[drift.ordinal])


def _doubled(was: Mapping[int, Op]) -> Iterator[Finding]:
    first: dict[str, Op] = {}
    for op in was.values():
        other = first.setdefault(op.value["answer"], op)
        if other is not op:
            pair = f"{other.value['ordinal']} and {op.value['ordinal']}"
            reason = f"ordinals {pair} have one token, {op.value['answer']!r}"
            yield Finding(Standing.BROKEN, reason, (other, op))


def _came_back(drift: Drift, was: Mapping[int, Op], after: Sequence[Op]) -> Finding:
    if not after:
        reason = f"no token of ordinal {drift.ordinal} was read after {_FAULT}"
        return Finding(Standing.UNKNOWN, reason, (drift.receipt,))
    own = was[drift.ordinal]
    wrong = next((op for op in after if op.value["answer"] != own.value["answer"]), None)
    if wrong is None:
        return Finding(Standing.HOLDS, ops=(drift.receipt, own, *after))
    whose = [n for n, op in was.items() if op.value["answer"] == wrong.value["answer"]]
    token = f"the token of ordinal {whose[0]}" if whose else "a token that no member had"
    reason = f"after all pods were deleted at once, ordinal {drift.ordinal} came back with {token}"
    return Finding(Standing.BROKEN, reason, (drift.receipt, own, wrong))


def _together(history: History, receipt: Op, hit: Sequence[Drift]) -> Iterator[Finding]:
    """One after the other is another exercise: whoever is alone finds the only free disk."""
    uids = {drift.old for drift in hit}
    held = [t for tenures in ordinals(history).values() for t in tenures if t.uid in uids]
    marks = [op.value["rv"] for tenure in held if (op := tenure.leaving)]
    ends = [op.value["rv"] for tenure in held if (op := tenure.end)]
    if not len(uids) == len(marks) == len(ends) or max(marks) > min(ends):
        reason = "it was not seen that all pods were ending before the first had ended"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
