"""storage.synced: what was acknowledged outlives the loss of everything that was not synced.

Judged as storage.durable is, over the one fault that takes what the host's page cache would save.
May import: model, checks.*.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from seatrial.checks.drifts import no_receipt
from seatrial.checks.durable import Hit, broken, hits_of, receipts_of, unread
from seatrial.checks.findings import Finding, settled
from seatrial.checks.ledger import Sent, attempts, final_reads
from seatrial.checks.sight import driver_lost
from seatrial.model import History, Json, Outcome, Standing, Verdict

_SYNCED = "storage.synced"
LOSS = "disk-unsynced-loss"
RECENT = 3.0
"""Seconds for which a member is written to before its power is cut (timing)."""


def synced(history: History) -> Verdict:
    """Judge storage.synced: no write acknowledged before the loss is lost or altered by it.

    Broken by a lost write whose loss only disk-unsynced-loss can have caused, or by an altered one
    of a member that no other fault hit. Unknown without receipt and healing, where the disk never
    saw the member write, without an acknowledgement within RECENT of the loss, without a whole
    final reading or all Ops of the driver, and where another fault may have cost the write.
    Figures: losses, acknowledged (on the members hit, before the loss), lost, dropped_files,
    dropped_bytes (the members' own, unsynced), syncs (the members', before it).
    Source: fsync(2); Jepsen, `lazyfs`.
    """
    hits = tuple(hits_of(history, (LOSS,)))
    ours = [hit for hit in hits if hit.ours]
    sent, reads = list(attempts(history)), final_reads(history)
    found = [*broken(sent, reads, hits, {hit.member for hit in ours}), *_unproved(ours)]
    found += [*unread(reads, ours), *_idle(ours, sent)]
    found += [Finding(Standing.HOLDS, ops=receipts_of([hit])) for hit in ours]
    lost = sum(1 for one in found if one.standing is Standing.BROKEN)
    figures = {**_figures(sent, ours), "lost": lost}
    why = no_receipt(history, LOSS) or driver_lost(history)
    nothing = "nothing that was not synced was taken away: every other fault spares the page cache"
    return settled(_SYNCED, found, _praise(figures), figures, nothing, why)


def _unproved(ours: Sequence[Hit]) -> Iterator[Finding]:
    for hit in ours:
        drift = hit.shown
        if drift and drift.healed is None:
            yield Finding(Standing.UNKNOWN, f"nothing was healed after {drift.name}")
        if drift and not drift.receipt.value["proof"].get("wrote"):
            reason = f"before {drift.name} its disk saw nothing written"
            yield Finding(Standing.UNKNOWN, reason, (drift.receipt,))


def _idle(ours: Sequence[Hit], sent: Sequence[Sent]) -> Iterator[Finding]:
    for hit in ours:
        acked = (one.completed for one in _acknowledged(sent, hit))
        if hit.until - max(acked, default=-math.inf) > RECENT:
            reason = f"nothing was acknowledged within {RECENT:g} s before {hit.name}"
            yield Finding(Standing.UNKNOWN, reason, receipts_of([hit]))


def _acknowledged(sent: Sequence[Sent], hit: Hit) -> Iterator[Sent]:
    for one in sent:
        if one.outcome is Outcome.OK and one.member == hit.member and one.completed <= hit.until:
            yield one


def _figures(sent: Sequence[Sent], ours: Sequence[Hit]) -> dict[str, Json]:
    acked = {(one.writer, one.seq) for hit in ours for one in _acknowledged(sent, hit)}
    proofs = [hit.shown.receipt.value["proof"] for hit in ours if hit.shown]
    dropped = [proof.get("dropped", {}) for proof in proofs]
    return {
        "losses": len(ours),
        "acknowledged": len(acked),
        "dropped_files": sum(one.get("files", 0) for one in dropped),
        "dropped_bytes": sum(one.get("bytes", 0) for one in dropped),
        "syncs": sum(proof.get("synced", 0) for proof in proofs),
    }


def _praise(figures: Mapping[str, Json]) -> str:
    said = (
        f"all {figures['acknowledged']} acknowledged writes outlived the loss of all that was not"
    )
    return (
        f"{said} synced ({figures['dropped_bytes']} bytes of {figures['dropped_files']} files, "
        f"after {figures['syncs']} syncs)"
    )
