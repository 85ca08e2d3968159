"""Looks from outside the pod network while a trial lives, where its profile declares an outside.

May import: everything below run.
"""

from __future__ import annotations

from collections.abc import Callable

from seatrial.checks.statistics.visits import visits_needed
from seatrial.errors import NotHealed, SeatrialError
from seatrial.kube.pods import serving
from seatrial.live import Live
from seatrial.load.driving import servers, set_apart
from seatrial.load.outsider import NAME, Outsider, documents
from seatrial.load.pod import placement
from seatrial.outside import Outside
from seatrial.timing import limit

WITHIN = 8.0
"""Seconds in which nodes and names follow members, when the profile has no bound `within`."""
_BEYOND = 1.0
"""Seconds that a look lasts beyond the longest bound: whoever is late is seen to be."""
Look = Callable[[str], None]


def looker(live: Live) -> Look:
    """Give what looks from outside, each time under a name; nobody does without an outside.

    Who cannot stand there is told and costs no more than what rests on it.
    """
    declared = live.job.profile.outside
    if not declared:
        return nobody
    try:
        return _stood(live, declared).look
    except NotHealed:
        raise
    except SeatrialError as error:
        note = " | ".join(str(error).splitlines())
        live.note("outside", "look", {"look": -1, "when": "start", "note": note})
        live.job.progress.note(f"nobody outside: {note}")
        return nobody


def nobody(when: str) -> None:
    """See nothing."""
    del when


def _stood(live: Live, declared: Outside) -> Outsider:
    kube, stream, home = live.alive.kube, live.alive.stream, live.alive.namespace
    image = str(live.job.ground.cluster.facts["ground_image"])
    with live.job.progress.step("somebody stands outside", 3):
        where = placement(apart=set_apart(stream))
        kube.apply(documents(image, where), home)
        pod = serving(kube, stream, home, NAME, limit("driver is ready"))
    profile = live.job.profile
    bounds = (b.get("within", WITHIN) for g, b in profile.bounds.items() if g.startswith("network"))
    times = visits_needed(profile.replicas)
    patience = max([WITHIN, *bounds]) + _BEYOND
    recorder, asked = live.recorder, servers(kube)
    return Outsider(kube, stream, profile, declared, recorder, pod, asked, times, patience)
