"""Claims of the storage family: each member has one a template, under its own name, and alone.

May import: model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Tenure, mounts, ordinals
from seatrial.checks.sight import gaps, torn
from seatrial.model import History, Op, Standing, Verdict

_PER_ORDINAL = "storage.claim-per-ordinal"


def per_ordinal(history: History) -> Verdict:
    """Judge storage.claim-per-ordinal: `<template>-<set>-<ordinal>`, one each, one volume each.

    Broken by a pod that mounts no claim of that name, or one of another ordinal, by a claim that
    was bound to two volumes, and by a volume that two claims were bound to. Unknown while a
    member was never placed, or its claim or volume never seen bound to each other. Claims that
    are of no template are nobody's business here. Figures: members, claims.
    Source: kubernetes.io, StatefulSets, "Stable Storage".
    """
    templates = history.head.get("profile", {}).get("claim_templates")
    if not templates:
        reason = "the profile names no claim template, so there is nothing to have"
        return Verdict(_PER_ORDINAL, Standing.UNKNOWN, reason)
    tenures = [t for held in ordinals(history).values() for t in held]
    found = [
        *_unseen(history, tenures),
        *(one for tenure in tenures for one in _held(history, tenure, templates)),
        *_shared(history),
        *_blind(history),
    ]
    claims = {m.claim_uid for tenure in tenures for m in tenure.mounts if m.claim_uid}
    figures = {"members": len(history.members), "claims": len(claims)}
    praise = f"{len(claims)} claims of {len(history.members)} members, each with a volume to itself"
    return settled(_PER_ORDINAL, found, praise, figures)


def _unseen(history: History, tenures: Sequence[Tenure]) -> Iterator[Finding]:
    placed = {tenure.ordinal for tenure in tenures if tenure.node}
    late = [str(ordinal) for ordinal in history.members if ordinal not in placed]
    if late:
        reason = f"no pod of ordinal {', '.join(late)} was ever seen on a node"
        yield Finding(Standing.UNKNOWN, reason)


def _held(history: History, tenure: Tenure, templates: Sequence[str]) -> Iterator[Finding]:
    """Judge what one pod mounts; one that never had a node mounts nothing yet."""
    pod = next((op for op in reversed(tenure.ops) if op.value["node"]), None)
    if pod is None:
        return
    stem = history.head["profile"]["set"]
    for template in templates:
        name = f"{template}-{stem}-{tenure.ordinal}"
        own = re.compile(rf"{re.escape(f'{template}-{stem}')}-\d+")
        if {c for c in pod.value["claims"] if own.fullmatch(c)} != {name}:
            yield Finding(Standing.BROKEN, _accusation(pod, name), (pod,))
        else:
            yield _bound(history, pod, name)


def _accusation(pod: Op, name: str) -> str:
    seen = ", ".join(pod.value["claims"]) or "none"
    return f"pod {pod.value['name']} mounts {seen}; wanted is {name}, its own"


def _bound(history: History, pod: Op, name: str) -> Finding:
    mount = next(m for m in mounts(history, pod) if m.claim == name)
    if not (mount.claim_uid and mount.volume):
        return Finding(Standing.UNKNOWN, f"claim {name} was never seen bound", (pod,))
    told = [
        op
        for op in history.of("volume")
        if op.value["uid"] == mount.volume and op.value["claim"] == mount.claim_uid
    ]
    if not told:
        reason = f"the volume of claim {name} never said that it is bound to it"
        return Finding(Standing.UNKNOWN, reason, (pod,))
    return Finding(Standing.HOLDS, ops=(pod, told[0]))


def _shared(history: History) -> Iterator[Finding]:
    """Accuse claims with two volumes, and volumes with claims of two names.

    A claim made anew under the same name may be given the volume that it had before.
    """
    for ops in _grouped(history, "uid", "volume"):
        name, volumes = ops[0].value["name"], [op.value["volume"] for op in ops]
        yield Finding(Standing.BROKEN, f"claim {name} was bound to {' and '.join(volumes)}", ops)
    for ops in _grouped(history, "volume", "name"):
        volume, names = ops[0].value["volume"], [op.value["name"] for op in ops]
        yield Finding(Standing.BROKEN, f"volume {volume} is bound to {' and '.join(names)}", ops)


def _grouped(history: History, key: str, value: str) -> Iterator[tuple[Op, ...]]:
    """Give the bound claims that are equal in one fact and differ in another, one Op a value."""
    found: dict[str, dict[str, Op]] = {}
    for op in history.of("claim"):
        if op.value["volume"]:
            found.setdefault(op.value[key], {}).setdefault(op.value[value], op)
    return (tuple(ops.values()) for ops in found.values() if len(ops) > 1)


def _blind(history: History) -> Iterator[Finding]:
    for kind in ("pod", "claim"):
        for gap in filter(torn, gaps(history, kind)):
            reason = f"not every {kind} was seen: {gap.value['reason']}"
            yield Finding(Standing.UNKNOWN, reason, (gap,))
