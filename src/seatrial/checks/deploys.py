"""ordering.deploy: members are made one after the other, or all at once where that is claimed.

May import: model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Tenure, ordinals
from seatrial.checks.turns import Span, blind, bound, ready, version
from seatrial.model import History, Op, Standing, Verdict

_DEPLOY = "ordering.deploy"


def deploy(history: History) -> Verdict:
    """Judge ordering.deploy: each pod is made only once the one below it has been Ready.

    A profile that claims parallel (a bound of 1) wants the contrary: all are made before any of
    them is Ready (podManagementPolicy Parallel). By resourceVersion, of the first pod of each
    ordinal. A pod that is Ready, or on a node, when it is first seen was made before anybody
    looked: unknown. Unknown as well with a gap in the watch of pods, without a plan, and with
    fewer than two members. Figures: members, seconds (from each pod's making to its Ready),
    waited (from Ready to the making of the next).
    Source: kubernetes.io, StatefulSets, "Deployment and Scaling Guarantees".
    """
    members = history.members
    first = _first(history) if history.head else {}
    together = bool(bound(history, _DEPLOY, "parallel"))
    found = _together(first) if together else _turns(first)
    figures = {"members": len(first), **_times(tuple(first.values()))}
    how = "all before one of them" if together else "each once the one below it"
    praise = f"{len(first)} members were made, {how} was Ready"
    absent = _unshown(history, first, members)
    return settled(_DEPLOY, found, praise, figures, absent=absent)


def _first(history: History) -> Mapping[int, Tenure]:
    found = ordinals(history)
    return {n: held[0] for n, held in found.items() if n in history.members}


def _turns(first: Mapping[int, Tenure]) -> list[Finding]:
    return [_turn(below, pod) for below, pod in pairwise(first.values())]


def _together(first: Mapping[int, Tenure]) -> list[Finding]:
    """Compare everybody with who was Ready first."""
    were = [(op, pod) for pod in first.values() if (op := ready(pod))]
    if not were:
        return []
    came, quickest = min(were, key=lambda pair: version(pair[0]))
    return [_unasked(came, quickest, pod) for pod in first.values() if pod is not quickest]


def _unasked(came: Op, quickest: Tenure, pod: Tenure) -> Finding:
    made = pod.ops[0]
    if not (_from_the_start(quickest) and _from_the_start(pod)):
        return Finding(Standing.UNKNOWN, f"nobody saw how {quickest.pod} and {pod.pod} were made")
    if version(made) > version(came):
        reason = f"{pod.pod} was made only once {quickest.pod} was Ready, Parallel is claimed"
        return Finding(Standing.BROKEN, reason, (came, made))
    return Finding(Standing.HOLDS, ops=(made, came))


def _turn(below: Tenure, pod: Tenure) -> Finding:
    came = ready(below)
    made = pod.ops[0]
    if not (_from_the_start(below) and _from_the_start(pod)):
        return Finding(Standing.UNKNOWN, f"nobody saw how {below.pod} and {pod.pod} were made")
    if came is None or version(came) > version(made):
        reason = f"{pod.pod} was made while {below.pod} had not been Ready yet"
        return Finding(Standing.BROKEN, reason, (made, came or below.ops[-1]))
    return Finding(Standing.HOLDS, ops=(came, made))


def _from_the_start(tenure: Tenure) -> bool:
    """Whether a pod was seen as it was made: nobody has placed it yet."""
    seen = tenure.ops[0].value
    return seen["event"] == "ADDED" and not seen["node"] and not seen["ready"]


def _unshown(history: History, first: Mapping[int, Tenure], members: range) -> str:
    if not history.head.get("plan"):
        return "the plan is missing"
    if len(members) < 2:  # noqa: PLR2004 - it takes two to have an order
        return f"no order was shown: members: {len(members)}"
    if missing := sorted(set(members) - set(first)):
        return f"the making of ordinal {missing[0]} was not seen"
    if late := [pod for pod in first.values() if ready(pod) is None]:
        return f"{late[0].pod} was never seen Ready"
    return blind(history, Span(history.ops[0], _last(first)), "pod")


def _last(first: Mapping[int, Tenure]) -> Op:
    made = [tenure.ops[0] for tenure in first.values()]
    return max(made, key=lambda op: op.completed)


def _times(pods: Sequence[Tenure]) -> dict[str, list[float]]:
    told = [(pod.ops[0].completed, ready(pod)) for pod in pods]
    return {
        "seconds": [round(came.completed - made, 3) for made, came in told if came],
        "waited": [
            round(made - came.completed, 3) for (_, came), (made, _) in pairwise(told) if came
        ],
    }
