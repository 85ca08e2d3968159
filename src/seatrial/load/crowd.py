"""Visitors: client pods with addresses of their own, each with Locust, collected as the driver is.

Each is the driver's own pod and program under another name, told to visit instead of to write.
May import: model, errors, sessions, timing, kube; load.*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seatrial.errors import SeatrialError
from seatrial.kube.client import Kube
from seatrial.kube.pods import serving
from seatrial.kube.watch import Stream
from seatrial.load import pod
from seatrial.load.driving import Driver, set_apart
from seatrial.load.line import Line
from seatrial.model import Json, Profile, Recorder
from seatrial.sessions import Sessions
from seatrial.timing import limit

NAME = "visitor"
_TABLES = ("locust_stats.csv", "locust_failures.csv", "locust_exceptions.csv", "locust.log")
_PAGE = "locust.html"


@dataclass(frozen=True)
class Crowd:
    """All visitors while they visit; `lines` are by the visitor's name, as `drivers` are."""

    told: Sessions
    drivers: Mapping[str, Driver]
    lines: Mapping[str, Line]

    def until_visited(self, visits: int, pauses: int = 0) -> None:
        """Wait until each client made so many visits more, and came back from so many pauses.

        Browsers, where there are any, make as many visits together. Raises what Driver raises.
        """
        more = {"direct": visits, "idle": pauses, "cookie": visits}
        needs = {
            name: {way: seen.get(way, 0) + more[way] for way in self._ways(name) if more[way]}
            for name, seen in ((name, driver.made()) for name, driver in self.drivers.items())
        }
        for name, driver in self.drivers.items():
            driver.until_made(needs[name])

    def _ways(self, name: str) -> tuple[str, ...]:
        browsing = self.told.through and name == names(self.told)[0]
        return ("direct", "idle", "cookie") if browsing else ("direct", "idle")

    def leave(self, kept: Path) -> None:
        """End all visits, then collect what every visitor saw, and Locust's own tables."""
        with ThreadPoolExecutor(len(self.lines)) as together:
            list(together.map(_rested, self.lines.values()))
        for name, driver in self.drivers.items():
            driver.collect()
            if not driver.lost:
                _keep(self.lines[name], kept / name, page=name == names(self.told)[0])


def names(told: Sessions) -> tuple[str, ...]:
    """Name the visitors."""
    return tuple(f"{NAME}-{n}" for n in range(told.clients))


@contextmanager
def visiting(
    kube: Kube,
    stream: Stream,
    namespace: str,
    profile: Profile,
    image: str,
    recorder: Recorder,
    kept: Path,
) -> Iterator[Crowd | None]:
    """Let visitors come to a profile's sessions while the body runs, then collect; None: no such.

    The driver runs already; `image` can run its Locust file and is on the nodes. `kept` is where
    Locust's tables go. Raises NotReady or CannotRun when a visitor does not get ready.
    """
    told = profile.sessions
    if told is None:
        yield None
        return
    apart = set_apart(stream)
    kube.apply(documents(told, namespace, image, apart=apart), namespace)
    crowd = Crowd(told, {}, {})
    drivers, lines = {}, {}
    for name in names(told):
        found = serving(kube, stream, namespace, name, limit("driver is ready"))
        lines[name] = Line(kube, stream, namespace, found.metadata.uid, name)
        drivers[name] = Driver(lines[name], profile, recorder, found)
        drivers[name].started()
    crowd = replace(crowd, drivers=drivers, lines=lines)
    try:
        yield crowd
    except Exception:
        crowd.leave(kept)
        raise
    crowd.leave(kept)


def job(told: Sessions, namespace: str) -> dict[str, Json]:
    """Give what each visitor is told; names end in .svc, it knows the cluster's domain itself."""
    ways = {"direct": told.to, "idle": told.idle} | (
        {"cookie": told.through} if told.through else {}
    )
    visits = {
        "ways": {way: _whole(to, namespace) for way, to in ways.items()},
        "first": names(told)[0],
        "rate": told.rate,
        "deadline": told.deadline,
        "pauses": [max(0.1, told.timeout - told.margin), told.timeout + told.margin],
        "browsers": told.browsers if told.through else 0,
    }
    return {**_NOTHING_ELSE, "run": namespace.rsplit("-", 1)[-1], "visits": visits}


_NOTHING_ELSE: Mapping[str, Json] = {
    "seed": 0, "members": [], "servers": [], "writers_per_member": 0, "rate": 1.0, "timeout": 1.0,
    "read_timeout": 1.0, "dns_every": 1.0, "dns_timeout": 1.0,
}  # fmt: skip


def documents(
    told: Sessions, namespace: str, image: str, *, apart: bool
) -> Sequence[Mapping[str, Any]]:
    """Give the objects to apply: the driver's, renamed. Raises CannotRun when the file is gone."""
    found = pod.documents(job(told, namespace), told.load, image, apart=apart)
    configs = [one for one in found if one["kind"] == "ConfigMap"]
    for one in configs:
        one["metadata"] = {"name": _renamed(one["metadata"]["name"])}
    return [*configs, *(_pod(found[-1], name) for name in names(told))]


def _pod(drivers: Mapping[str, Any], name: str) -> dict[str, Any]:
    made = deepcopy(dict(drivers))
    made["metadata"] = {"name": name, "labels": {pod.ROLE: NAME}}
    for volume in made["spec"]["volumes"]:
        if "configMap" in volume:
            volume["configMap"]["name"] = _renamed(volume["configMap"]["name"])
    (container,) = made["spec"]["containers"]
    container["name"] = NAME
    container["env"] = [{"name": "DRIVER_LOAD", "value": "/client/client.py"}]
    container["resources"] = {
        "requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"},
    }  # fmt: skip
    return made


def _renamed(config: str) -> str:
    return f"{NAME}-{config.removeprefix(f'{pod.NAME}-')}"


def _whole(to: str, namespace: str) -> str:
    service, _, port = to.partition(":")
    return f"{service}.{namespace}.svc:{port}"


def _rested(line: Line) -> None:
    try:
        line.ask("POST", "/rest", {})
    except SeatrialError:
        return  # Told when it is collected.


def _keep(line: Line, folder: Path, *, page: bool) -> None:
    """Keep what Locust wrote; it is there to be looked at, nothing rests on it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*_TABLES, *([_PAGE] if page else [])):
        try:
            (folder / name).write_bytes(line.fetch("GET", "/kept", query={"name": name}))
        except SeatrialError as error:
            (folder / f"{name}.missing").write_text(f"{error}\n")
