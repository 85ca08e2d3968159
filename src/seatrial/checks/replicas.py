"""The ledger judge for workloads whose members all hold the same: each answers for every write.

That is what a profile claims by `replicated`: a write that one member acknowledged must be at
every member in the end, and a member that lacks it has lost it, whoever else has it.
May import: model; checks.ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from seatrial.checks.ledger import Held, LedgerFindings, Loss, Sent, judge_ledger, losses_of
from seatrial.model import History, Outcome

Known = tuple[str, int, int]
"""A record: (writer, seq, crc)."""


def replicated(history: History) -> bool:
    """Whether the profile on trial claims that every member holds every acknowledged write."""
    return bool(history.head.get("profile", {}).get("replicated"))


def judged(history: History, sent: Sequence[Sent], reads: Sequence[Held]) -> LedgerFindings:
    """Judge the attempts of a run against its readings, by what its profile claims."""
    if not replicated(history):
        return judge_ledger(sent, reads)
    return judge_replicas(sent, reads, history.members)


def due(history: History, sent: Sequence[Sent]) -> Sequence[Sent]:
    """Give the attempts as each member has to answer for them: of a replica, all of them."""
    if not replicated(history):
        return sent
    return [one._replace(member=member) for member in history.members for one in sent]


def judge_replicas(
    sent: Sequence[Sent], held: Iterable[Held], members: Iterable[int]
) -> LedgerFindings:
    """Compare all attempts with one reading of every member; figures count writes, not copies.

    `present` are at every member; lost is what any member lacks, altered what any other holds
    otherwise, `unjudged` the rest. What is duplicated, unexpected or out of order is told a member.
    """
    readings = {reading.member: reading for reading in held}
    everybody = sorted({*members, *readings})
    each = [
        judge_ledger(
            [one._replace(member=member) for one in sent],
            [readings[member]] if member in readings else (),
        )
        for member in everybody
    ]
    acked = _acknowledged(sent)
    lost = {_known(one) for found in each for one in found.lost}
    altered = {_known(one) for found in each for one in found.altered} - lost
    copies = [_copies(readings[member]) if member in readings else {} for member in everybody]
    present = sum(
        1
        for known, one in acked.items()
        if known not in lost | altered and all(has.get(known) == one.previous for has in copies)
    )
    unsure = {_known(one) for one in sent if one.outcome is Outcome.INFO} - acked.keys()
    return LedgerFindings(
        attempts=len(sent),
        unknown_answers=sum(1 for one in sent if one.outcome is Outcome.INFO),
        acknowledged=len(acked),
        present=present,
        lost=tuple(acked[known] for known in sorted(lost)),
        losses=_losses(acked, lost),
        altered=tuple(acked[known] for known in sorted(altered)),
        recovered=len({known for has in copies for known in has} & unsure),
        unexpected=tuple(one for found in each for one in found.unexpected),
        duplicated=tuple(one for found in each for one in found.duplicated),
        out_of_order=sum(found.out_of_order for found in each),
        unjudged=len(acked) - present - len(lost) - len(altered),
        unread=tuple(sorted({member for found in each for member in found.unread})),
        corrupt=tuple(said for found in each for said in found.corrupt),
    )


def _known(one: Sent) -> Known:
    return one.writer, one.seq, one.crc


def _acknowledged(sent: Iterable[Sent]) -> Mapping[Known, Sent]:
    """Give what was acknowledged, each as of its first acknowledgement."""
    found: dict[Known, Sent] = {}
    for one in sent:
        if one.outcome is Outcome.OK:
            known = found.setdefault(_known(one), one)
            if one.completed < known.completed:
                found[_known(one)] = one
    return found


def _copies(reading: Held) -> Mapping[Known, int]:
    """Give by record what a member says came before it."""
    return {(writer, seq, crc): previous for writer, seq, crc, previous in reading.records}


def _losses(acked: Mapping[Known, Sent], lost: set[Known]) -> tuple[Loss, ...]:
    found: list[Loss] = []
    for writer in sorted({writer for writer, _, _ in lost}):
        mine = [one for one in acked.values() if one.writer == writer]
        found += losses_of(mine, {(seq, crc) for name, seq, crc in lost if name == writer})
    return tuple(found)
