"""The ordering family: members come and go one at a time, in the order of their ordinals.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.checks.drifts import began, no_receipt, receipts
from seatrial.checks.intervals import Tenure, ordinals
from seatrial.checks.sight import gaps, torn
from seatrial.checks.turns import Span, bound, version
from seatrial.model import History, Json, Op, Standing, Verdict

_DOWN = "ordering.scale-down"


@dataclass(frozen=True)
class Departure:
    """One member that went: `leaving` shows its deletionTimestamp, `gone` its end, if seen."""

    tenure: Tenure
    leaving: Op
    gone: Op | None

    @property
    def ordinal(self) -> int:
        """Its ordinal."""
        return self.tenure.ordinal


@dataclass(frozen=True)
class Offence:
    """A member was told to go while one of a higher ordinal was still there."""

    departure: Departure
    higher: Tenure

    @property
    def sentence(self) -> str:
        """What was wrong."""
        mark = self.higher.leaving
        going = mark is not None and mark.value["rv"] < self.departure.leaving.value["rv"]
        how = "was not wholly gone" if going else "had not even been told to go"
        return f"{self.departure.tenure.pod} was told to go while {self.higher.pod} {how}"

    @property
    def ops(self) -> tuple[Op, ...]:
        """The two Ops that show it."""
        return self.departure.leaving, self.higher.ops[-1]


def scale_down(history: History) -> Verdict:
    """Judge ordering.scale-down: highest ordinal first, one at a time, each wholly gone first.

    By resourceVersion: when a pod gets its deletionTimestamp, no pod of a higher ordinal may
    exist. A profile that claims parallel (a bound of 1) wants the contrary: all are told to go
    before any of them is gone (podManagementPolicy Parallel). Broken by the first that does
    otherwise. Unknown without receipt, with a gap in the watch of pods over that time, or when
    fewer than two pods went. Figures: scale_downs, pods, seconds (of each, from its
    deletionTimestamp to its end, in the order they went), overlaps.
    Source: kubernetes.io, StatefulSets, "Deployment and Scaling Guarantees".
    """
    downs = receipts(history, "scale-down")
    tenures = [t for held in ordinals(history).values() for t in held] if downs else []
    went = {op.index: _departures(history, op, tenures) for op in downs}
    together = bool(bound(history, _DOWN, "parallel"))
    offences: list[Offence | Wait] = []
    for gone in went.values():
        offences += _waits(gone) if together else _offences(gone, tenures)
    everybody = [departure for gone in went.values() for departure in gone]
    figures = {"scale_downs": len(downs), **_figures(everybody, offences)}
    proven = [found for found in offences if found.higher.end or not _told_gone(downs, found)]
    if proven:
        ops = tuple(op.index for op in proven[0].ops)
        return Verdict(_DOWN, Standing.BROKEN, proven[0].sentence, ops, figures)
    evidence = tuple(op.index for op in _shown(downs, went))
    if reason := _unshown(history, downs, went):
        return Verdict(_DOWN, Standing.UNKNOWN, reason, evidence, figures)
    how = "highest first, each wholly gone before the next"
    how = "all told to before one of them was gone" if together else how
    reason = f"{figures['pods']} pods went, {how}"
    return Verdict(_DOWN, Standing.HOLDS, reason, evidence, figures)


@dataclass(frozen=True)
class Wait:
    """A member was told to go only once another one was gone, though all were to go at once."""

    departure: Departure
    higher: Tenure
    gone: Op

    @property
    def sentence(self) -> str:
        """What was wrong."""
        pod = self.departure.tenure.pod
        return f"{pod} was told to go only once {self.higher.pod} was gone, Parallel is claimed"

    @property
    def ops(self) -> tuple[Op, ...]:
        """The two Ops that show it."""
        return self.gone, self.departure.leaving


def _departures(history: History, receipt: Op, tenures: Sequence[Tenure]) -> list[Departure]:
    """Give who went, in order: the pods of the receipt, and any other told to go meanwhile."""
    meanwhile = Span(began(history, receipt), receipt)
    named = {pod["uid"] for pod in receipt.value["proof"]["pods"]}
    found = [
        Departure(tenure, op, tenure.end)
        for tenure in tenures
        if (op := tenure.leaving) and (tenure.uid in named or meanwhile.has(op))
    ]
    return sorted(found, key=lambda departure: int(departure.leaving.value["rv"]))


def _offences(gone: Sequence[Departure], tenures: Sequence[Tenure]) -> Iterator[Offence]:
    for departure in gone:
        moment = departure.leaving.value["rv"]
        for tenure in tenures:
            there = tenure.since.rv < moment and (tenure.until is None or tenure.until.rv > moment)
            if there and tenure.ordinal > departure.ordinal:
                yield Offence(departure, tenure)
                break


def _waits(gone: Sequence[Departure]) -> Iterator[Wait]:
    ends = [(departure.gone, departure) for departure in gone if departure.gone]
    if not ends:
        return
    end, first = min(ends, key=lambda pair: version(pair[0]))
    for departure in gone:
        if version(departure.leaving) > version(end):
            yield Wait(departure, first.tenure, end)


def _told_gone(downs: Sequence[Op], found: Offence | Wait) -> bool:
    """Tell whether the receipt says that it ended, though no Op shows when."""
    return any(found.higher.uid == pod["uid"] for op in downs for pod in op.value["proof"]["pods"])


def _unshown(history: History, downs: Sequence[Op], went: Mapping[int, Sequence[Departure]]) -> str:
    if absent := no_receipt(history, "scale-down"):
        return absent
    if not downs:
        return "no scale-down was caused, so nothing was shown"
    return next(filter(None, (_unseen(history, op, went[op.index]) for op in downs)), "")


def _unseen(history: History, receipt: Op, gone: Sequence[Departure]) -> str:
    if blind := _blind(history, receipt):
        return f"the watch of pods has a gap over the scale-down: {blind.value['reason']}"
    if lost := sorted(_named(receipt) - {departure.ordinal for departure in gone}):
        return f"the end of ordinal {lost[0]} was not seen"
    if unfinished := [departure for departure in gone if departure.gone is None]:
        return f"{unfinished[0].tenure.pod} was not seen to be wholly gone"
    if len(gone) < 2:  # noqa: PLR2004 - it takes two to have an order
        return f"no order was shown: pods that went: {len(gone)}"
    return ""


def _named(receipt: Op) -> set[int]:
    return {pod["ordinal"] for pod in receipt.value["proof"]["pods"]}


def _blind(history: History, receipt: Op) -> Op | None:
    start = began(history, receipt)
    return next(
        (
            gap
            for gap in gaps(history, "pod")
            if gap.invoked <= receipt.completed and (torn(gap) or gap.completed >= start.invoked)
        ),
        None,
    )


def _figures(gone: Sequence[Departure], offences: Sequence[object]) -> dict[str, Json]:
    seconds = [round(d.gone.completed - d.leaving.completed, 3) for d in gone if d.gone]
    return {"pods": len(gone), "seconds": seconds, "overlaps": len(offences)}


def _shown(downs: Sequence[Op], went: Mapping[int, Sequence[Departure]]) -> list[Op]:
    pods = [op for gone in went.values() for d in gone for op in (d.leaving, d.gone) if op]
    return list({op.index: op for op in (*downs, *pods)}.values())
