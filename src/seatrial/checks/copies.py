"""topology.redundancy: after losing a member each record has as many copies as are claimed.

May import: model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from seatrial.checks.drifts import receipts, unshown
from seatrial.checks.felt import acknowledged, back, in_time
from seatrial.checks.findings import Finding, settled
from seatrial.checks.ledger import Held, Sent, attempts, final_reads
from seatrial.checks.replicas import replicated
from seatrial.checks.sight import driver_lost
from seatrial.checks.turns import bound
from seatrial.model import History, Json, Outcome, Standing, Verdict

_REDUNDANCY = "topology.redundancy"
_FAULT = "node-kill"
_WITHIN = 120.0
"""Seconds, when the profile has no bound `within`."""
Record = tuple[str, int, int]


def redundancy(history: History) -> Verdict:
    """Judge topology.redundancy: the lost member acknowledges again, and holds all that others do.

    Broken by a record that was acknowledged before the last reading of members began and that
    fewer of them hold than the bound `copies` (all, if none is given), and by a member that
    acknowledges nothing for the bound `within` (seconds, 120 if none is given) after its node
    ended. Unknown without a receipt, a whole reading of every member, writes on both sides, or
    Ops of the driver. Figures: records, copies (the fewest of any), short (records with fewer
    than claimed), seconds (at most until the lost member acknowledged again).
    Source: etcd documentation, "Failure modes", "Minor followers failure".
    """
    within = bound(history, _REDUNDANCY, "within", _WITHIN)
    claimed = int(bound(history, _REDUNDANCY, "copies", len(history.members)))
    lost, found, took = receipts(history, _FAULT), list[Finding](), [0.0]
    for receipt in lost:
        member = receipt.value["ordinal"]
        felt = back(history, receipt, acknowledged(history, member))
        name = f"member {member}, whose node ended,"
        found.append(in_time(felt, name, within, (receipt,)))
        took += [felt.most] if felt and felt.op else []
    reads = {read.member: read for read in final_reads(history)}
    records = _records(history, reads)
    counts = _copies(records, reads)
    figures: dict[str, Json] = {
        "records": len(records),
        "copies": min((counts[known] for known in records), default=0),
        "short": sum(counts[known] < claimed for known in records),
        "seconds": round(max(took), 3),
    }
    found += [*_short(history, records, counts, claimed), *_unread(history, reads)]
    praise = (
        f"the member whose node ended acknowledged again at most {figures['seconds']} s later, and "
        f"each of {len(records)} records has {figures['copies']} copies, {claimed} are claimed"
    )
    absent = unshown(history, _FAULT, "no node of a member was ended") or driver_lost(history)
    if not replicated(history):
        absent = absent or "the profile claims no copies (`replicated`)"
    return settled(_REDUNDANCY, [] if absent else found, praise, figures, absent=absent)


def _records(history: History, reads: Mapping[int, Held]) -> Mapping[Record, Sent]:
    """Give what was acknowledged before the first of the last readings began."""
    began = min((read.began for read in reads.values()), default=0.0)
    sent = (one for one in attempts(history) if one.outcome is Outcome.OK)
    return {(one.writer, one.seq, one.crc): one for one in sent if one.completed < began}


def _copies(records: Mapping[Record, Sent], reads: Mapping[int, Held]) -> Counter[Record]:
    found = Counter[Record]()
    for read in reads.values():
        found.update({(w, seq, crc) for w, seq, crc, _ in read.records} & records.keys())
    return found


def _short(
    history: History, records: Mapping[Record, Sent], counts: Counter[Record], claimed: int
) -> Iterator[Finding]:
    short = [known for known in records if counts[known] < claimed]
    reads = final_reads(history)
    if short and all(read.whole for read in reads) and len(reads) >= claimed:
        worst = min(short, key=lambda known: counts[known])
        said = (
            f"{len(short)} of {len(records)} records have fewer copies than the {claimed} claimed: "
            f"seq {worst[1]} of {worst[0]} has {counts[worst]}"
        )
        places = {records[worst].op, *(read.op for read in reads)}
        yield Finding(Standing.BROKEN, said, tuple(o for o in history.ops if o.index in places))


def _unread(history: History, reads: Mapping[int, Held]) -> Iterator[Finding]:
    for member in history.members:
        if member not in reads or not reads[member].whole:
            yield Finding(Standing.UNKNOWN, f"member {member} was not read to its end")
