"""What there is to tell of a run, in the order in which a reader asks; every format tells this.

The verdict first, then why, what was done, what was not shown, how to repeat it.
May import: model, history, and its neighbours breaks, clients, cost, lanes, metrics, plain,
sampled, saved, stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from seatrial.model import History, Json, Op, Standing, Verdict, overall
from seatrial.report.breaks import Break, breaks, shown
from seatrial.report.clients import Felt, felt, remark
from seatrial.report.cost import cost
from seatrial.report.lanes import Lanes, lanes
from seatrial.report.metrics import Figures, figures, remarks
from seatrial.report.plain import clean, figure, groups, named
from seatrial.report.sampled import Kill, State, kills, runs, states
from seatrial.report.saved import Saved
from seatrial.report.stages import Recovery, recoveries

MOST_CITED = 60
"""How many Ops of one verdict are printed; the rest is counted and stands in history.jsonl."""

SYMBOLS = {Standing.HOLDS: "✓", Standing.BROKEN: "✗", Standing.UNKNOWN: "?", Standing.FIGURE: "="}


@dataclass(frozen=True)
class Judged:
    """One guarantee: the promise in words, what was concluded, and the Ops that show it.

    `figures` have the names that the check gives them, `said` are the same in words. `advice`
    are likely causes; `runs` is in how many runs of the plan it held, with the bound.
    """

    guarantee: str
    standing: Standing
    sentence: str
    reason: str
    figures: tuple[tuple[str, str], ...]
    said: tuple[tuple[str, str], ...]
    evidence: tuple[int, ...]
    uncited: int
    advice: tuple[str, ...] = ()
    runs: str = ""

    @property
    def symbol(self) -> str:
        """A sign that stands beside the word, never alone."""
        return SYMBOLS[self.standing]


@dataclass(frozen=True)
class Done:
    """One thing that was broken; times in seconds of the run, empty when never reached."""

    number: int
    fault: str
    target: str
    start: str
    received: str
    healed: str
    standing: str
    proof: str


@dataclass(frozen=True)
class Cited:
    """One Op as printed beside a verdict."""

    index: int
    seconds: str
    process: str
    what: str
    outcome: str
    value: str


@dataclass(frozen=True)
class Story:
    """Everything that a report says; nothing in it needs the run folder any more.

    `cost`, `recoveries` and `clients` are empty for a run without load or drill, `figures` for one
    without a Prometheus.
    """

    run: str
    profile: str
    seed: str
    timing: str
    started: str
    seconds: float
    standing: Standing
    headline: str
    cost: tuple[str, ...]
    recoveries: tuple[Recovery, ...]
    clients: tuple[Felt, ...]
    figures: tuple[Figures, ...]
    judged: tuple[Judged, ...]
    done: tuple[Done, ...]
    notes: tuple[str, ...]
    command: str
    facts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    cited: tuple[Cited, ...]
    lanes: Lanes
    kills: tuple[Kill, ...] = ()
    states: tuple[State, ...] = ()

    @property
    def symbol(self) -> str:
        """A sign that stands beside the word, never alone."""
        return SYMBOLS[self.standing]


def tell(saved: Saved) -> Story:
    """Put the story of a saved run together."""
    found, plan = breaks(saved.history), saved.plan
    worst_first = sorted(saved.verdicts, key=lambda verdict: list(Standing).index(verdict.verdict))
    judged = tuple(_judged(verdict, saved) for verdict in worst_first)
    clients = felt(saved.history)
    return Story(
        run=clean(saved.name),
        profile=clean(plan.get("profile", "")),
        seed=clean(plan.get("seed", "")),
        timing=clean(plan.get("timing", "")),
        started=clean((plan.get("clock") or {}).get("started", "")),
        seconds=max((op.completed for op in saved.history.ops), default=0.0),
        standing=overall(saved.verdicts),
        headline=_headline(judged, found, judged_at_all=saved.judged),
        cost=cost(saved.verdicts, clients),
        recoveries=recoveries(saved.history),
        clients=clients,
        figures=figures(saved.history),
        judged=judged,
        done=tuple(_done(number, one) for number, one in enumerate(found, 1)),
        notes=tuple(_notes(saved, found)),
        command=clean(plan.get("command", "")),
        facts=groups(saved.cluster),
        cited=tuple(_cited(saved)),
        lanes=lanes(saved.history),
        kills=kills(saved),
        states=states(saved),
    )


def _judged(verdict: Verdict, saved: Saved) -> Judged:
    cited = _cited_by(verdict)
    return Judged(
        guarantee=clean(verdict.guarantee),
        standing=verdict.verdict,
        sentence=_sentence(saved.history.head.get("guarantees"), verdict.guarantee),
        reason=clean(verdict.reason),
        figures=tuple((clean(name), figure(value)) for name, value in verdict.figures.items()),
        said=tuple(named(name, value) for name, value in verdict.figures.items()),
        evidence=cited,
        uncited=len(set(verdict.evidence)) - len(cited),
        advice=tuple(map(clean, verdict.advice)),
        runs=runs(saved, verdict.guarantee),
    )


def _cited_by(verdict: Verdict) -> tuple[int, ...]:
    return tuple(sorted(set(verdict.evidence))[:MOST_CITED])


def _sentence(guarantees: Json, guarantee: str) -> str:
    said = guarantees.get(guarantee, "") if isinstance(guarantees, Mapping) else ""
    return clean(said.get("sentence", "") if isinstance(said, Mapping) else said)


def _headline(judged: Iterable[Judged], found: tuple[Break, ...], *, judged_at_all: bool) -> str:
    rows = list(judged)
    if not rows:
        why = "no guarantee was asked for" if judged_at_all else "it ended before that"
        return f"Nothing was judged: {why}."
    worst = overall([Verdict(row.guarantee, row.standing, "") for row in rows])
    rows = [row for row in rows if row.standing is not Standing.FIGURE]
    if not rows:
        return "Nothing was promised: what was measured is reported below."
    if worst is Standing.HOLDS:
        every = (
            f"All {len(rows)} guarantees hold" if len(rows) > 1 else f"{rows[0].guarantee} holds"
        )
        return f"{every}, with proof that {_counted(shown(found), 'fault')} took effect."
    culprits = [row for row in rows if row.standing is worst]
    others = f" (and {len(culprits) - 1} more {worst})" if len(culprits) > 1 else ""
    return f"{culprits[0].guarantee} is {worst}: {culprits[0].reason}{others}"


def _done(number: int, one: Break) -> Done:
    return Done(
        number=number,
        fault=clean(one.fault),
        target=clean(one.target),
        start=_seconds(one.start),
        received=_seconds(one.received),
        healed=_seconds(one.healed),
        standing=one.standing,
        proof=figure(one.receipt) if one.receipt else "",
    )


def _seconds(when: float | None) -> str:
    return "" if when is None else f"{when:.1f} s"


def _cited(saved: Saved) -> Iterator[Cited]:
    wanted = {index for verdict in saved.verdicts for index in _cited_by(verdict)}
    return (_quoted(op) for op in saved.history.ops if op.index in wanted)


def _quoted(op: Op) -> Cited:
    # Op 0 holds the whole plan, which other parts of the report tell better
    value = "the plan, the profile and the cluster's facts" if op.what == "plan" else op.value
    return Cited(
        index=op.index,
        seconds=_seconds(op.completed),
        process=clean(op.process),
        what=clean(op.what),
        outcome=op.outcome.value,
        value=figure(value),
    )


def _notes(saved: Saved, found: tuple[Break, ...]) -> Iterator[str]:
    yield _broken_note(saved.plan, found)
    yield from _unknown_note(saved.verdicts)
    yield _gap_note(saved.history)
    yield from filter(None, [remark(saved.history)])
    yield from remarks(saved.history)
    if any(verdict.guarantee.startswith("storage.") for verdict in saved.verdicts):
        yield (
            "Deleting a pod or killing a process leaves the machine's page cache in place: "
            "nothing here shows that data would outlive a power cut."
        )
    yield _timing_note(saved.plan.get("timing"), saved.cluster.get("timings"))
    yield (
        "One run is one sample. To bound how often it can fail, repeat it: no failure in n runs "
        "bounds the rate below about 3/n, and certify --claim-rate plans the runs."
    )
    extra = saved.history.head.get("notes")
    yield from (clean(note) for note in (extra if isinstance(extra, list) else ()))


def _broken_note(plan: Mapping[str, Json], found: tuple[Break, ...]) -> str:
    meant = plan.get("faults") or ()
    aimed = sum(one.get("times", 1) for one in meant if one.get("role"))
    planned = max(sum(len(one.get("ordinals", ())) for one in meant) + aimed, len(found))
    if not planned:
        return "Nothing was broken on purpose, so this shows nothing about recovery."
    healed = sum(one.healed is not None for one in found)
    return (
        f"Of {_counted(planned, 'planned fault')}, {shown(found)} took effect as independent "
        f"proof shows, and {healed} healed."
    )


def _unknown_note(verdicts: Iterable[Verdict]) -> Iterator[str]:
    unknown = sum(verdict.verdict is Standing.UNKNOWN for verdict in verdicts)
    if unknown:
        are = "is" if unknown == 1 else "are"
        yield f"{_counted(unknown, 'guarantee')} {are} unknown: not shown, and not passed."


def _gap_note(record: History) -> str:
    if not record.ops:
        return "There is no record of what happened: the run ended before it was closed."
    gaps = len(list(record.of("gap")))
    if not gaps:
        return "No gap was recorded: what was watched was watched from start to end."
    return f"The record has {_counted(gaps, 'gap')}: what happened inside was not seen."


def _timing_note(timing: Json, effective: Json) -> str:
    if not effective:
        return "The cluster's timings in effect could not be read back; its usual ones are assumed."
    if timing == "fast":
        return (
            "The cluster's timings were shortened through published settings; the values in "
            "effect were read back from it and are listed under The ground."
        )
    return "The cluster ran with its usual timings; the values in effect are under The ground."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
