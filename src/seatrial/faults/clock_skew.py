"""The highest member's main process is an hour ahead of everybody, and then on time again.

No namespace of the kernel shifts the wall clock, so the set's template is given libfaketime, put
before the process' own libraries; a partition lets only the highest member have it. A program that
is linked statically, or for another libc, has no place for it: then its clock cannot be had, which
its own file proves, and nothing is done. Whether it worked is seen in the dates of its answers.
May import: errors, kube, timing, faults.*.
Source: time_namespaces(7), which clocks; ld.so(8), LD_PRELOAD; libfaketime 0.9.10, README.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults import askings, linking, members, processes, revisions
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit

SKEW = 3600
"""Seconds that the member is ahead."""
_CLOSE = 60
"""Seconds that two clocks of one machine may differ as we see them."""
_GLIBC = "ld-linux"
"""What the interpreters of glibc have in their names; another libc's do not take its libraries."""
_NAME, _PLACE = "seatrial-clock", "/seatrial-clock"
_LIBRARY = "libfaketimeMT.so.1"
_COPY = f"cp /usr/lib/*/faketime/{_LIBRARY} {_PLACE}/"
_PRELOAD = "LD_PRELOAD"
_ENV = {
    "FAKETIME": f"+{SKEW}",
    # Whoever waits for seconds to pass must not wait for another hour.
    "DONT_FAKE_MONOTONIC": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
}
_LISTS = ("containers", "initContainers", "volumes")

Template = dict[str, Any]


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to put template and partition back; refuses first where the clock cannot be had."""
    del ordinal
    _demand_skewable(scene)
    return revisions.undo(scene, _back(scene))


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Start the highest member with a clock that is an hour ahead.

    Receipt: the library is among what its process has mapped, and its answers are dated an hour
    ahead of the API server's; before, neither was so. Healed is when that member is dated as the
    API server is again.
    """
    del ordinal
    linked = _demand_skewable(scene)
    before, olds, back = revisions.revision(scene), revisions.uids(scene), _back(scene)
    first, top = min(olds), max(olds)
    own = scene.replicated().partition
    scene.kube.patch(members.path(scene), _skewed(scene, top - first))
    wanted = revisions.until_other(scene, before)
    revisions.until_runs(scene, wanted, [top])
    hit = processes.hit(scene, top)
    loaded = [path for path in linking.mapped(hit.node, hit.process.id) if _LIBRARY in path]
    ahead = _ahead(scene, top)
    if not loaded or abs(ahead - SKEW) > _CLOSE:
        raise CannotRun(
            f"{scene.name(top)} to be {SKEW} s ahead",
            seen=f"its answers are {ahead:.0f} s ahead; it has {loaded or 'no libfaketime'} mapped",
        )
    yield {
        "pods": revisions.ended(scene, olds),
        "revision": wanted,
        "before": before,
        "ahead": round(ahead),
        "interpreter": linked,
        "witness": f"/proc maps {loaded[0]}; its answers are dated {ahead:.0f} s ahead",
    }
    healed = revisions.went_back(scene, back, before, by_itself=own <= top - first)
    if abs(late := _ahead(scene, top)) > _CLOSE:
        raise CannotRun(f"{scene.name(top)} on time again", seen=f"it is {late:.0f} s ahead")
    return {**healed, "ahead": round(late)}


def _demand_skewable(scene: Scene) -> str:
    """Give the interpreter of the highest member's program; raises CannotRun with the proof."""
    top = max(scene.replicated().ordinals, default=0)
    hit = processes.hit(scene, top)
    found = linking.interpreter_of(hit.node, hit.process.id)
    if _GLIBC not in found:
        told = f"asks for {found}, which is not glibc's" if found else "has no PT_INTERP: static"
        raise CannotRun(
            f"a program of {scene.name(top)} whose clock can be had",
            seen=f"its ELF file {told}; no namespace shifts the wall clock either",
            remedy="the skew of such a process stays unknown",
        )
    if scene.replicated().spec.update_strategy.type != "RollingUpdate":
        raise CannotRun(
            f"a set {scene.set} that replaces its members", seen="its updateStrategy is OnDelete"
        )
    if abs(ahead := _ahead(scene, top)) > _CLOSE:
        raise CannotRun(f"{scene.name(top)} on time as yet", seen=f"it is {ahead:.0f} s ahead")
    _skewed(scene, 0)
    return found


def _skewed(scene: Scene, partition: int) -> Template:
    """Give the merge patch that puts the library into the member's own container."""
    now = _template(scene)
    theirs = next(one for one in now["containers"] if one["name"] == scene.container)
    mount = {"name": _NAME, "mountPath": _PLACE}
    brings = {
        "name": _NAME,
        "image": scene.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _COPY],
        "volumeMounts": [mount],
        "securityContext": theirs.get("securityContext", {}),
    }
    given = {
        **theirs,
        "env": _with_library(scene, theirs.get("env") or []),
        "volumeMounts": [*(theirs.get("volumeMounts") or []), {**mount, "readOnly": True}],
    }
    template = {
        "containers": [given if one is theirs else one for one in now["containers"]],
        "initContainers": [brings, *(now.get("initContainers") or [])],
        "volumes": [*(now.get("volumes") or []), {"name": _NAME, "emptyDir": {}}],
    }
    return _patch(template, partition)


def _with_library(scene: Scene, env: list[Template]) -> list[Template]:
    """Give the variables with ours; what was preloaded before stays so, behind ours."""
    before = next((one for one in env if one["name"] == _PRELOAD), {})
    if "valueFrom" in before:
        raise CannotRun(
            f"a container {scene.container} whose {_PRELOAD} can be seen",
            seen="it comes from elsewhere (valueFrom)",
        )
    library = " ".join(filter(None, (f"{_PLACE}/{_LIBRARY}", before.get("value", ""))))
    ours = {**_ENV, _PRELOAD: library}
    kept = [one for one in env if one["name"] not in ours]
    return [*kept, *({"name": name, "value": value} for name, value in ours.items())]


def _back(scene: Scene) -> Template:
    """Give the merge patch that makes the template what it is now."""
    now = _template(scene)
    return _patch({name: now.get(name) for name in _LISTS}, scene.replicated().partition)


def _patch(template: Mapping[str, Any], partition: int) -> Template:
    strategy = {"updateStrategy": {"rollingUpdate": {"partition": partition}}}
    return {"spec": {"template": {"spec": dict(template)}, **strategy}}


def _template(scene: Scene) -> Template:
    found: Template = scene.kube.get(members.path(scene))["spec"]["template"]["spec"]
    return found


def _ahead(scene: Scene, ordinal: int) -> float:
    """Give how many seconds the member's answers are dated ahead of the API server's own."""
    way = askings.member(scene, ordinal)
    its, own = _dated(scene, way.path), _dated(scene, way.own)
    if its is None or own is None:
        raise CannotRun(
            f"a date in the answers of {way.who}, to see its clock by",
            seen="its answers through the API server carry none",
        )
    return (its - own).total_seconds()


def _dated(scene: Scene, path: str) -> datetime | None:
    """Read the Date of an answer (RFC 9110, 6.6.1), whatever else it says."""
    answer = scene.kube.answer("GET", path, silence=limit("api answers").seconds)
    said = answer.headers.get("Date", "")
    answer.close()
    return parsedate_to_datetime(said) if said else None
