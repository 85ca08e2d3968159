"""How late backups of twenty real pods begin whose policies have mixed periods.

Pods of our own stand beside the members of `ledger-xlss`, which are under load, each with a claim
of the same class, the members' own policy but for its period, and a ledger that no longer grows.
When a backup began is told by its record; it was due a period after the one before. What counts are
the periods that began when all twenty were backed up once: until then seventeen pods, their volumes
and helper pods are made at once, and how late others are meanwhile is told apart.
May import: everything a doorway may.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from seatrial.bench.injecting import evidence, lived
from seatrial.bench.row import Bench, Measured, Samples, Sizes
from seatrial.bench.verdict import SPEC
from seatrial.faults.asked_backups import BACKUPS, GROUP
from seatrial.ground import grounded
from seatrial.kube.surroundings import Custom
from seatrial.kube.watch import Stream
from seatrial.live import Live
from seatrial.progress import Progress
from seatrial.timing import Limit, factor, wait

PODS = 20
"""The members, and as many of our own as are missing."""
PERIODS = (5, 10, 15, 20, 30, 60)
"""Seconds, in turn."""
_SUBJECT, _TIMES, _PATIENCE = "ledger-xlss", 3, 420.0
_SCHEDULE = f"{GROUP}/schedule"
_COMPLETE = "Complete"
_KEEPER = """\
import signal, sys
with open("/data/ledger", "w") as file:
    file.write(sys.argv[1] * 64)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
signal.sigwait([signal.SIGTERM])
"""
_RECORD = json.dumps({"writer": "w", "seq": 1, "crc": 1, "value": "v" * 128}) + "\n"


def late(progress: Progress, sizes: Sizes) -> Measured:
    """Give the seconds by which the latest backup of each round began after it was due."""
    with grounded(SPEC, progress, shared=True) as ground, evidence() as out:
        worst = []
        for _ in range(sizes.rounds):
            with lived(ground, (), out, progress, name=_SUBJECT) as live:
                since, starting = _overdue(live)
            progress.note(f"while pods were made: {_told(starting)}")
            progress.note(f"since then: {_told(since)}")
            worst.append(max(since).seconds)
        return worst, None


class Late(NamedTuple):
    """How late a backup began, of which claim, and when its period did, in seconds."""

    seconds: float
    claim: str
    since: float


def parted(found: Sequence[Late], all_had: float) -> tuple[list[Late], list[Late]]:
    """Part those whose period began when all had been backed up from those before."""
    later = [one for one in found if one.since >= all_had]
    return later, [one for one in found if one.since < all_had]


def _told(found: Sequence[Late]) -> str:
    if not found:
        return "no second backup of any"
    middle, latest = statistics.median(one.seconds for one in found), max(found)
    return (
        f"{len(found)} backups, half of them at most {middle:.3f} s late; the latest "
        f"{latest.seconds:.3f} s, of {latest.claim}"
    )


def overdue(began: Mapping[str, Sequence[float]], periods: Mapping[str, float]) -> Iterator[Late]:
    """Give by how many seconds each backup but its claim's first began late."""
    for claim, period in periods.items():
        for earlier, later in pairwise(sorted(began[claim])):
            yield Late(max(0.0, later - earlier - period), claim, earlier)


def bodies(member: Mapping[str, Any], claim: Mapping[str, Any], number: int) -> list[Any]:
    """Give claim and pod of one of our own, after those of a member."""
    name, period = f"kept-{number:02}", PERIODS[number % len(PERIODS)]
    policy = {
        key: value
        for key, value in member["metadata"]["annotations"].items()
        if key.startswith(f"{GROUP}/")
    }
    (own,) = (
        one for one in member["spec"]["containers"] if one["name"] == policy[f"{GROUP}/container"]
    )
    mounted = [each for each in own["volumeMounts"] if each["name"] in ("data", "watermark")]
    volumes = [each for each in member["spec"]["volumes"] if each["name"] == "watermark"]
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": f"data-{name}"},
            "spec": {
                key: claim["spec"][key] for key in ("accessModes", "resources", "storageClassName")
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "annotations": {**policy, _SCHEDULE: f"{period}s"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": member["spec"]["securityContext"],
                "volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{name}"}},
                    *volumes,
                ],
                "containers": [
                    {
                        **{key: own[key] for key in ("name", "image", "imagePullPolicy")},
                        "command": ["python3", "-B", "-c", _KEEPER, _RECORD],
                        "securityContext": own["securityContext"],
                        "volumeMounts": mounted,
                    }
                ],
            },
        },
    ]


def _overdue(live: Live) -> tuple[list[Late], list[Late]]:
    """Back everybody up for a while; gives how late it began, and how late it did at first."""
    kube, space = live.alive.kube, live.job.namespace
    claim = live.scene.pod(0).claims[0]
    member = kube.get(live.scene.path(0))
    theirs = kube.get(f"/api/v1/namespaces/{space}/persistentvolumeclaims/{claim}")
    schedule = member["metadata"]["annotations"][_SCHEDULE]
    periods = {
        live.scene.pod(n).claims[0]: float(schedule.removesuffix("s")) for n in live.everybody
    }
    for number in range(PODS - len(periods)):
        kube.apply(bodies(member, theirs, number), space)
        periods[f"data-kept-{number:02}"] = PERIODS[number % len(PERIODS)]
    within = Limit("backups of twenty pods", _PATIENCE * factor())
    with (
        live.job.progress.step(f"backups of {PODS} pods", 200),
        Stream(kube, (BACKUPS,), space) as told,
    ):
        wait(told, lambda _: _few(told, periods), within)
        all_had = max(min(times) for times in _times(told, "ended", _COMPLETE).values())
        return parted([*overdue(_times(told, "began"), periods)], all_had)


def _times(told: Stream, what: str, phase: str = "") -> dict[str, Samples]:
    """Give by claim when its backups began, or ended; of those that are in a phase, if one is."""
    found: dict[str, Samples] = {}
    records: Mapping[str, Custom] = told.items(BACKUPS)
    for one in records.values():
        status = one.status or {}
        if what in status and phase in {"", status.get("phase")}:
            found.setdefault(one.spec["claim"], []).append(float(status[what]))
    return found


def _few(told: Stream, periods: Mapping[str, float]) -> str | None:
    began, complete = _times(told, "began"), _times(told, "ended", _COMPLETE)
    few = [claim for claim in periods if len(began.get(claim, ())) < _TIMES]
    none = [claim for claim in periods if claim not in complete]
    if few:
        return f"of {', '.join(few)} fewer than {_TIMES} backups have begun"
    return f"of {', '.join(none)} no backup is complete" if none else None


ROW = Bench(
    "recovery-late-pods",
    "the latest of some minutes' backups of 20 real pods with periods from 5 to 60 s, after it "
    "was due, once each was backed up",
    "s",
    late,
    bar=2,
    seconds=900,
    cluster=True,
)
