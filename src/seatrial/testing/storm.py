"""Many transitions at a high rate from a fake server that keeps going wrong; all from one seed.

May import: testing.state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from seatrial.testing.state import FakeApi

NAMESPACE = "storm"
"""Where it happens."""


def _often() -> dict[str, float]:
    return {"close": 0.001, "cut": 0.001, "repeat": 0.002, "gone": 0.0005}


@dataclass(frozen=True)
class Weather:
    """What goes wrong: chances a transition, by the name of a mishap (FakeApi.mishap).

    `lapses` is the chance that a connection breaks and what happens meanwhile is compacted away;
    `kills` is how often the server dies. After `breath` transitions, and before each lapse, the
    watcher may catch up: what is compacted away is what nobody could have seen.
    """

    mishaps: Mapping[str, float] = field(default_factory=_often)
    lapses: float = 0.0005
    kills: int = 3
    objects: int = 50
    breath: int = 200


@dataclass(frozen=True)
class Happened:
    """One transition of the truth."""

    uid: str
    version: int
    event: str


def storm(
    api: FakeApi,
    seed: int,
    transitions: int,
    *,
    kill: Callable[[], None],
    breathe: Callable[[int], None],
    weather: Weather | None = None,
) -> tuple[Happened, ...]:
    """Let `transitions` happen to pods of NAMESPACE, and give them all.

    `kill` ends the server and starts it again; `breathe` is given the last version so far.
    """
    weather, draw = weather or Weather(), Random(seed)  # noqa: S311 - repeatable on purpose
    dies = set(draw.sample(range(transitions), min(weather.kills, transitions)))
    start = len(api.log)
    for number in range(transitions):
        _change(api, draw, number, weather)
        _spoil(api, draw, weather)
        lapses = draw.random() < weather.lapses
        if lapses or number % weather.breath == 0:
            breathe(_marked(api, number))
        if lapses:
            _lapse(api, number)
        if number in dies:
            kill()
    breathe(_marked(api, transitions))
    return truth(api, start)


def truth(api: FakeApi, start: int = 0) -> tuple[Happened, ...]:
    """Give what happened to pods from a place of the log on."""
    return tuple(
        Happened(t.found["metadata"]["uid"], t.version, t.event)
        for t in api.log[start:]
        if t.plural == "pods"
    )


def _change(api: FakeApi, draw: Random, number: int, weather: Weather) -> None:
    name = f"p{draw.randrange(weather.objects)}"
    there = api.objects.get("pods", {})
    if f"{NAMESPACE}/{name}" in there and draw.random() < 0.3:  # noqa: PLR2004 - three in ten go
        api.remove("pods", name, NAMESPACE)
    else:
        status: dict[str, Any] = {"phase": "Running", "message": str(number)}
        api.put("pods", name, NAMESPACE, status=status)


def _spoil(api: FakeApi, draw: Random, weather: Weather) -> None:
    for mishap, chance in weather.mishaps.items():
        if draw.random() < chance:
            api.mishap(mishap)


def _marked(api: FakeApi, number: int) -> int:
    """Give the version of a change that a list shows as well as a watch: no end of an object."""
    status = {"phase": "Running", "message": f"after {number}"}
    return int(api.put("pods", "mark", NAMESPACE, status=status)["metadata"]["resourceVersion"])


def _lapse(api: FakeApi, number: int) -> None:
    with api.changed:
        api.mishap("drop")
        api.put("pods", f"q{number}", NAMESPACE, status={"phase": "Running"})
        api.remove("pods", f"q{number}", NAMESPACE)
        api.compact()
