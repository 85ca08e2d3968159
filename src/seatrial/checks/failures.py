"""Whether failures of backups are told, and helpers of volumes put away.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seatrial.checks.drifts import healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

STORE_DOWN = "backup-store-down"
HELPER = "recovery.seatrial.dev/helper"
"""The label of a pod that makes or drops the directory of a volume; its value is the volume."""
_LOUDLY, _PROVISIONING = "recovery.fails-loudly", "recovery.provisioning"
_NOTHING = "no store was away, so nothing was shown"
_SLACK = 1.0
"""Seconds by which two clocks that both tell seconds since 1970 may differ."""


def fails_loudly(history: History) -> Verdict:
    """Judge recovery.fails-loudly: with the store away no backup is called complete.

    Broken by a backup that began and ended while nobody could reach the store and is complete, by
    one that was asked for then and failed without a sentence, or by one asked for afterwards that
    is not complete. Unknown without receipt or healing, or when what was asked for did not end.
    Figures: failed (backups that were told as failed), seconds (that the store was away).
    """
    done = receipts(history, STORE_DOWN)
    found = [one for op in done for one in _told(history, op)]
    failed = sum(1 for op in history.of("backup") if op.outcome is not Outcome.OK)
    away = [op.value["proof"]["until"] - op.value["proof"]["since"] for op in done]
    figures: dict[str, Json] = {"failed": failed, "seconds": round(sum(away), 3)}
    praise = f"with the store away {failed} backups were told as failed, and the next succeeded"
    absent = unshown(history, STORE_DOWN, _NOTHING)
    return settled(_LOUDLY, found, praise, figures, absent=absent)


def provisioning(history: History) -> Verdict:
    """Judge recovery.provisioning: each volume's directory by a helper pod, which is gone then.

    Broken by a helper that is there still though its volume was bound long ago (at the last look
    at the members). Unknown when no helper was seen. Figures: helpers, left.
    """
    seen: dict[str, Op] = {}
    for op in history.of("pod"):
        if HELPER in (op.value.get("labels") or {}):
            seen[op.value["uid"]] = op
    left = [op for op in seen.values() if op.value["event"] != "DELETED"]
    claims = {op.value["uid"]: op.value for op in history.of("claim")}
    there = [claim for claim in claims.values() if claim["event"] != "DELETED"]
    bound = {claim["volume"] for claim in there if claim.get("phase") == "Bound"}
    stays = [op for op in left if op.value["labels"][HELPER] in bound]
    figures: dict[str, Json] = {"helpers": len(seen), "left": len(left)}
    nothing = "no helper pod of a volume was seen"
    found = [Finding(Standing.HOLDS, ops=tuple(seen.values())[:3])] if seen else []
    for op in stays:
        reason = f"helper {op.value['name']} is there still, and its volume is bound"
        found.append(Finding(Standing.BROKEN, reason, (op,)))
    praise = f"{len(seen)} directories were made or dropped by helper pods, which are gone"
    return settled(_PROVISIONING, found, praise, figures, nothing)


def _told(history: History, receipt: Op) -> Iterator[Finding]:
    proof: dict[str, Any] = receipt.value["proof"]
    asked = proof["asked"]
    for op in history.of("backup"):
        began, ended = op.value["began"], op.value["ended"]
        inside = began >= proof["since"] + _SLACK and ended <= proof["until"] - _SLACK
        if op.outcome is Outcome.OK and inside:
            reason = f"backup {op.value['snapshot']} is complete, and its store was away"
            yield Finding(Standing.BROKEN, reason, (receipt, op))
    if asked["phase"] == "Complete":
        reason = f"backup {asked['name']} is complete, and its store was away"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    elif asked["phase"] != "Failed":
        reason = f"backup {asked['name']} did not end while the store was away"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
    elif not asked.get("message"):
        yield Finding(Standing.BROKEN, f"backup {asked['name']} failed silently", (receipt,))
    else:
        yield _afterwards(history, receipt)


def _afterwards(history: History, receipt: Op) -> Finding:
    healed = healing(history, receipt)
    if healed is None:
        return Finding(Standing.UNKNOWN, "the store was not seen to be back", (receipt,))
    after = healed.value["proof"]["asked"]
    if after["phase"] != "Complete":
        said = after.get("message") or after["phase"] or "not begun"
        reason = f"with the store back backup {after['name']} is not complete: {said}"
        return Finding(Standing.BROKEN, reason, (receipt, healed))
    return Finding(Standing.HOLDS, ops=(receipt, healed))
