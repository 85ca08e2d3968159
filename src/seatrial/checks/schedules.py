"""Whether policies of backups are followed while they change.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from seatrial.checks.drifts import healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.model import History, Json, Op, Standing, Verdict

CHANGE = "backup-policy-change"
LATE = 2.0
"""Seconds after it is due at which a backup begins at the latest, unless the profile says."""
_SCHEDULED = "recovery.scheduled"
_NOTHING = "no policy was changed, so nothing was shown"
_FEW = 3
"""How many backups tell a period twice."""
_HEARD = 1.5
"""Seconds that a change may take to be heard of."""


def scheduled(history: History) -> Verdict:
    """Judge recovery.scheduled: a changed policy is followed, a dropped or malformed one is not.

    Broken by a backup that begins later than the bound `late` (2 s) after it is due under the new
    period, by fewer than three while it is watched, by one that begins though the policy is
    dropped or malformed (1.5 s after it became so), by a malformed one of which nobody says what is
    wrong, or when none begins once the own policy is back. Unknown without receipt or healing.
    Figures: backups (under the new period), late_seconds (the latest).
    Source: GUARANTEES, recovery; docs/recovery.md.
    """
    done = receipts(history, CHANGE)
    bounds = history.head.get("profile", {}).get("bounds", {}).get(_SCHEDULED, {})
    bound = float(bounds.get("late", LATE))
    late = [one for op in done for one in _late(op.value["proof"])]
    figures: dict[str, Json] = {"backups": sum(len(_began(op)) for op in done)}
    figures |= {"late_seconds": round(max(late), 3)} if late else {}
    found = [one for op in done for one in _judged(history, op, bound)]
    praise = (
        f"{figures['backups']} backups under a shorter period, {figures.get('late_seconds')} s "
        "late at most, none without a policy, and a malformed one is told"
    )
    absent = unshown(history, CHANGE, _NOTHING)
    return settled(_SCHEDULED, found, praise, figures, absent=absent)


def _judged(history: History, receipt: Op, bound: float) -> Iterator[Finding]:
    proof, healed = receipt.value["proof"], healing(history, receipt)
    many = len(proof["quick"]["began"])
    watched = proof["quick"]["until"] - proof["quick"]["since"]
    if many < _FEW:
        reason = f"{many} backups began in {watched:.3g} s under a period of {proof['period']:g} s"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    elif (worst := max(_late(proof))) > bound:
        reason = f"a backup began {worst:.3g} s after it was due, {bound:g} s are promised"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    for what in ("dropped", "malformed"):
        after = [at for at in proof[what]["began"] if at > proof[what]["since"] + _HEARD]
        if after:
            reason = f"a backup began {after[0] - proof[what]['since']:.3g} s after its policy was "
            yield Finding(Standing.BROKEN, f"{reason}{what}", (receipt,))
    if not proof["malformed"]["said"]:
        reason = f"nobody says what is wrong with a period of {proof['malformed']['asked']}"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    if healed is None:
        reason = "the policy was not seen to be back"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
    elif not healed.value["proof"]["again"]["began"]:
        reason = "with its policy back no backup began"
        yield Finding(Standing.BROKEN, reason, (receipt, healed))
    else:
        yield Finding(Standing.HOLDS, ops=(receipt, healed))


def _began(receipt: Op) -> list[float]:
    found: list[float] = receipt.value["proof"]["quick"]["began"]
    return found


def _late(proof: Mapping[str, Any]) -> Iterator[float]:
    """Give by how much each backup began late: a period after the one before."""
    quick = proof["quick"]
    for earlier, later in pairwise(quick["began"]):
        yield max(0.0, later - earlier - proof["period"])
    if quick["began"]:
        yield max(0.0, quick["began"][0] - quick["since"] - proof["period"])
