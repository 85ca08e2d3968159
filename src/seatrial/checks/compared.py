"""A faulted run beside two clean ones: what the cluster did otherwise, whether or not anyone asked.

Objects that were made or deleted more or less often, and what is left in the end, compared with
two runs of the same plan without faults; what differs between those two is noise, and masked.
Order is noise, too, and is not compared.
Source: Sun et al., "Automatic Reliability Testing for Cluster Management Controllers" (Sieve,
OSDI 2022), its oracles of end states and of summaries.
May import: model; checks.judgement.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.checks.judgement import Anomaly, Gap, Judgement, judged
from seatrial.model import Json, Op, Outcome

Place = tuple[str, str]
"""A kind of object (the `what` of its Ops) and the pattern of its name."""

NOISE = frozenset({"event", "lease"})
"""Kinds that say how often somebody spoke, and not what is."""
ALWAYS = frozenset(
    {
        "addresses",
        "claim",
        "claim_uid",
        "containers",
        "due",
        "event",
        "generation",
        "ip",
        "name",
        "namespace",
        "node",
        "owner",
        "rv",
        "terminated",
        "uid",
        "writers",
    }
)
"""Facts that no two runs share but by chance, or that say again which object it is.

The first part of a path in an Op's value, and keys of what stands in its lists.
"""
_RANDOM = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<=-)[bcdfghjklmnpqrstvwxz2456789]{5,10}(?=$|-)"
)
"""A uid, or what Kubernetes appends to a generated name (apimachinery, `rand.String`)."""
_CLEAN = 2
_VERBS = ("made", "deleted")


@dataclass
class _Run:
    """What became of all objects of one run."""

    counts: dict[str, Counter[Place]] = field(
        default_factory=lambda: {verb: Counter() for verb in _VERBS}
    )
    left: dict[tuple[str, str, str], Op] = field(default_factory=dict)
    hits: Counter[Place] = field(default_factory=Counter)
    shown: dict[Place, int] = field(default_factory=dict)
    blind: str = ""


def pattern_of(name: str) -> str:
    """Give a name with a star for each part that is drawn anew in every run."""
    return _RANDOM.sub("*", name)


def compare_runs(
    faulted: Iterable[Op],
    clean: Sequence[Iterable[Op]],
    expected: Mapping[Place, int] | None = None,
) -> Judgement:
    """Compare a faulted run with at least two clean ones of the same plan; linear.

    Each run is all of its Ops; those of objects have `event` (ADDED, MODIFIED, DELETED), `name`
    and their facts in `value`. Broken by objects of one kind and name pattern that were made or
    deleted less often than in the clean runs, or more often (count), by more or fewer of them
    left (left), and by facts of those left that the clean runs do not have (state); never by what
    the clean ones differ in themselves. A pod that a fault's receipt names may be made and deleted
    once more for each; `expected` says the same of other objects, by place. Volumes of claims that
    the run does not tell of are left over from other runs, and are not compared. Unknown with
    fewer than two clean runs, a fault in one of them, a gap in what was watched, or a run without
    objects.
    Figures: places (kinds and patterns compared), masked (counts and facts that are noise),
    anomalies.
    """
    run, others = _taken(faulted), [_taken(ops) for ops in clean]
    gaps = list(_unfit(run, others))
    if gaps:
        return judged((), gaps, "", {"places": 0, "masked": 0})
    allowed = run.hits + Counter(expected or {})
    found: list[Anomaly] = []
    masked = 0
    for verb in _VERBS:
        theirs = [other.counts[verb] for other in others]
        for place in sorted(set(run.counts[verb]).union(*theirs)):
            wanted = {count[place] for count in theirs}
            masked += len(wanted) > 1
            found += _count(run, place, verb, wanted, allowed[place])
    states = [_states(other) for other in others]
    found_now = _states(run)
    for where in sorted(set(found_now).union(*states)):
        values = {_told(state.get(where)) for state in states}
        masked += len(values) > 1
        now = _told(found_now.get(where))
        if len(values) == 1 and now not in values:
            found.append(_otherwise(run, where, now, values.pop()))
    places = len({place for each in (run, *others) for place in each.counts["made"]})
    figures = {"places": places, "masked": masked}
    praise = (
        f"objects of {places} kinds and names came, went and are as in {len(others)} clean runs"
    )
    return judged(found, gaps, praise, figures)


def _unfit(run: _Run, others: Sequence[_Run]) -> Iterator[Gap]:
    if len(others) < _CLEAN:
        yield Gap(f"{len(others)} clean runs do not show what differs by chance")
    for name, each in (("faulted", run), *(("clean", other) for other in others)):
        if each.blind:
            yield Gap(f"of the {name} run {each.blind}")
        if not each.counts["made"]:
            yield Gap(f"the {name} run tells of no object")
        if name == "clean" and each.hits:
            yield Gap("a run that should be clean has a fault's receipt")


def _taken(ops: Iterable[Op]) -> _Run:
    ops, run = tuple(ops), _Run()
    own = {op.value.get("uid") for op in ops if op.what == "claim"}
    for op in ops:
        event, name = op.value.get("event"), op.value.get("name")
        if op.what == "gap":
            run.blind = str(op.value.get("reason") or "something was not seen")
        elif op.what == "fault":
            _hit(run, op)
        elif event not in _EVENTS or not isinstance(name, str) or op.what in NOISE:
            continue
        elif op.what != "volume" or op.value.get("claim") in {"", None, *own}:
            _happened(run, op, str(event), name)
    return run


_EVENTS = ("ADDED", "MODIFIED", "DELETED")


def _hit(run: _Run, op: Op) -> None:
    proof = op.value.get("proof")
    if op.value.get("stage") != "receipt" or op.outcome is not Outcome.OK:
        return
    told = proof if isinstance(proof, Mapping) else {}
    several = told.get("pods")
    pods = [told, *several] if isinstance(several, list | tuple) else [told]
    for one in pods:
        pod = one.get("pod") if isinstance(one, Mapping) else None
        if pod or len(pods) == 1:
            run.hits["pod", pattern_of(str(pod))] += 1


def _happened(run: _Run, op: Op, event: str, name: str) -> None:
    place = op.what, pattern_of(name)
    which = *place, name
    run.shown[place] = op.index
    if event == "DELETED":
        run.counts["deleted"][place] += 1
        run.left.pop(which, None)
        return
    run.counts["made"][place] += event == "ADDED"
    run.left[which] = op


def _count(run: _Run, place: Place, verb: str, wanted: set[int], allowed: int) -> Iterator[Anomaly]:
    got = run.counts[verb][place]
    least, most = min(wanted), max(wanted) + allowed
    if len(wanted) > 1 or least <= got <= most:
        return
    kind, name = place
    more = f", and up to {allowed} more by the fault" if allowed else ""
    reason = f"{kind} {name} was {verb} {got} times, without faults {least} times{more}"
    yield Anomaly("count", reason, (run.shown[place],) if place in run.shown else ())


def _states(run: _Run) -> dict[tuple[Place, str], Counter[str]]:
    """Give, by place and path of a fact, the values of all objects that are left."""
    found: dict[tuple[Place, str], Counter[str]] = {}
    for (kind, pattern, _), op in run.left.items():
        place = kind, pattern
        found.setdefault((place, ""), Counter())["is there"] += 1
        for path, value in _flat(op.value, ""):
            if path.partition(".")[0] not in ALWAYS:
                found.setdefault((place, path), Counter())[value] += 1
    return found


def _flat(value: Json, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, pattern_of(_text(_settled(value)))


def _settled(value: Json) -> Json:
    """Leave out of what stands in lists what no two runs share, and the order."""
    if not isinstance(value, list | tuple):
        return value
    found = [
        {key: one[key] for key in one if key not in ALWAYS} if isinstance(one, Mapping) else one
        for one in value
    ]
    return sorted(found, key=_text)


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _told(values: Counter[str] | None) -> str:
    return ", ".join(f"{count} x {value}" for value, count in sorted((values or {}).items()))


def _otherwise(run: _Run, where: tuple[Place, str], now: str, before: str) -> Anomaly:
    place, path = where
    kind, name = place
    what = f"{path} of {kind} {name}" if path else f"{kind} {name}"
    reason = f"in the end {what} is {now or 'not there'}, without faults {before or 'not there'}"
    shown = (run.shown[place],) if place in run.shown else ()
    return Anomaly("state" if path else "left", reason, shown)
