"""What a backup holds, shown by a copy of it that was restored elsewhere and read.

May import: model.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.checks.drifts import receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.ledger import attempts
from seatrial.checks.sight import driver_lost
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

ELSEWHERE = "restore-elsewhere"
NOTHING = "no backup was restored elsewhere, so nothing was shown"
_WATERMARK, _SERVICE = "recovery.watermark", "recovery.new-service"
_ENCRYPTED, _ONCE = "recovery.encrypted", "recovery.once"


def watermark(history: History) -> Verdict:
    """Judge recovery.watermark: what a backup holds, against what clients were told meanwhile.

    Broken by a write acknowledged before the backup began that its copy lacks, one begun after it
    ended that its copy holds, a watermark that the copy does not reach, a hole in a writer's
    records, or a line that is none; times are widened by their clocks' errors. Unknown without
    receipt, without the backup's own times, when nothing was acknowledged before it, when the copy
    could not be read, or when what the driver saw is not whole. Figures: copies, records (in the
    copies), before (acknowledged before the backups began), during.
    Source: GUARANTEES, recovery.
    """
    done = receipts(history, ELSEWHERE)
    figures: dict[str, Json] = {"copies": len(done), "records": 0, "before": 0, "during": 0}
    found = [one for op in done for one in _held(history, op, figures)]
    praise = (
        f"{figures['before']} writes acknowledged before the backup are in it, "
        f"none of {figures['records']} in it was begun after it"
    )
    absent = unshown(history, ELSEWHERE, NOTHING) or driver_lost(history)
    return settled(_WATERMARK, found, praise, figures, absent=absent)


def new_service(history: History) -> Verdict:
    """Judge recovery.new-service: a snapshot restores into a claim of another name, whole.

    Broken when the copy never served though its backup was complete, or holds another number of
    files or bytes than its record says, or nothing, or lies there otherwise than in the member's
    own volume, or has a file that was planted before the backup with another mode, owner, content
    or attribute than it had then (it was changed before the restore), or one of later, or when the
    accounts of a bank whose money moved meanwhile do not sum up in it: it is torn. Unknown without
    receipt, without such files, or when no money moved. Figures: files, bytes, planted, transfers.
    """
    done = receipts(history, ELSEWHERE)
    found = [one for op in done for one in _whole(op)]
    last: Mapping[str, Any] = done[-1].value["proof"]["copy"] if done else {}
    planted = sum(len(op.value["proof"].get("planted", {})) for op in done)
    moved = sum(_moved(op) for op in done)
    figures = {"files": last.get("files", 0), "bytes": last.get("bytes", 0), "planted": planted}
    figures |= {"transfers": moved}
    praise = f"a new claim holds all {figures['files']} files, {figures['bytes']} bytes; {planted} "
    praise += "planted ones are as they were when the backup began"
    praise += f"; its bank sums up, whose money moved {moved} times meanwhile" if moved else ""
    absent = unshown(history, ELSEWHERE, NOTHING)
    return settled(_SERVICE, found, praise, figures, absent=absent)


def encrypted(history: History) -> Verdict:
    """Judge recovery.encrypted: nothing readable in the repository, and another key fails aloud.

    Broken by an acknowledged record that what the repository gives without a key contains, a
    restore with another key that was served or called done, or one that failed without a sentence.
    Unknown when the repository could not be searched, gave nothing, or nothing was said of the
    other key. Figures: blobs, bytes (searched).
    """
    done = receipts(history, ELSEWHERE)
    found = [one for op in done for one in _secret(op)]
    last: Mapping[str, Any] = done[-1].value["proof"]["repository"] if done else {}
    figures = {"blobs": last.get("blobs", 0), "bytes": last.get("bytes", 0)}
    praise = f"no record in {figures['blobs']} files of the repository; another key is refused"
    absent = unshown(history, ELSEWHERE, NOTHING)
    return settled(_ENCRYPTED, found, praise, figures, absent=absent)


def once(history: History) -> Verdict:
    """Judge recovery.once: of many requests for one claim one is done, and none is left.

    Broken by two requests of one claim that said Restored, or by one that is there still when all
    is over. Unknown when no restore came to its end, or its agent was not ended at it. Figures:
    requests, restored, left.
    """
    done = receipts(history, ELSEWHERE)
    found = [one for op in done for one in _done_once(history, op)]
    asked = [op.value["proof"]["requests"] for op in done]
    figures = {
        "requests": sum(len(each["made"]) for each in asked),
        "restored": sum(len(each["restored"]) for each in asked),
        "left": sum(len(each["left"]) for each in asked),
    }
    praise = f"{figures['requests']} requests, one restore, and no request is left"
    absent = unshown(history, ELSEWHERE, NOTHING)
    return settled(_ONCE, found, praise, figures, absent=absent)


def _held(history: History, receipt: Op, figures: dict[str, Json]) -> Iterator[Finding]:
    proof, ordinal = receipt.value["proof"], receipt.value["ordinal"]
    copy, backup = proof["copy"], _backup(history, proof["backup"]["snapshot"])
    if not copy["served"] or backup is None:
        reason = f"the copy was not read: {copy['why']}" if backup else "the backup was not told"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
        return
    held = {(writer, seq, crc) for writer, seq, crc, _ in copy["records"]}
    sent = [one for one in attempts(history) if one.member == ordinal]
    figures["records"] += len(held)
    yield from _lacking(history, receipt, backup, held, figures)
    places = {op.index: op for op in history.of("write")}
    for one in sent:
        op = places[one.op]
        if (one.writer, one.seq, one.crc) in held and _after(op, backup):
            reason = f"seq {one.seq} of {one.writer} was begun after the backup, which holds it"
            yield Finding(Standing.BROKEN, reason, (receipt, backup, op))
            return
    yield from _unsound(receipt, backup, copy, held)


def _lacking(
    history: History,
    receipt: Op,
    backup: Op,
    held: set[tuple[str, int, int]],
    figures: dict[str, Json],
) -> Iterator[Finding]:
    before = 0
    places = {op.index: op for op in history.of("write")}
    for one in attempts(history):
        if one.member != receipt.value["ordinal"] or one.outcome is not Outcome.OK:
            continue
        op = places[one.op]
        if op.completed + op.error < backup.invoked - backup.error:
            before += 1
            if (one.writer, one.seq, one.crc) not in held:
                reason = f"seq {one.seq} of {one.writer} was acknowledged before the backup began, "
                yield Finding(Standing.BROKEN, f"{reason}which lacks it", (receipt, backup, op))
                break
        elif op.invoked < backup.completed:
            figures["during"] += 1
    figures["before"] += before
    if not before:
        reason = "nothing was acknowledged before the backup began"
        yield Finding(Standing.UNKNOWN, reason, (receipt, backup))


def _after(op: Op, backup: Op) -> bool:
    return op.invoked - op.error > backup.completed + backup.error


def _unsound(
    receipt: Op, backup: Op, copy: Mapping[str, Any], held: set[tuple[str, int, int]]
) -> Iterator[Finding]:
    shown = (receipt, backup)
    for writer, (seq, crc) in sorted(backup.value["watermark"].items()):
        if (writer, seq, crc) not in held:
            reason = f"the backup's watermark is seq {seq} of {writer}, which it does not hold"
            yield Finding(Standing.BROKEN, reason, shown)
    if copy["corrupt"]:
        yield Finding(Standing.BROKEN, f"the copy holds {copy['corrupt'][0]}", shown)
    if hole := _hole(copy["records"]):
        yield Finding(Standing.BROKEN, hole, shown)
    yield Finding(Standing.HOLDS, ops=shown)


def _hole(records: Sequence[Sequence[Any]]) -> str:
    last: dict[str, tuple[int, int]] = {}
    for writer, seq, crc, previous in records:
        before, link = last.get(writer, (0, 0))
        if (seq, previous) != (before + 1, link):
            return f"in the copy seq {seq} of {writer} does not follow {before}"
        last[writer] = seq, crc
    return ""


def _backup(history: History, snapshot: str) -> Op | None:
    told = (op for op in history.of("backup") if op.value["snapshot"] == snapshot)
    return next((op for op in told if op.outcome is Outcome.OK), None)


def _whole(receipt: Op) -> Iterator[Finding]:
    proof = receipt.value["proof"]
    copy, backup = proof["copy"], proof["backup"]
    wanted, there = ((one["files"], one["bytes"]) for one in (backup, copy))
    if not copy["served"]:
        reason = f"snapshot {backup['snapshot']} did not come to a new claim: {copy['why']}"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    elif wanted != there or not all(there):
        reason = f"the copy holds {there[0]} files of {there[1]} bytes, its record says "
        yield Finding(Standing.BROKEN, f"{reason}{wanted[0]} of {wanted[1]}", (receipt,))
    elif strange := _strange(proof):
        reason = f"the copy holds {strange[0]} at its top, which the member's volume has not"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    else:
        yield _as_planted(receipt)
        yield from _summed_up(receipt)


def _moved(receipt: Op) -> int:
    bank = receipt.value["proof"].get("bank") or {}
    return int(bank["after"]["transfers"] - bank["before"]["transfers"]) if bank else 0


def _summed_up(receipt: Op) -> Iterator[Finding]:
    """Judge the copy's bank; a member whose own commands hold it still has none."""
    bank: Mapping[str, Any] = receipt.value["proof"].get("bank") or {}
    if not bank:
        return
    balances, total = bank["copy"].get("balances", {}), bank["before"]["total"]
    # numpy comes with it, and no other check waits for that.
    judges = importlib.import_module("seatrial.checks.consistency.bank")
    known = judges.Bank(total, frozenset(bank["before"]["balances"]), transfers=0)
    read = Op("copy", "read", Outcome.OK, 0.0, 0.0, {"balances": balances})
    found = judges.judge_bank([read], known)
    if found.standing is not Standing.HOLDS:
        reason = f"the copy's bank is torn: {found.reason}"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    elif not _moved(receipt):
        reason = "no money of the bank moved while it was backed up"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))


def _as_planted(receipt: Op) -> Finding:
    """Compare what was planted before the backup with what the copy has of it."""
    proof = receipt.value["proof"]
    was: Mapping[str, Any] = proof.get("planted") or {}
    there: Mapping[str, Any] = proof["copy"].get("manifest") or {}
    if not was:
        return Finding(Standing.UNKNOWN, "no files of ours could be planted", (receipt,))
    if was == proof.get("poisoned"):
        reason = "what was planted was not changed before the restore"
        return Finding(Standing.UNKNOWN, reason, (receipt,))
    for name in sorted({*was, *there}):
        if name not in was or name not in there:
            reason = "has" if name in there else "lacks"
            reason = f"the copy {reason} {name}, planted {'after' if name in there else 'before'}"
            return Finding(Standing.BROKEN, f"{reason} the backup", (receipt,))
        if [*was[name]] != [*there[name]]:
            reason = f"the copy has {name} as {there[name]}, it was planted as {was[name]}"
            return Finding(Standing.BROKEN, reason, (receipt,))
    return Finding(Standing.HOLDS, ops=(receipt,))


def _strange(proof: Mapping[str, Any]) -> list[str]:
    """Name what lies at the top of the copy and not of its source, where that could be asked."""
    source = proof["source"]
    return [name for name in proof["copy"]["names"] if source and name not in source]


def _secret(receipt: Op) -> Iterator[Finding]:
    proof = receipt.value["proof"]
    searched, wrong = proof["repository"], proof["wrong"]
    if searched["found"]:
        reason = f"{searched['found'][0]} of the repository holds a record, readable without a key"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    elif searched["why"] or not searched["blobs"]:
        reason = f"the repository was not searched: {searched['why'] or 'it gave nothing'}"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
    if wrong["served"] or wrong["phase"] == "Restored":
        yield Finding(Standing.BROKEN, "another key restored the snapshot", (receipt,))
    elif wrong["phase"] not in {"Failed", "Refused"}:
        reason = f"of another key nothing was said: the request is {wrong['phase'] or 'not begun'}"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
    elif not wrong["message"]:
        yield Finding(Standing.BROKEN, "another key failed, and nobody says why", (receipt,))
    else:
        yield Finding(Standing.HOLDS, ops=(receipt,))


def _done_once(history: History, receipt: Op) -> Iterator[Finding]:
    asked = receipt.value["proof"]["requests"]
    done = sorted({*asked["restored"], *_restored(history, asked["made"])})
    if len(done) > 1:
        reason = f"{len(done)} of {len(asked['made'])} requests for one claim were done: "
        yield Finding(Standing.BROKEN, f"{reason}{', '.join(done[:3])}", (receipt,))
    elif asked["left"]:
        reason = f"{len(asked['left'])} requests are left, {asked['left'][0]} for one"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    elif not receipt.value["proof"]["copy"]["served"] or not asked["agent"]:
        reason = "no restore came to its end" if asked["agent"] else "no agent was ended at it"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
    else:
        yield Finding(Standing.HOLDS, ops=(receipt,))


def _restored(history: History, names: Sequence[str]) -> Iterator[str]:
    """Give the requests that the watch saw done: it sees what is over before anybody asks."""
    for op in history.of("custom"):
        status = op.value.get("status") or {}
        if op.value.get("name") in names and status.get("phase") == "Restored":
            yield str(op.value["name"])
