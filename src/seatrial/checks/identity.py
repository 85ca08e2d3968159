"""The identity family: a member is who its ordinal says, before and after every drift.

May import: model.
"""

from __future__ import annotations

from seatrial.checks.drifts import answers, drifts, no_receipt
from seatrial.model import History, Op, Standing, Verdict

_HOSTNAME = "identity.hostname"


def hostname(history: History) -> Verdict:
    """Judge identity.hostname: each answer equals the pod's name `<set>-<ordinal>`.

    Broken by one wrong answer. Holds only when every planned drift has a receipt and each new
    pod has answered for itself. Figures: answers, drifts.
    Source: kubernetes.io, StatefulSets, "Stable Network ID".
    """
    said = list(answers(history, "hostname"))
    wrong = [op for op in said if not _own_name(history, op)]
    figures = {"answers": len(said), "drifts": len(drifts(history))}
    if wrong:
        return _verdict(Standing.BROKEN, _accusation(history, wrong[0]), wrong, figures)
    if reason := _unshown(history, said):
        return _verdict(Standing.UNKNOWN, reason, said, figures)
    reason = f"{len(said)} answers, all the pod's own name, across {figures['drifts']} drifts"
    return _verdict(Standing.HOLDS, reason, said, figures)


def _own_name(history: History, op: Op) -> bool:
    return bool(op.value["answer"] == op.value["pod"] == _wanted(history, op))


def _wanted(history: History, op: Op) -> str:
    return f"{history.head['profile']['set']}-{op.value['ordinal']}"


def _accusation(history: History, op: Op) -> str:
    return (
        f"pod {op.value['pod']} calls itself {op.value['answer']!r}, "
        f"wanted {_wanted(history, op)!r}"
    )


def _unshown(history: History, said: list[Op]) -> str:
    if not said:
        return "no member answered what its hostname is"
    if absent := no_receipt(history):
        return absent
    silent = [drift.name for drift in drifts(history) if not any(map(drift.after, said))]
    if silent:
        return f"the new pod never answered after {', '.join(silent)}"
    return "" if drifts(history) else "no drift was caused, so nothing was shown"


def _verdict(standing: Standing, reason: str, ops: list[Op], figures: dict[str, int]) -> Verdict:
    return Verdict(_HOSTNAME, standing, reason, tuple(op.index for op in ops), figures)
