"""Advice on backups and restores: the likely cause of a breach, from what the copy showed.

May import: checks.{cases,drifts,elsewhere,failures,returned,schedules}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.checks.cases import Case
from seatrial.checks.drifts import receipts
from seatrial.checks.elsewhere import ELSEWHERE
from seatrial.checks.failures import HELPER, STORE_DOWN
from seatrial.checks.returned import RETURN
from seatrial.checks.schedules import CHANGE

_UNASKED = (
    "whoever restores does not look whether a request, or another one for the same claim, was "
    "answered already: ask its status, and whether the claim is bound"
)
_CHEERFUL = (
    "who backs up takes something else for success than its engine's exit status and the snapshot "
    "that it names"
)
_UNTIDY = "whoever makes the pods that make directories does not delete them once they have ended"
_CLAIMABLE = (
    "whoever gives a volume of a dead node up leaves it, or another one of its directory, "
    "there for anybody to claim: delete the volume with its claim"
)
_STUBBORN = (
    "whoever backs up keeps the policy of a pod as it first was, or has too many backups to make: "
    "read the annotations again whenever the pod changes"
)


def causes(case: Case) -> Iterator[str]:
    """Name likely causes of a broken verdict of this family."""
    history, verdict = case.history, case.verdict
    if verdict.guarantee == "recovery.six-stages":
        yield from _restore(case)
    copies = receipts(history, ELSEWHERE)
    for op in copies:
        yield from _shown(verdict.guarantee, op.value["proof"])
    if verdict.guarantee == "recovery.once" and copies:
        yield _UNASKED
    if verdict.guarantee == "recovery.fails-loudly" and receipts(history, STORE_DOWN):
        yield _CHEERFUL
    if verdict.guarantee == "recovery.stale-return" and receipts(history, RETURN):
        yield _CLAIMABLE
    if verdict.guarantee == "recovery.scheduled" and receipts(history, CHANGE):
        yield _STUBBORN
    helped = any(HELPER in (op.value.get("labels") or {}) for op in history.of("pod"))
    if verdict.guarantee == "recovery.provisioning" and helped:
        yield _UNTIDY


def _shown(guarantee: str, proof: Mapping[str, Any]) -> Iterator[str]:
    copy = proof["copy"]
    if guarantee == "recovery.watermark" and copy["served"]:
        held = {(writer, seq) for writer, seq, _, _ in copy["records"]}
        marks = proof["backup"]["watermark"].items()
        if any((writer, seq) not in held for writer, (seq, _) in marks):
            yield "the watermark is read when the copy is over: read it before the copy begins"
        else:
            yield "what is copied is not what the member has on its disk when the backup begins"
    if guarantee == "recovery.encrypted" and proof["repository"]["found"]:
        yield (
            f"{proof['repository']['found'][0]} came into the repository beside what the engine "
            "encrypted, or the engine does not encrypt"
        )
    if guarantee == "recovery.new-service" and "var" in copy["names"]:
        yield (
            "snapshots name where the volume lay, not what is in it: back its content up relative "
            "to the volume's own directory"
        )
    if guarantee == "recovery.new-service" and copy["served"] and _torn(proof.get("bank") or {}):
        yield (
            "the member wrote while it was copied: run its policy's `quiesce` before the copy and "
            "`resume` after it"
        )


def _torn(bank: Mapping[str, Any]) -> bool:
    balances = bank["copy"].get("balances", {}).values() if bank else ()
    return bool(bank) and sum(balances) != bank["before"]["total"]


def _restore(case: Case) -> Iterator[str]:
    told = {op.value["snapshot"] for op in case.history.of("stage") if "snapshot" in op.value}
    backups = sorted(case.history.of("backup"), key=lambda op: op.completed)
    older = [op.value["snapshot"] for op in backups[:-1]]
    if backups and (chosen := sorted(told & {*older})):
        newest = backups[-1].value["snapshot"]
        yield f"{chosen[0]} was restored and {newest} is newer: choose by when each backup began"
