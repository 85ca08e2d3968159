"""What the profile says that members are given is changed where it is kept, and put back.

Who runs is given the change of a mounted file after a while, that of a subPath or a variable never,
and an immutable object refuses it. Nobody is restarted and no pod is touched: a kubelet that is
shown a change of the pod itself would hurry. Secrets are kept by the API server alone (keepsakes).
May import: errors, given, timing, kube, faults.*.
Source: kubernetes.io, ConfigMaps, "Mounted ConfigMaps are updated automatically", "Immutable
ConfigMaps"; kubernetes, pkg/kubelet/pod_workers.go, workerResyncIntervalJitterFactor.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from seatrial.errors import CannotRun, NotReady, ToolFailed
from seatrial.faults import keepsakes
from seatrial.faults.absence import found
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.given import LIVE, PLURALS, RESTART, Given, Setting, digest
from seatrial.kube.client import ApiFailed
from seatrial.timing import Limit, happens, limit

_WATCHED = "a changed configuration is watched"
_WITNESS = "what the API server says of each object when it is read again; each member, from inside"
Told = dict[str, Any]


@dataclass(frozen=True)
class _Object:
    """A ConfigMap or Secret as it was: what the profile's keys of it held, in words."""

    of: str
    path: str
    immutable: bool
    had: Mapping[str, str]


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to put back what is changed; what was in it is not in the plan."""
    del ordinal
    kinds = sorted({one.of.partition("/")[0] for one in _named(scene).settings.values()})
    return tuple(Step("give-back", path=_places(scene, PLURALS[kind])) for kind in kinds)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Change every object that the profile names, and see who is given the change.

    Receipt: {target, objects: by name {changed, immutable, and if it was refused the `code` and
    what was `said`}, reached: by member and setting {seconds} or {watched, said}, watched: seconds
    until then}. Healed is when all is as it was and every setting that is live is told so again.
    """
    given, target = _named(scene), scene.describe(ordinal)
    objects = [_object(scene, given, of) for of in _objects(given)]
    scene.struck()
    began = time.monotonic()
    done = {one.of: _changed(scene, given, one) for one in objects}
    live = _live(given, [of for of, told in done.items() if told["changed"]])
    reached = _reached(scene, given, {name: digest(one.to) for name, one in live.items()}, began)
    if _unaccompanied(given, live):
        happens(scene.stream, lambda _: "it is early", limit(_WATCHED))
    watched = round(time.monotonic() - began, 3)
    yield {
        "target": target,
        "objects": done,
        "reached": reached,
        "watched": watched,
        "witness": _WITNESS,
    }
    for step in undo(scene, ordinal):
        keepsakes.given_back(scene.kube, step.path)
    same = {one.of: _object(scene, given, one.of) == one for one in objects}
    had = {one.of: one.had for one in objects}
    was = {name: digest(had[one.of][one.key]) for name, one in live.items()}
    back = _reached(scene, given, was, time.monotonic())
    _demand_back(scene, back)
    return {"target": scene.describe(ordinal), "same": same, "back": back}


def _named(scene: Scene) -> Given:
    if scene.given is None:
        raise CannotRun(
            "settings to change",
            seen="the profile declares none",
            remedy="`given` in its profile.yaml: docs/add-a-profile.md; `config` has some",
        )
    return scene.given


def _objects(given: Given) -> list[str]:
    return sorted({one.of for one in given.settings.values()})


def _live(given: Given, changed: Iterable[str]) -> Mapping[str, Setting]:
    names = {*changed}
    return {n: one for n, one in given.settings.items() if one.of in names and one.changes == LIVE}


def _unaccompanied(given: Given, live: Mapping[str, Setting]) -> bool:
    """Whether something is to stay of which no companion tells that the change had its time."""
    shown = {one.of for one in live.values()}
    return any(one.changes == RESTART and one.of not in shown for one in given.settings.values())


def _places(scene: Scene, plural: str) -> str:
    return f"/api/v1/namespaces/{scene.namespace}/{plural}"


def _object(scene: Scene, given: Given, of: str) -> _Object:
    """Read an object; raises CannotRun for one that is not there or would not be changed."""
    kind, _, name = of.partition("/")
    path = f"{_places(scene, PLURALS[kind])}/{name}"
    there = found(scene.kube, path)
    data = (there or {}).get("data") or {}
    had = {one.key: _text(kind, data.get(one.key, "")) for one in given.of(of).values()}
    for one in given.of(of).values():
        if one.key not in data or digest(had[one.key]) == digest(one.to):
            seen = "there is no such key" if one.key not in data else "it holds just that"
            raise CannotRun(f"a key {one.key} of {of} that is another than `to`", seen=seen)
    return _Object(of, path, bool((there or {}).get("immutable")), had)


def _changed(scene: Scene, given: Given, one: _Object) -> Told:
    """Try to change an object; says what came of it."""
    keepsakes.kept_to_change(scene.kube, one.path)
    kind = one.of.partition("/")[0]
    settings = given.of(one.of).values()
    wanted = {each.key: _coded(kind, each.to) for each in settings}
    about: Told = {"immutable": one.immutable}
    try:
        scene.kube.patch(one.path, {"data": wanted})
    except ApiFailed as error:
        if not error.status:
            raise
        about |= {"code": error.status, "said": error.seen}
    now = scene.kube.get(one.path).get("data") or {}
    kept = {each.key: _text(kind, now.get(each.key, "")) for each in settings}
    new = {each.key: each.to for each in settings}
    if kept not in (one.had, new) or (kept == new) == ("code" in about):
        raise CannotRun(f"{one.of} to be changed, or to refuse it", seen="it is neither")
    return {"changed": kept == new, **about}


def _reached(
    scene: Scene, given: Given, wanted: Mapping[str, str], began: float
) -> dict[str, Told]:
    """Let every member say when it is given each value, all at once; `wanted` are digests."""
    members, within = [*scene.replicated().ordinals], limit(_WATCHED)
    with ThreadPoolExecutor(max(1, len(members) * len(wanted)), "given") as pool:
        waiting = {
            (ordinal, name): pool.submit(
                _taken, scene, ordinal, (*given.taken, name, value, f"{within.seconds:g}"), began
            )
            for ordinal in members
            for name, value in wanted.items()
        }
        return {
            str(n): {name: waiting[n, name].result() for name in wanted} for n in members if wanted
        }


def _taken(scene: Scene, ordinal: int, argv: tuple[str, ...], began: float) -> Told:
    where = scene.namespace, scene.name(ordinal), scene.container
    longer = limit(_WATCHED).seconds + limit("command in a container").seconds
    try:
        scene.kube.run(*where, argv, Limit(_WATCHED, longer))
    except ToolFailed as error:
        return {"watched": round(time.monotonic() - began, 3), "said": error.seen}
    return {"seconds": round(time.monotonic() - began, 3)}


def _demand_back(scene: Scene, back: Mapping[str, Mapping[str, Told]]) -> None:
    late = [
        f"{scene.name(int(n))} has not the {name} that it had: {told['said']}"
        for n, settings in back.items()
        for name, told in settings.items()
        if "seconds" not in told
    ]
    if late:
        within = limit(_WATCHED).seconds
        raise NotReady(f"all settings as they were within {within:g} s", seen="; ".join(late))


def _text(kind: str, value: str) -> str:
    return base64.b64decode(value).decode(errors="replace") if kind == "secret" else value


def _coded(kind: str, value: str) -> str:
    return base64.b64encode(value.encode()).decode() if kind == "secret" else value
