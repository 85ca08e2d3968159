"""storage.claim-lost: who stands before an empty disk in the place of its own is not Ready.

The controller makes a lost claim again, so that a member that looks healed may have lost all.
May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.checks.drifts import answers, began, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Tenure
from seatrial.checks.turns import Span, blind, everybody, ready
from seatrial.model import History, Json, Op, Standing, Verdict

_LOST, FAULT = "storage.claim-lost", "claim-lost"
_WATCHED = "an empty disk is watched"


@dataclass(frozen=True)
class Stay:
    """The time of one member before an empty disk: the pods that were there, none of them before.

    `old` is the pod that had the lost claim, `volumes` are the uids of the volumes it had.
    """

    receipt: Op
    span: Span
    ordinal: int
    old: str
    volumes: frozenset[str]
    pods: tuple[Tenure, ...]

    def during(self, pod: Tenure) -> tuple[float, float]:
        """Give from when until when one of its pods was there, in seconds on the run's clock."""
        return pod.since.seconds, pod.until.seconds if pod.until else self.span.end.completed


def claim_lost(history: History) -> Verdict:
    """Judge storage.claim-lost: on a claim made anew a member is Ready only with its old token.

    Broken by a pod that was Ready on other volumes than the lost ones and told another token.
    Holds when it was never Ready there, for the limit "an empty disk is watched" from when its
    container ran, or when it told the old token: it was restored, or has rejoined. Unknown without
    receipt, when no token was asked for there, when the watch was too short, or with a gap in the
    watch of pods, claims or volumes. Figures: losses, ready (pods that were), watched_seconds.
    Source: kubernetes#113139; kubernetes.io, StatefulSets, "Stable Storage".
    """
    found = list(stays(history))
    judged = [one for stay in found for one in _judged(history, stay)]
    pods = [pod for stay in found for pod in stay.pods]
    served = sum(1 for pod in pods if ready(pod))
    watched = [round(_watched(pod, stay), 3) for stay in found for pod in stay.pods]
    figures: dict[str, Json] = {"losses": len(found), "ready": served, "watched_seconds": watched}
    praise = f"of {len(found)} members that lost their claim none was Ready on an empty disk" + (
        f"; {served} had its old token again" if served else ""
    )
    absent = unshown(history, FAULT, "no claim was lost, so nothing was shown")
    return settled(_LOST, judged, praise, figures, absent=absent)


def stays(history: History) -> Iterator[Stay]:
    """Give each time that a member stood before an empty disk, as far as the watch saw it."""
    for receipt in receipts(history, FAULT):
        proof, ordinal = receipt.value["proof"], receipt.value["ordinal"]
        volumes = frozenset(claim["was"]["volume_uid"] for claim in proof["claims"])
        span = Span(began(history, receipt), healing(history, receipt) or history.ops[-1])
        pods = tuple(
            tenure
            for tenure in everybody(history)
            if tenure.ordinal == ordinal
            and tenure.uid != proof["uid"]
            and span.has(tenure.ops[0])
            and not {mount.volume for mount in tenure.mounts} & volumes
        )
        yield Stay(receipt, span, ordinal, proof["uid"], volumes, pods)


def _judged(history: History, stay: Stay) -> Iterator[Finding]:
    if dark := blind(history, stay.span, "pod", "claim", "volume"):
        yield Finding(Standing.UNKNOWN, dark)
        return
    ran = [pod for pod in stay.pods if _began(pod) or ready(pod)]
    if not ran:
        reason = f"no pod of ordinal {stay.ordinal} was seen to run on the claim made again"
        yield Finding(Standing.UNKNOWN, reason, (stay.receipt,))
    for pod in ran:
        yield _ready(history, stay, pod) if ready(pod) else _unready(history, stay, pod)


def _ready(history: History, stay: Stay, pod: Tenure) -> Finding:
    """Judge one that was Ready: by its token alone."""
    shown = [stay.receipt, *filter(None, [ready(pod)])]
    if not all(mount.claim_uid and mount.volume for mount in pod.mounts) or not pod.mounts:
        reason = f"what {pod.pod} had mounted when it was Ready was not seen"
        return Finding(Standing.UNKNOWN, reason, tuple(shown))
    told = list(answers(history, "token"))
    own = [op for op in told if op.value["uid"] == stay.old and op.index < stay.receipt.index]
    now = [op for op in told if op.value["uid"] == pod.uid]
    if not own or not now:
        when = "on the claim made again" if own else "before its claim was lost"
        reason = f"{pod.pod} was Ready, and its token was not read {when}"
        return Finding(Standing.UNKNOWN, reason, tuple(shown))
    was = own[-1].value["answer"]
    other = next((op for op in now if op.value["answer"] != was), None)
    if other is None:
        return Finding(Standing.HOLDS, ops=(*shown, own[-1], now[0]))
    token = f"its token is {other.value['answer']!r}, was {was!r}"
    reason = f"{pod.pod} was Ready on an empty disk after its claim was lost: {token}"
    return Finding(Standing.BROKEN, reason, (*shown, own[-1], other))


def _unready(history: History, stay: Stay, pod: Tenure) -> Finding:
    asked = _asked(history, pod)
    if not asked:
        reason = f"{pod.pod} was not asked for its token on the claim made again"
        return Finding(Standing.UNKNOWN, reason, (stay.receipt,))
    patience, had = history.head["limits"].get(_WATCHED, 0.0), _watched(pod, stay)
    if patience <= 0 or had < patience:
        reason = f"{pod.pod} was not Ready on an empty disk, but was watched for {had:.1f} s only"
        return Finding(Standing.UNKNOWN, reason, (stay.receipt,))
    return Finding(Standing.HOLDS, ops=(stay.receipt, *asked[:1], pod.ops[-1]))


def _asked(history: History, pod: Tenure) -> Sequence[Op]:
    """Give when it was asked; one that has none cannot tell it, so that a refusal counts, too."""
    asked = (op for op in history.of("answer") if op.value["question"] == "token")
    return [op for op in asked if op.value["uid"] == pod.uid]


def _began(pod: Tenure) -> Op | None:
    return next((op for op in pod.ops if op.value.get("containers")), None)


def _watched(pod: Tenure, stay: Stay) -> float:
    """Give the seconds from its first running container until it was told to go."""
    start = _began(pod)
    end = pod.leaving or pod.end or stay.span.end
    return max(0.0, end.completed - start.completed) if start else 0.0
