"""The rows about verdicts that rest on chance: samples beside the fewest, and how often wrong.

`bench states` prints all. The fewest are computed: bench/least.py says how. Chances are exact
bounds; draws at the edges stand beside them. None of them needs a cluster.
May import: everything a doorway may; what loads numpy only when it measures.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from typing import Any

from seatrial import checks, profiles
from seatrial.bench.row import Bench, Measured, Sizes
from seatrial.checks.statistics.runs import run_plan
from seatrial.checks.statistics.spread import ALPHA, clients_needed, judge_let_go, judge_sticky
from seatrial.checks.statistics.times import times_needed
from seatrial.checks.statistics.visits import missed, visits_needed
from seatrial.connections import Connections
from seatrial.errors import CannotRun
from seatrial.model import Standing
from seatrial.progress import Progress

_BAR = 1.3
_CALLS = (60, 300, 600, 2000)
"""Calls at which the chances of a wrong verdict on spread are worked out."""
_RATE, _SURE = 0.05, 0.05
"""Of the plan of runs and the quantile of times: the claimed rate, the chance to be wrong."""
_SEED = 9


def rows() -> Iterator[Bench]:
    """Give all of them."""
    yield _fewest(
        "spread",
        "calls by which a way of connecting is shown to spread, over the fewest by which any rule "
        "with a number of calls fixed ahead is as sure, both to hold and not to",
        _spread,
    )
    yield _fewest(
        "spread-seconds", "the same in seconds, at the rate of `grpc-echo`", _seconds, "s", 8
    )
    few = "over the least that one in a million asks for, in parts of one"
    yield _fewest("sticky", f"requests of one client that stays, {few}", _sticky)
    yield _fewest("let-go", f"clients that were all sent to where they had been, {few}", _let_go)
    yield _fewest("visits", f"connections to a node that meet each member, {few}", _visits)
    yield _fewest("runs", "clean runs that show a rate below 5 % at 95 %, the same", _runs)
    yield _fewest("times", "recoveries that bound the 95 % quantile at 95 %, the same", _times)
    for name, what in (("pass", "what is outside holds"), ("alarm", "what is inside is broken")):
        yield Bench(
            f"states-false-{name}",
            f"at the worst edge of a band or claim, the chance that {what}: exact, the largest of "
            "all statistical verdicts",
            "chance",
            _pass if name == "pass" else _alarm,
            bar=ALPHA,
            seconds=3,
        )
        yield Bench(
            f"states-false-{name}-draws",
            f"100,000 draws at each edge in which {what}",
            "draws",
            _drawn_pass if name == "pass" else _drawn_alarm,
            bar=0,
            seconds=5,
        )


def _fewest(name: str, what: str, measure: Any, unit: str = "samples", seconds: int = 1) -> Bench:
    return Bench(f"states-{name}", what, unit, measure, bar=_BAR, seconds=seconds)


def _least() -> Any:
    """Give the module that works the chances out: numpy comes with it."""
    return importlib.import_module("seatrial.bench.least")


def _declared() -> Connections:
    found = profiles.load("grpc-echo", known=checks.CHECKS).connections
    if found is None:
        raise CannotRun("the ways of connecting of grpc-echo", seen="it declares none")
    return found


def _spread(progress: Progress, _: Sizes) -> Measured:
    """Measure at the calls that the profile makes: as sure to say `holds` as we are with them."""
    calls = _declared().calls
    chance = _least().shown(calls)
    progress.note(f"{calls} calls that spread evenly hold with a chance of {chance:.5f}")
    return [float(calls)], [float(_least().fewest(chance))]


def _seconds(progress: Progress, sizes: Sizes) -> Measured:
    ours, peer = _spread(progress, sizes)
    rate = _declared().rate
    return [count / rate for count in ours], [count / rate for count in peer or ()]


def _members() -> int:
    found: int = _least().MEMBERS
    return found


def _sticky(*_: object) -> Measured:
    members, requests = _members(), 1
    while judge_sticky({"one": ["a"] * requests}, members).standing is not Standing.HOLDS:
        requests += 1
    return [float(requests)], [1 + math.log(1 / ALPHA) / math.log(members)]


def _let_go(*_: object) -> Measured:
    members = _members()
    return [float(clients_needed(members))], [math.log(1 / ALPHA) / math.log(members)]


def _visits(*_: object) -> Measured:
    members = _members()
    return [float(visits_needed(members))], [math.log(ALPHA) / math.log1p(-1 / members)]


def _runs(*_: object) -> Measured:
    return [float(run_plan(_RATE, _SURE).runs)], [math.log(_SURE) / math.log1p(-_RATE)]


def _times(*_: object) -> Measured:
    return [float(times_needed(1 - _RATE, _SURE))], [math.log(_SURE) / math.log1p(-_RATE)]


def _pass(*_: object) -> Measured:
    least, members = _least(), _members()
    requests = int(_sticky()[0][0])
    told = judge_sticky({"one": ["a"] * requests}, members).figures["chance"]
    visits = missed(members, visits_needed(members))
    return [max(told, visits, *map(least.passes, _CALLS))], None


def _alarm(*_: object) -> Measured:
    """Give the same for accusations: whoever strays once did, so that sticky accuses nobody."""
    clients = {str(n): "a" for n in range(clients_needed(_members()))}
    told = judge_let_go(clients, clients, _members()).figures["chance"]
    return [max(told, *map(_least().accuses, _CALLS))], None


def _drawn_pass(_: Progress, sizes: Sizes) -> Measured:
    least, members = _least(), _members()
    held, _broke = least.drawn(_declared().calls, sizes.draws, _SEED)
    stayed = least.stayed(int(_sticky()[0][0]), 1, sizes.draws, _SEED)
    missing = least.overlooked(visits_needed(members), sizes.draws, _SEED)
    return [float(held + stayed + missing)], None


def _drawn_alarm(_: Progress, sizes: Sizes) -> Measured:
    least, clients = _least(), clients_needed(_members())
    _held, broke = least.drawn(_declared().calls, sizes.draws, _SEED)
    return [float(broke + least.stayed(2, clients, sizes.draws, _SEED))], None
