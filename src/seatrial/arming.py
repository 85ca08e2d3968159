"""Faults that wait for their trigger, each beside all else that a trial does meanwhile.

What is waited for is seen on the watch, or told by the driver; a trigger that never comes is an
Op, and its fault has no receipt: what needs it is unknown.
May import: everything below run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from seatrial import triggers
from seatrial.errors import CannotRun, SeatrialError
from seatrial.kube.objects import Pod
from seatrial.kube.watch import Stream
from seatrial.leaders import met
from seatrial.live import Live
from seatrial.model import Op, Outcome, PlannedFault
from seatrial.plan import OF_NO_MEMBER
from seatrial.timing import Limit, happens, limit, wait
from seatrial.triggers import Trigger

_COMES = "a trigger comes"


@contextmanager
def armed(live: Live, faults: Sequence[PlannedFault]) -> Iterator[None]:
    """Have each of these faults wait for its trigger beside the body, and leave when all are over.

    A body that fails calls off those that wait still; what is broken is healed first. Raises what
    the first fault that failed raised.
    """
    off = threading.Event()
    with ThreadPoolExecutor(max(1, len(faults)), "fault") as pool:
        waiting = [pool.submit(_fire, live, fault, off) for fault in faults]
        try:
            yield
            for one in waiting:
                one.result()
        except BaseException:
            off.set()
            with live.alive.stream.changed:
                live.alive.stream.changed.notify_all()
            raise


def _fire(live: Live, fault: PlannedFault, off: threading.Event) -> None:
    trigger = triggers.read(fault.trigger)
    for victim in triggers.victims(fault):
        _until(live, fault.fault, trigger, off)
        ordinal = met(live, victim)
        with live.broken(fault.fault, ordinal):
            pass
        live.alive.until_ready()
        if fault.fault not in OF_NO_MEMBER:
            live.ask((ordinal,))


def _until(live: Live, fault: str, trigger: Trigger, off: threading.Event) -> None:
    """Wait for a trigger; writes an Op that says whether it came."""
    value = {"fault": fault, "trigger": trigger.word, "note": ""}
    began = live.recorder.now()
    try:
        _wait(live, trigger, off)
        if off.is_set():
            raise CannotRun(f"{fault} at {trigger.word}", seen="the trial ended before")
    except SeatrialError as error:
        value["note"] = error.seen or error.wanted
        _tell(live, began, value, Outcome.INFO)
        raise
    _tell(live, began, value, Outcome.OK)


def _wait(live: Live, trigger: Trigger, off: threading.Event) -> None:
    stream = live.alive.stream
    if trigger.seconds:
        within = Limit("the time of a trigger", trigger.seconds)
        happens(stream, lambda _: None if off.is_set() else "it is early", within)
    elif trigger.writes:
        live.driver.until_load(trigger.writes, live.everybody, limit(_COMES))
    elif trigger.what:
        seen = _seen(live, trigger)
        wait(stream, lambda s: None if off.is_set() else seen(s), limit(_COMES))


def _seen(live: Live, trigger: Trigger) -> Callable[[Stream], str | None]:
    if trigger.ordinal < 0:
        known = live.job.profile.watch
        resource = next(name for name in known if name.split(".")[0] == trigger.what)
        return partial(unphased, trigger, resource)
    return partial(missing, trigger, _names(live, trigger))


def unphased(trigger: Trigger, resource: str, stream: Stream) -> str | None:
    """Say why no object of a custom resource is in the phase that is waited for; None if one is."""
    phases = {
        name: str((found.status or {}).get("phase", "")) or "(none)"
        for name, found in stream.items(resource).items()
    }
    if trigger.state in phases.values():
        return None
    told = "; ".join(f"{name} is {phase}" for name, phase in phases.items()) or "there are none"
    return f"of {resource}: {told}"


def missing(trigger: Trigger, names: Sequence[str], stream: Stream) -> str | None:
    """Say why no object of these names is in the state that is waited for; None when one is."""
    kind = {"pod": "pods", "claim": "persistentvolumeclaims"}[trigger.what]
    there = stream.items(kind)
    now = {name: states(there.get(name)) for name in names}
    if any(trigger.state in said for said in now.values()):
        return None
    return "; ".join(f"{trigger.what} {name} is {', '.join(said)}" for name, said in now.items())


def states(found: object) -> tuple[str, ...]:
    """Give all that can be said of a pod or a claim, by the words of a trigger."""
    if found is None:
        return ("Gone",)
    told: tuple[str, ...] = (str(getattr(getattr(found, "status", None), "phase", "Unknown")),)
    if isinstance(found, Pod):
        told += ("Ready",) if found.ready else ("NotReady",)
    going = getattr(getattr(found, "metadata", None), "deletion_timestamp", None)
    return (*told, "Terminating") if going else told


def _names(live: Live, trigger: Trigger) -> tuple[str, ...]:
    pod = live.scene.name(trigger.ordinal)
    templates = live.job.profile.claim_templates
    return (pod,) if trigger.what == "pod" else tuple(f"{name}-{pod}" for name in templates)


def _tell(live: Live, began: float, value: dict[str, str], outcome: Outcome) -> None:
    now = live.recorder.now()
    live.recorder.write(Op("run", "trigger", outcome, began, now, value))
