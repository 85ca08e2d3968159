"""What a recovery brought back: the right snapshot, and all that the snapshot holds.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.checks.ledger import Held, LedgerFindings, Sent, attempts, final_reads, judge_ledger
from seatrial.checks.losses import Extent, Hits, extent, receipts_of
from seatrial.checks.recoveries import Finding, Recovery
from seatrial.model import History, Op, Outcome, Standing


@dataclass(frozen=True)
class Books:
    """What clients wrote and members hold, judged once for all recoveries of a History."""

    found: LedgerFindings
    sent: Sequence[Sent]
    reads: Mapping[int, Held]
    hits: Hits


def books(history: History) -> Books:
    """Judge the ledger of a History."""
    sent, reads = tuple(attempts(history)), final_reads(history)
    readings = {read.member: read for read in reads}
    return Books(judge_ledger(sent, reads), sent, readings, receipts_of(history))


def brought_back(history: History, each: Recovery, books: Books) -> Iterator[Finding]:
    """Judge the snapshot, and then the writes acknowledged up to its watermark."""
    backup, finding = _restored(history, each)
    yield from finding
    if backup is not None:
        yield from _kept(each, backup, books)


def cost(recoveries: Sequence[Recovery], books: Books) -> Extent:
    """Measure what was acknowledged by the members hit, and is lost."""
    hit = {each.drift.ordinal for each in recoveries}
    return extent((loss for loss in books.found.losses if loss.last.member in hit), books.hits)


def _restored(history: History, each: Recovery) -> tuple[Op | None, list[Finding]]:
    """Find the backup that had to be restored, and whether it was."""
    restored = each.stages.get("restored")
    own = [op for op in history.of("backup") if op.value["ordinal"] == each.drift.ordinal]
    whole = [op for op in own if op.outcome is Outcome.OK and op.completed <= each.lost]
    if restored is None:
        return None, []
    if not whole or not restored.value.get("snapshot"):
        reason = f"no complete backup before {each.drift.name}, or what was restored, was seen"
        return None, [(Standing.UNKNOWN, reason, (restored,))]
    # one that was finished between the planning and the proof of the loss may count or not
    newest = max((op for op in whole), key=lambda op: op.completed)
    sure = [op for op in whole if op.completed <= each.start]
    right = [op for op in whole if op not in sure]
    right += [max(sure, key=lambda op: op.completed)] if sure else []
    used = next((op for op in own if op.value["snapshot"] == restored.value["snapshot"]), None)
    if used in right:
        return used, []
    reason = (
        f"after {each.drift.name} snapshot {restored.value['snapshot']} was restored, the newest "
        f"complete one is {newest.value['snapshot']}"
    )
    unsure = used is not None and used.outcome is Outcome.INFO and used.completed <= each.lost
    standing = Standing.UNKNOWN if unsure else Standing.BROKEN
    return None, [(standing, reason, (newest, restored))]


def _kept(each: Recovery, backup: Op, books: Books) -> Iterator[Finding]:
    """Compare what was acknowledged up to the watermark with the final reading."""
    member, name = each.drift.ordinal, each.drift.name
    held = books.reads.get(member)
    if held is None or not held.whole:
        yield Standing.UNKNOWN, f"the member was not read to its end after {name}", (backup,)
        return
    marks: Mapping[str, Sequence[int]] = backup.value["watermark"]
    there = {(writer, seq, crc) for writer, seq, crc, _ in held.records}
    for writer, (seq, crc) in sorted(marks.items()):
        if (writer, seq, crc) not in there:
            reason = f"seq {seq} of {writer}, the backup's watermark, is not there after {name}"
            yield Standing.BROKEN, reason, (backup,)
    short = [one for one in _missed(each, books) if _covered(one, marks)]
    if short:
        reason = f"{len(short)} writes that the backup holds are not there after {name}"
        yield Standing.BROKEN, f"{reason}, first seq {short[0].seq} of {short[0].writer}", (backup,)
    if held.corrupt:
        yield Standing.BROKEN, f"after {name} the ledger is corrupt: {held.corrupt[0]}", (backup,)
    if not any(_covered(one, marks) for one in books.sent if _acked(each, one)):
        reason = f"nothing was acknowledged before the backup that {name} was recovered from"
        yield Standing.UNKNOWN, reason, (backup,)


def _missed(each: Recovery, books: Books) -> list[Sent]:
    return [one for one in (*books.found.lost, *books.found.altered) if _acked(each, one)]


def _acked(each: Recovery, one: Sent) -> bool:
    """Keep what this loss can have cost: acknowledged since the last one, before this one."""
    return (
        one.outcome is Outcome.OK
        and one.member == each.drift.ordinal
        and each.before < one.completed <= each.lost
    )


def _covered(one: Sent, marks: Mapping[str, Sequence[int]]) -> bool:
    return one.writer in marks and one.seq <= marks[one.writer][0]
