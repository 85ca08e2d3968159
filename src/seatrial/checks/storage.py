"""The storage family: what an ordinal wrote is found by that ordinal again.

May import: model.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.checks.drifts import Drift, answers, drifts, missing
from seatrial.model import History, Op, Standing, Verdict

_REBIND = "storage.rebind"


@dataclass(frozen=True)
class Mount:
    """What one pod had mounted of one claim: `volume` is the bound volume's uid, "" if unknown."""

    claim: str
    claim_uid: str
    volume: str
    node: str


def rebind(history: History) -> Verdict:
    """Judge storage.rebind: across each drift, same claim uid, same volume uid, same token.

    Broken by one difference, or by a member that mounts no claim. Unknown while a drift, a claim
    or a token was not seen on both sides. Figures: drifts, moved (came back on another node),
    pinned (volumes that one node alone can mount).
    Source: kubernetes.io, StatefulSets, "Stable Storage".
    """
    found = [_compare(history, drift) for drift in drifts(history)]
    figures = {"drifts": len(found), **_moves(history)}
    for standing in (Standing.BROKEN, Standing.UNKNOWN):
        said = [(reason, ops) for kind, reason, ops in found if kind is standing]
        if said:
            return Verdict(_REBIND, standing, said[0][0], _indexes(said[0][1]), figures)
    if absent := missing(history):
        return Verdict(
            _REBIND, Standing.UNKNOWN, f"no receipt for {', '.join(absent)}", (), figures
        )
    if not found:
        reason = "no drift was caused, so nothing was shown"
        return Verdict(_REBIND, Standing.UNKNOWN, reason, (), figures)
    ops = [op for _, _, shown in found for op in shown]
    return Verdict(_REBIND, Standing.HOLDS, _praise(figures), _indexes(ops), figures)


Compared = tuple[Standing, str, list[Op]]


def _compare(history: History, drift: Drift) -> Compared:
    if not drift.new:
        return Standing.UNKNOWN, f"no pod came back after {drift.name}", [drift.receipt]
    before, after = _pod(history, drift.old), _pod(history, drift.new)
    if before is None or after is None:
        return Standing.UNKNOWN, f"a pod of {drift.name} was never seen", [drift.receipt]
    tokens = _tokens(history, drift.old), _tokens(history, drift.new)
    shown = [drift.receipt, before, after, *tokens[0], *tokens[1]]
    return (
        _tokens_differ(drift, tokens, shown)
        or _mounts_differ(history, drift, (before, after), shown)
        or (Standing.HOLDS, "", shown)
    )


def _tokens_differ(
    drift: Drift, tokens: tuple[list[Op], list[Op]], shown: list[Op]
) -> Compared | None:
    """Compare every answer of both pods, not the nearest two: one change is one too many."""
    old, new = tokens
    if not old or not new:
        side = "before" if not old else "after"
        return Standing.UNKNOWN, f"no token was read {side} {drift.name}", shown
    was = old[0].value["answer"]
    other = next((op for op in (*old, *new) if op.value["answer"] != was), None)
    if other is None:
        return None
    reason = f"after {drift.name} its token is {other.value['answer']!r}, was {was!r}"
    return Standing.BROKEN, reason, [drift.receipt, old[0], other]


def _mounts_differ(
    history: History, drift: Drift, pods: tuple[Op, Op], shown: list[Op]
) -> Compared | None:
    old, new = (_mounts(history, pod) for pod in pods)
    if not old or not new:
        return Standing.BROKEN, f"ordinal {drift.ordinal} mounts no claim", shown
    if not all(mount.claim_uid and mount.volume for mount in (*old, *new)):
        return Standing.UNKNOWN, f"a claim or volume of {drift.name} was never seen bound", shown
    before = [(m.claim, m.claim_uid, m.volume) for m in old]
    after = [(m.claim, m.claim_uid, m.volume) for m in new]
    if before == after:
        return None
    return Standing.BROKEN, f"after {drift.name} it has {_differ(before, after)}", shown


def _differ(before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]) -> str:
    names = "claim", "claim uid", "volume uid"
    return (
        next(
            f"{name} {new}, was {old}"
            for was, now in zip(before, after, strict=False)
            for name, old, new in zip(names, was, now, strict=True)
            if old != new
        )
        if len(before) == len(after)
        else f"{len(after)} claims, had {len(before)}"
    )


def _mounts(history: History, pod: Op) -> list[Mount]:
    return [_mount(history, name, pod) for name in sorted(pod.value["claims"])]


def _mount(history: History, name: str, pod: Op) -> Mount:
    claim = _claim(history, name, pod)
    volume = _volume(history, claim.value["volume"]) if claim else None
    return Mount(
        name,
        claim.value["uid"] if claim else "",
        volume.value["uid"] if volume else "",
        volume.value["node"] if volume else "",
    )


def _pod(history: History, uid: str) -> Op | None:
    """Give the last sight of a pod that had a node; its mounts do not change afterwards."""
    seen = [op for op in history.of("pod") if op.value["uid"] == uid and op.value["node"]]
    return seen[-1] if seen else None


def _claim(history: History, name: str, pod: Op) -> Op | None:
    """Give the claim of that name as it stood, bound, when the pod was last seen."""
    seen = [
        op
        for op in history.of("claim")
        if op.value["name"] == name and op.value["volume"] and op.value["rv"] <= pod.value["rv"]
    ]
    return seen[-1] if seen else None


def _volume(history: History, name: str) -> Op | None:
    seen = [op for op in history.of("volume") if op.value["name"] == name]
    return seen[-1] if seen else None


def _tokens(history: History, uid: str) -> list[Op]:
    return [op for op in answers(history, "token") if op.value["uid"] == uid]


def _moves(history: History) -> dict[str, int]:
    pairs = [(_pod(history, d.old), _pod(history, d.new)) for d in drifts(history)]
    moved = [1 for old, new in pairs if old and new and old.value["node"] != new.value["node"]]
    mounted = {m.volume: m.node for _, pod in pairs if pod for m in _mounts(history, pod)}
    return {"moved": len(moved), "pinned": sum(1 for node in mounted.values() if node)}


def _praise(figures: dict[str, int]) -> str:
    reason = f"same claim, volume and token after each of {figures['drifts']} drifts"
    if figures["moved"]:
        return f"{reason}, {figures['moved']} of them to another node"
    pinned = "; every volume is pinned to its node, so a move to another node was not shown"
    return reason + (pinned if figures["pinned"] else "; no pod came back on another node")


def _indexes(ops: list[Op]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(op.index for op in ops))
