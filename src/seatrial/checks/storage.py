"""The storage family: what an ordinal wrote is found by that ordinal again.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from seatrial.checks.drifts import (
    SWAPS_THE_DISK,
    TAKES_THE_DISK,
    Drift,
    answers,
    began,
    drifts,
    no_receipt,
)
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Mount, mounts
from seatrial.checks.moves import figures as move_figures
from seatrial.checks.moves import move_of, moves
from seatrial.checks.sight import gaps, torn
from seatrial.model import History, Json, Op, Standing, Verdict

_REBIND = "storage.rebind"
_KEPT, _REATTACHED = "storage.kept-on-scale-down", "storage.reattached"


def rebind(history: History) -> Verdict:
    """Judge storage.rebind: across each drift, same claim uid, same volume uid, same token.

    Broken by one difference, or by a member that mounts no claim. Unknown while a drift, a claim
    or a token was not seen on both sides, and when a member whose node was declared out of
    service came back on that very node. Faults that take or swap the disk show nothing here.
    Figures: drifts, moved (came back on another node), pinned (volumes that one node alone can
    mount), and how long the slowest move off a fenced node took (see moves).
    Source: kubernetes.io, StatefulSets, "Stable Storage".
    """
    others = TAKES_THE_DISK | SWAPS_THE_DISK
    shown = [drift for drift in drifts(history) if drift.fault not in others]
    found = [_compare(history, drift) for drift in shown]
    figures = {"drifts": len(found), **_moves(history, shown), **move_figures(moves(history))}
    return _settled(_REBIND, found, no_receipt(history), _praise(figures), figures)


def kept_on_scale_down(history: History) -> Verdict:
    """Judge storage.kept-on-scale-down: the claims of the ordinals that went stay all the time.

    Broken when such a claim is deleted, or marked for it, between scale-down and scale-up, or
    when claim uid, volume uid or token differ afterwards. Unknown without receipt, scale-up or
    sight of them. Figures: scale_downs, members (that went and came back), claims (of theirs).
    Source: kubernetes.io, StatefulSets, "PersistentVolumeClaim retention" (whenScaled: Retain).
    """
    gone = [drift for drift in drifts(history) if drift.fault == "scale-down"]
    found = [_kept(history, drift) for drift in gone]
    figures = {"scale_downs": len({drift.receipt.index for drift in gone}), **_came(history, gone)}
    praise = (
        f"{figures['claims']} claims of {figures['members']} members stayed; scale-up found "
        "volume and token again"
    )
    return _settled(_KEPT, found, no_receipt(history, "scale-down"), praise, figures)


def reattached(history: History) -> Verdict:
    """Judge storage.reattached: the claims of a deleted set stay; the one made again finds them.

    Broken when a member's claim is deleted, or marked for it, between the deletion of the set and
    its return, or when claim uid, volume uid or token differ afterwards. Unknown without receipt,
    return or sight of them. Figures: set_deletes, members (that came back), claims (of theirs).
    Source: kubernetes.io, StatefulSets, "PersistentVolumeClaim retention" (whenDeleted: Retain).
    """
    gone = [drift for drift in drifts(history) if drift.fault == "set-delete"]
    found = [_kept(history, drift) for drift in gone]
    figures = {"set_deletes": len({drift.receipt.index for drift in gone}), **_came(history, gone)}
    praise = (
        f"{figures['claims']} claims outlived their set; the one made again found volume and token "
        f"of {figures['members']} members"
    )
    return _settled(_REATTACHED, found, no_receipt(history, "set-delete"), praise, figures)


def _came(history: History, gone: Sequence[Drift]) -> dict[str, int]:
    olds = [pod for drift in gone if (pod := _pod(history, drift.old))]
    return {
        "members": sum(1 for drift in gone if drift.new),
        "claims": len({name for pod in olds for name in pod.value["claims"]}),
    }


def _settled(
    guarantee: str,
    found: Sequence[Finding],
    absent: str,
    praise: str,
    figures: Mapping[str, Json],
) -> Verdict:
    """Conclude from what each drift showed; what none showed is one unknown more."""
    more = [Finding(Standing.UNKNOWN, absent)] if absent else []
    nothing = "no drift was caused, so nothing was shown"
    return settled(guarantee, [*found, *more], praise, figures, nothing)


def _compare(history: History, drift: Drift) -> Finding:
    if not drift.new:
        return Finding(Standing.UNKNOWN, f"no pod came back after {drift.name}", (drift.receipt,))
    before, after = _old(history, drift), _pod(history, drift.new)
    if before is None or after is None:
        return Finding(Standing.UNKNOWN, f"a pod of {drift.name} was never seen", (drift.receipt,))
    told = list(answers(history, "token"))
    tokens = [op for op in told if drift.before(op)], [op for op in told if drift.after(op)]
    shown = (drift.receipt, before, after, *tokens[0], *tokens[1])
    return (
        _tokens_differ(drift, tokens, shown)
        or _mounts_differ(history, drift, (before, after), shown)
        or _stayed(history, drift, (before, after))
        or Finding(Standing.HOLDS, ops=shown)
    )


def _kept(history: History, drift: Drift) -> Finding:
    if deletion := _deletion(history, drift):
        verb = "was deleted" if deletion.value["event"] == "DELETED" else "is being deleted"
        reason = f"claim {deletion.value['name']} {verb} after {drift.name}"
        return Finding(Standing.BROKEN, reason, (drift.receipt, deletion))
    blind = [gap for gap in gaps(history, "claim") if torn(gap)]
    if blind:
        reason = f"what became of the claims was not seen: {blind[0].value['reason']}"
        return Finding(Standing.UNKNOWN, reason, (drift.receipt, blind[0]))
    return _compare(history, drift)


def _deletion(history: History, drift: Drift) -> Op | None:
    """Give the first sign that a claim of the member that went is deleted, before it came back."""
    pod, start = _old(history, drift), began(history, drift.receipt)
    uids = {mount.claim_uid for mount in mounts(history, pod)} if pod else set()
    end = drift.healed.index if drift.healed else math.inf
    return next(
        (
            op
            for op in history.of("claim")
            if start.index < op.index < end
            and op.value["uid"] in uids
            and (op.value["deleting"] or op.value["event"] == "DELETED")
        ),
        None,
    )


def _tokens_differ(
    drift: Drift, tokens: tuple[list[Op], list[Op]], shown: tuple[Op, ...]
) -> Finding | None:
    """Compare every answer of both pods, not the nearest two: one change is one too many."""
    old, new = tokens
    if not old or not new:
        side = "before" if not old else "after"
        return Finding(Standing.UNKNOWN, f"no token was read {side} {drift.name}", shown)
    was = old[0].value["answer"]
    other = next((op for op in (*old, *new) if op.value["answer"] != was), None)
    if other is None:
        return None
    reason = f"after {drift.name} its token is {other.value['answer']!r}, was {was!r}"
    return Finding(Standing.BROKEN, reason, (drift.receipt, old[0], other))


def _mounts_differ(
    history: History, drift: Drift, pods: tuple[Op, Op], shown: tuple[Op, ...]
) -> Finding | None:
    old, new = (mounts(history, pod) for pod in pods)
    if not old or not new:
        return Finding(Standing.BROKEN, f"ordinal {drift.ordinal} mounts no claim", shown)
    if not all(mount.claim_uid and mount.volume for mount in (*old, *new)):
        return Finding(
            Standing.UNKNOWN, f"a claim or volume of {drift.name} was never seen bound", shown
        )
    before, after = [_named(mount) for mount in old], [_named(mount) for mount in new]
    if before == after:
        return None
    return Finding(Standing.BROKEN, f"after {drift.name} it has {_differ(before, after)}", shown)


def _stayed(history: History, drift: Drift, pods: tuple[Op, Op]) -> Finding | None:
    """Say when a member waited for its node, though that was fenced to let it move."""
    old, new = pods
    fence = move_of(history, drift).stages.get("fenced")
    if fence is None or old.value["node"] != new.value["node"]:
        return None
    pinned = any(mount.node for mount in mounts(history, new))
    why = ", to which its volume is pinned" if pinned else ""
    reason = f"after {drift.name} it came back on {new.value['node']}, which was fenced{why}"
    return Finding(Standing.UNKNOWN, f"{reason}: no move was shown", (drift.receipt, fence.op, new))


def _named(mount: Mount) -> Mapping[str, str]:
    """Give what must be the same before and after, by what to call it in a reason."""
    return {"claim": mount.claim, "claim uid": mount.claim_uid, "volume uid": mount.volume}


def _differ(before: Sequence[Mapping[str, str]], after: Sequence[Mapping[str, str]]) -> str:
    if len(before) != len(after):
        return f"{len(after)} claims, had {len(before)}"
    return next(filter(None, map(_change, before, after)))


def _change(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    return next(
        (f"{name} {now[name]}, was {was[name]}" for name in was if was[name] != now[name]), ""
    )


def _old(history: History, drift: Drift) -> Op | None:
    """Give the last sight of the member before its fault: what is swapped later, it never had."""
    return _pod(history, drift.old, began(history, drift.receipt).index)


def _pod(history: History, uid: str, until: float = math.inf) -> Op | None:
    """Give the last sight of a pod that had a node."""
    seen = [op for op in history.of("pod") if op.value["uid"] == uid and op.value["node"]]
    return next((op for op in reversed(seen) if op.index < until), None)


def _moves(history: History, shown: Sequence[Drift]) -> dict[str, Json]:
    pairs = [(_old(history, d), _pod(history, d.new)) for d in shown]
    moved = [new for old, new in pairs if old and new and old.value["node"] != new.value["node"]]
    mounted = {m.volume: m.node for _, pod in pairs if pod for m in mounts(history, pod)}
    return {"moved": len(moved), "pinned": len([*filter(None, mounted.values())])}


def _praise(figures: Mapping[str, Json]) -> str:
    reason = f"same claim, volume and token after each of {figures['drifts']} drifts"
    if "stages_seconds" in figures:
        total, own = figures["kill_to_serving_seconds"], figures["stages_seconds"]
        timed = f"; from the kill to serving again {total:g} s, its own stages took {own:g} s"
        return f"{reason}, {figures['moved']} of them to another node{timed}"
    if figures["moved"]:
        return f"{reason}, {figures['moved']} of them to another node"
    pinned = "; every volume is pinned to its node, so a move to another node was not shown"
    return reason + (pinned if figures["pinned"] else "; no pod came back on another node")
