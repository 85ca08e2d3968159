"""What a trial does with a workload that lives: faults in their turn, beside those that wait.

May import: everything below run.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.arming import armed
from seatrial.callers import call, call_meanwhile, count
from seatrial.heard import unheard
from seatrial.leaders import met
from seatrial.live import Live
from seatrial.looks import Look, looker, nobody
from seatrial.model import PlannedFault
from seatrial.plan import (
    ASKED_MEANWHILE,
    MODELS_MEANWHILE,
    OF_NO_MEMBER,
    OF_THE_SET,
    UNDER_LOAD,
)
from seatrial.triggers import victims, waits
from seatrial.visitors import visit, visit_again

_MEANWHILE = 6
"""Reads and changes of each model while a fault stays in place: who is hit answers nothing."""


def exercised(live: Live) -> None:
    """Look, break everything that is planned, and look once more.

    Where nobody answers those for whom it would be broken, it is left whole.
    """
    look = looker(live)
    live.phase("before")
    live.ask(live.everybody)
    with live.as_far_as_it_goes():
        live.load(live.everybody)
        call(live)
    with live.as_far_as_it_goes():
        visit(live)
    look("before")
    if why := unheard(live):
        live.job.progress.note(f"nothing is broken, as it would show nothing: {why}")
        live.note("run", "spared", {"reason": why})
    else:
        _break_under(live, look)
    live.finale()
    count(live)
    look("final")


def _break_under(live: Live, look: Look) -> None:
    live.phase("fault")
    with live.as_far_as_it_goes():
        _break_all(live, look)
    with live.as_far_as_it_goes():
        visit_again(live)


def _break_all(live: Live, look: Look = nobody) -> None:
    planned = live.job.plan.faults
    with armed(live, [fault for fault in planned if waits(fault)]):
        _break_in_turn(live, [fault for fault in planned if not waits(fault)], look)


def _break_in_turn(live: Live, faults: Sequence[PlannedFault], look: Look) -> None:
    for fault in faults:
        for victim in victims(fault):
            _break(live, fault.fault, _met(live, victim), look)


def _break(live: Live, fault: str, ordinal: int, look: Look) -> None:
    with live.job.progress.step(f"{fault} of {live.alive.name(ordinal)}", 4):
        if fault in UNDER_LOAD:
            with live.as_far_as_it_goes():
                live.load((ordinal,))
        with live.broken(fault, ordinal) as receipt:
            hit = sorted(pod["ordinal"] for pod in receipt.get("pods", ()))
            _meanwhile(live, fault, ordinal, [pod["ordinal"] for pod in receipt.get("new", ())])
        live.alive.until_ready()
        look(f"after {fault}")
    if fault not in OF_NO_MEMBER:
        live.ask(live.everybody if fault in OF_THE_SET else hit or (ordinal,))


def _meanwhile(live: Live, fault: str, ordinal: int, new: Sequence[int]) -> None:
    """Ask and use members, `new` ones among them, while a fault is in place."""
    if fault in ASKED_MEANWHILE:
        live.ask([*live.everybody, *new] if fault in OF_THE_SET else (ordinal,))
    if fault in MODELS_MEANWHILE:
        with live.as_far_as_it_goes():
            live.driver.until_models(_MEANWHILE)
    call_meanwhile(live, fault, ordinal)


def _met(live: Live, victim: int | str) -> int:
    """Ask who has a role only once all acknowledge: while they elect, nobody has it."""
    if isinstance(victim, str):
        with live.as_far_as_it_goes():
            live.load(live.everybody)
    return met(live, victim)
