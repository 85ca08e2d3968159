"""availability.rto: after each fault that nobody of ours mends, clients are served again in time.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.checks.drifts import drifts, no_receipt, receipts
from seatrial.checks.felt import Back, acknowledged, back, in_time
from seatrial.checks.findings import Finding, settled
from seatrial.checks.judgement import quantiles
from seatrial.checks.sight import driver_lost
from seatrial.checks.turns import bound
from seatrial.model import History, Json, Op, Standing, Verdict

_RTO = "availability.rto"
_SECONDS = 60.0
"""Seconds, when the profile has no bound `seconds`."""
OF_THEMSELVES = (
    "pod-delete", "pod-evict", "pod-force-delete", "pods-delete", "process-kill", "process-hang",
    "accept-hang", "lock-hang", "out-of-memory",
)  # fmt: skip
"""Faults whose mending is the cluster's own work; the others last as long as a trial wants."""


def rto(history: History) -> Verdict:
    """Judge availability.rto: whoever served before a fault acknowledges again within a bound.

    Broken by a member that acknowledges nothing sent after a receipt for longer than the bound
    `seconds` (60 if none is given), however long the harm lasted before it. Unknown without
    receipts, without writes on both sides of each, without all Ops of the driver, and where
    another fault came before it was back. Figures: recoveries (seconds at most, one a fault: the
    member that took longest), and of them min, p50, p95, p99, max.
    Source: NIST SP 800-34 Rev. 1, "Recovery Time Objective".
    """
    seconds = bound(history, _RTO, "seconds", _SECONDS)
    hits = receipts(history, *OF_THEMSELVES)
    acks = {member: acknowledged(history, member) for member in history.members}
    found, took = list[Finding](), list[float]()
    for receipt in hits:
        felt = {member: back(history, receipt, acks[member]) for member in acks}
        found += _judged(history, receipt, felt, seconds)
        ends = [one.most for one in felt.values() if one and one.op]
        took += [round(max(ends), 3)] if ends else []
    figures: dict[str, Json] = {"recoveries": took, **quantiles(took)}
    praise = (
        f"after each of {len(hits)} faults every member acknowledged writes again at most "
        f"{max(took, default=0.0):.1f} s later, as claimed within {seconds:g} s"
    )
    blind = driver_lost(history)
    absent = no_receipt(history, *OF_THEMSELVES) or blind
    absent = absent or ("" if hits else "no fault was caused that the cluster mends by itself")
    return settled(_RTO, [] if blind else found, praise, figures, absent=absent)


def _judged(
    history: History, receipt: Op, felt: dict[int, Back | None], seconds: float
) -> Iterator[Finding]:
    hit = {drift.ordinal for drift in drifts(history) if drift.receipt is receipt}
    for member, one in felt.items():
        if one is None and member not in hit:
            continue
        name = f"after {receipt.value['fault']} of ordinal {receipt.value['ordinal']} member"
        found = in_time(one, f"{name} {member}", seconds, (receipt,))
        if found.standing is Standing.BROKEN and (other := _again(history, receipt, one)):
            said = f"{other.value['fault']} of ordinal {other.value['ordinal']} came"
            reason = f"{said} before member {member} was back, of which {found.reason}"
            yield Finding(Standing.UNKNOWN, reason, (*found.ops, other))
        else:
            yield found


def _again(history: History, receipt: Op, felt: Back | None) -> Op | None:
    """Give the next fault, if it came before a member was back."""
    later = (op for op in receipts(history) if op.index > receipt.index)
    other = next(later, None)
    if other and felt and felt.op and felt.op.index < other.index:
        return None
    return other
