"""A trial with a Prometheus beside it: deployed before the load, read and compared after it.

What it scraped and how that stands to what clients were told goes into the History as `metric`
Ops. A Prometheus that cannot be had costs the trial nothing but these figures.
May import: metrics, cluster, load, checks, workload, places, model, errors, progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from seatrial.checks import scrapes
from seatrial.cluster import Cluster
from seatrial.cluster.supply import supply
from seatrial.errors import BadInput, SeatrialError
from seatrial.load.clock import Clock, measured
from seatrial.load.driving import set_apart
from seatrial.load.pod import NAME as DRIVER
from seatrial.load.pod import placement
from seatrial.metrics import INTERVAL, JOB, Meter, deployed, documents, namespace_of
from seatrial.model import History, Json, Metrics, Op, Outcome, Profile, Recorder
from seatrial.places import carried
from seatrial.progress import Progress
from seatrial.workload import Workload

_PROCESS = "prometheus"
_STARTS = "process_start_time_seconds"
"""Source: prometheus.io, "Writing client libraries", process metrics."""
_ROUNDED = 0.005
"""Seconds: Prometheus moves the time of a scrape by up to 2 ms, and tells it in whole ones."""


def demand_metrics(profile: Profile) -> None:
    """Refuse a Prometheus beside members that tell it nothing."""
    if not profile.metrics:
        raise BadInput(
            "a profile that exports metrics",
            seen=f"{profile.name} declares no `metrics`",
            remedy="docs/add-a-profile.md says how; `ledger` has them",
        )


@dataclass(frozen=True)
class Beside:
    """The trial that it stands beside; `so_far` gives its History while it is open."""

    alive: Workload
    cluster: Cluster
    recorder: Recorder
    so_far: Callable[[], History]
    progress: Progress


@contextmanager
def metered(trial: Beside, *, wanted: bool) -> Iterator[Meter | None]:
    """Scrape the members while the body runs; then write down what was counted, and compare.

    Leave it after the driver's Ops are collected. Nothing that Prometheus does raises here; a
    body that is interrupted is not compared. Gives None when it is not `wanted`.
    """
    exported = trial.alive.profile.metrics
    if not (wanted and exported):
        yield None
        return
    began = trial.recorder.now()
    meter = _begun(trial, exported)
    try:
        yield meter
    except Exception:
        _concluded(trial, meter, exported, began)
        raise
    _concluded(trial, meter, exported, began)


def _begun(trial: Beside, exported: Metrics) -> Meter:
    alive, kube = trial.alive, trial.alive.kube
    try:
        folder = carried("clusters") / "prometheus-image"
        image = supply(trial.cluster, _PROCESS, folder, trial.progress, role=DRIVER)
        with trial.progress.step("starting Prometheus", 5):
            around = kube.get(f"/api/v1/namespaces/{alive.namespace}")
            where = placement(apart=set_apart(alive.stream))
            return deployed(kube, documents(alive.profile, exported, around, image, where))
    except SeatrialError as error:
        trial.progress.note(f"no Prometheus: {error}")
        _tell(trial, Outcome.INFO, {"event": "missing", "note": _sentence(error)})
        return Meter(kube, namespace_of(alive.namespace), _sentence(error))


def _concluded(trial: Beside, meter: Meter, exported: Metrics, began: float) -> None:
    if meter.trouble:
        return
    try:
        _scraped(trial, meter, exported, began)
    except (SeatrialError, LookupError, TypeError, ValueError) as error:
        _tell(trial, Outcome.INFO, {"event": "missing", "note": _sentence(error)})
        return
    for found in scrapes.told(trial.so_far()):
        value = asdict(found)
        _tell(trial, value.pop("outcome"), {"event": "compared", **value})


def _scraped(trial: Beside, meter: Meter, exported: Metrics, began: float) -> None:
    """Write down the samples of every member, by the run's clock."""
    clock = measured(meter.now, trial.recorder.now)
    names = "|".join(filter(None, ("up", _STARTS, exported.acknowledged)))
    seconds = int(trial.recorder.now() - began) + 1
    found = meter.ask(f'{{__name__=~"{names}",job="{JOB}"}}[{seconds}s]')
    now = trial.recorder.now()
    for ordinal in trial.alive.profile.ordinals:
        own = {s["metric"]["__name__"]: s["values"] for s in found if _is(s, ordinal)}
        value = {
            "event": "scraped",
            "member": ordinal,
            "interval": INTERVAL,
            "up": _samples(own.get("up", ()), clock),
            "counts": _samples(own.get(exported.acknowledged, ()), clock),
            "starts": _samples(own.get(_STARTS, ()), clock),
        }
        error = clock.error + _ROUNDED
        trial.recorder.write(Op(_PROCESS, "metric", Outcome.OK, began, now, value, error))


def _is(series: Mapping[str, Any], ordinal: int) -> bool:
    return bool(series["metric"].get("member") == str(ordinal))


def _samples(values: Any, clock: Clock) -> list[list[float]]:
    """Give [time, value] pairs by the run's clock; what is no number stays out, as a gap."""
    pairs = ((float(when) + clock.offset, float(value)) for when, value in values)
    return [[round(when, 3), value] for when, value in pairs if abs(value) < float("inf")]


def _tell(trial: Beside, outcome: Outcome, value: Mapping[str, Json]) -> None:
    now = trial.recorder.now()
    trial.recorder.write(Op(_PROCESS, "metric", outcome, now, now, value))


def _sentence(error: Exception) -> str:
    said = f"an answer that can be read: {error!r}"
    if isinstance(error, SeatrialError):
        said = f"{error.wanted}; seen: {error.seen}"
    return " | ".join(said.splitlines())
