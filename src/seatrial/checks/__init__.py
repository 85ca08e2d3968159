"""Guarantees: pure functions of a History, and the table CHECKS that names them.

No clock, no network, no randomness: yesterday's run can be judged by today's check anywhere.
May import: model, errors.
"""

from __future__ import annotations

import difflib
import fnmatch
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePath

from seatrial.checks.advice import advise
from seatrial.checks.catalogue import GUARANTEES
from seatrial.checks.disturbances import disturbances, weighed
from seatrial.checks.sight import drill_trouble
from seatrial.checks.strangers import Disturbance
from seatrial.errors import BadInput
from seatrial.model import Guarantee, History, Standing, Verdict

CHECKS: Mapping[str, Guarantee] = {guarantee.id: guarantee for guarantee in GUARANTEES}


def chosen(patterns: Iterable[str]) -> tuple[Guarantee, ...]:
    """Give the guarantees that any of the ids or globs name, in the table's order.

    Raises BadInput for a pattern that names none, with the nearest id.
    """
    patterns = tuple(patterns)
    for pattern in patterns:
        if not fnmatch.filter(CHECKS, pattern):
            raise _unknown(pattern)
    return tuple(g for g in GUARANTEES if any(fnmatch.fnmatch(g.id, p) for p in patterns))


def judge(history: History, guarantees: Iterable[Guarantee]) -> tuple[Verdict, ...]:
    """Judge a closed History; a check that fails itself is unknown, with its error as reason.

    What rests on ground that something else disturbed is unknown, for that reason, and so is all
    when a clock went back: nobody knows then what came first.
    """
    if turned := next((op for op in history.ops if op.completed < op.invoked), None):
        said = f"Op {turned.index} of {turned.process} ended at {turned.completed:.6g} s, before it"
        reason = f"{said} began at {turned.invoked:.6g} s: a clock went back"
        return tuple(Verdict(g.id, Standing.UNKNOWN, reason, (turned.index,)) for g in guarantees)
    came = _disturbances(history)
    return tuple(_judged(history, guarantee, came) for guarantee in guarantees)


def _disturbances(history: History) -> Sequence[Disturbance]:
    try:
        return disturbances(history)
    except Exception as error:  # noqa: BLE001 - then nobody knows whether the ground was quiet
        said = f"what disturbed the ground cannot be told: {type(error).__name__}: {error}"
        return [Disturbance(0.0, said, ())]


def _judged(history: History, guarantee: Guarantee, came: Sequence[Disturbance]) -> Verdict:
    try:
        found = weighed(history, guarantee.check, guarantee.check(history), came)
        found = _drilled(history, found)
    except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
        reason = f"the check itself failed: {type(error).__name__}: {error}"
        figures = {"traceback": _traceback(error)}
        return Verdict(guarantee.id, Standing.UNKNOWN, reason, figures=figures)
    with suppress(Exception):  # what is broken is broken, whether or not a cause is found
        return replace(found, advice=advise(history, found))
    return found


def _traceback(error: Exception) -> list[str]:
    """Say where a check failed, innermost last, in files by their names alone."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{PurePath(f.filename).name}:{f.lineno} in {f.name}: {f.line}" for f in frames]


def _drilled(history: History, found: Verdict) -> Verdict:
    """Let nothing hold that a drill shows which did not go as its experiment wants."""
    trouble = drill_trouble(history) if found.verdict is Standing.HOLDS else ""
    if not trouble:
        return found
    return replace(found, verdict=Standing.UNKNOWN, reason=f"in the drill {trouble}")


def _unknown(pattern: str) -> BadInput:
    near = difflib.get_close_matches(pattern, CHECKS, 1, 0.4)
    return BadInput(
        f"a guarantee named {pattern}",
        seen=f"the table has {', '.join(CHECKS)}",
        remedy=f"did you mean {near[0]}?" if near else "`seatrial list guarantees`",
    )
