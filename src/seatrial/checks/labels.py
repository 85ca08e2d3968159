"""Labels of the identity family: they tell a member's ordinal, counted from the set's own start.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seatrial.checks.drifts import no_receipt
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Tenure, ordinals
from seatrial.checks.sight import gaps, torn
from seatrial.model import History, Op, Standing, Verdict

_LABELS = "identity.labels"
_NAME, _INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


def labels(history: History) -> Verdict:
    """Judge identity.labels: pod-name and pod-index of every pod, each time that it was seen.

    Broken by one sight of a pod of the set with another label than its name and ordinal, or
    without it, and by a pod whose ordinal the set does not have: `spec.ordinals.start` says where
    it begins to count. Unknown while a member was never seen, or a planned pod-delete has no
    receipt. Figures: pods, sights, start (the lowest ordinal seen; None if there is none).
    Source: kubernetes.io, StatefulSets, "Pod name label", "Pod index label", "Start ordinal".
    """
    if "profile" not in history.head:
        return Verdict(_LABELS, Standing.UNKNOWN, "the plan is missing")
    held = ordinals(history)
    seen = [op for tenures in held.values() for tenure in tenures for op in tenure.ops]
    found = [
        *_strangers(history, held),
        *(one for tenures in held.values() for tenure in tenures for one in _told(tenure)),
        *_unseen(history, held),
    ]
    pods = sum(len(tenures) for tenures in held.values())
    figures = {"pods": pods, "sights": len(seen), "start": min(held, default=None)}
    praise = f"both labels told the ordinal of {pods} pods, counted from {figures['start']}"
    return settled(_LABELS, found, praise, figures)


def _strangers(history: History, held: Mapping[int, tuple[Tenure, ...]]) -> Iterator[Finding]:
    """Accuse pods outside of what the set ever asked for, by its own spec where it was seen."""
    specs = [op.value for op in history.of("set") if _own(history, op)]
    first = min((spec["start"] for spec in specs if "start" in spec), default=history.members[0])
    end = first + max([len(history.members), *(spec["replicas"] for spec in specs)])
    for ordinal, tenures in held.items():
        if not first <= ordinal < end:
            reason = (
                f"there is a pod {tenures[0].pod}, and the set counts from {first} to {end - 1}"
            )
            yield Finding(Standing.BROKEN, reason, tenures[0].ops[:1])


def _own(history: History, op: Op) -> bool:
    return bool(op.value["name"] == history.head["profile"]["set"])


def _told(tenure: Tenure) -> Iterator[Finding]:
    """Judge each sight of one pod: a label that was wrong for a while was wrong."""
    wanted = {_NAME: tenure.pod, _INDEX: str(tenure.ordinal)}
    for op in tenure.ops:
        if op.value.get("labels") is None:
            yield Finding(Standing.UNKNOWN, f"the labels of {tenure.pod} were not recorded", (op,))
            return
        for label, value in wanted.items():
            if (said := op.value["labels"].get(label)) != value:
                reason = f"{label} of pod {tenure.pod} is {said!r}, wanted {value!r}"
                yield Finding(Standing.BROKEN, reason, (op,))
                return
    yield Finding(Standing.HOLDS, ops=(tenure.ops[0], tenure.ops[-1]))


def _unseen(history: History, held: Mapping[int, tuple[Tenure, ...]]) -> Iterator[Finding]:
    if late := [str(ordinal) for ordinal in history.members if ordinal not in held]:
        yield Finding(Standing.UNKNOWN, f"no pod of ordinal {', '.join(late)} was ever seen")
    if absent := no_receipt(history, "pod-delete"):
        yield Finding(Standing.UNKNOWN, absent)
    for gap in filter(torn, gaps(history, "pod")):
        reason = f"not every pod was seen: {gap.value['reason']}"
        yield Finding(Standing.UNKNOWN, reason, (gap,))
