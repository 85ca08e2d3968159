"""The configuration centre is scaled to nothing; a member is started without it; it comes back.

Who runs has its configuration already: what shows is who starts meanwhile, so the member's pod is
deleted while the centre is away. When it is back a change is published, and every member is given
the time to take it up. Whether they did is the judges' to see, from what the members tell.
May import: model, errors, timing, kube, faults.*.
Source: apolloconfig.com, "Apollo client design"; kubernetes.io, EndpointSlices, "Conditions".
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from seatrial.centre import Centre
from seatrial.errors import CannotRun, ToolFailed
from seatrial.faults.absence import found
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.surroundings import EndpointSlice
from seatrial.timing import happens, limit, poll, wait

_SERVICE = "kubernetes.io/service-name"
_WITNESS = "no endpoint seen on the watch; DELETED of the pod seen on the watch"
STARTS = "a member starts without its centre"


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to give the centre the replicas back that it has now."""
    del ordinal
    path = _path(scene, _named(scene))
    return (Step("scale", path=path, value=_replicas(scene, path)),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Scale the centre to nothing, and delete the member's pod while it is away.

    Receipt: no endpoint of its Service is left on the watch, the member that could ask it before
    cannot any more, and the watch saw the end of that member's pod; it is given once the next one
    is Ready, or was watched for the limit "a member starts without its centre". Healed is when the
    centre answers a member again and all of them are Ready.
    """
    centre, old = _named(scene), scene.describe(ordinal)
    path = _path(scene, centre)
    replicas, said = _replicas(scene, path), _asked(scene, centre, ordinal)
    scene.struck()
    scene.kube.patch(path, {"spec": {"replicas": 0}})
    wait(scene.stream, lambda _: _left(scene, centre), limit("a centre is gone"))
    refused = _refused(scene, centre, ordinal)
    scene.kube.delete(scene.path(ordinal), uid=old["uid"])
    scene.until_gone(ordinal, old["uid"])
    ready = happens(scene.stream, lambda _: scene.unready([ordinal]), limit(STARTS))
    if back := _endpoints(scene, centre):
        raise CannotRun(f"{centre.service} to have no endpoint meanwhile", seen=", ".join(back))
    about = {"deployment": centre.deployment, "service": centre.service}
    now = {**about, "replicas": 0, "endpoints": [], "said": said, "refused": refused}
    started = {"ready": ready, "started": _there(scene, ordinal)}
    yield {**old, "centre": now, **started, "witness": _WITNESS}
    scene.kube.patch(path, {"spec": {"replicas": replicas}})
    wait(scene.stream, lambda _: _away(scene, centre), limit("a centre is back"))
    wait(scene.stream, lambda _: scene.unready(_members(scene)), limit("pod is replaced"))
    again = _answers_again(scene, centre, ordinal)
    now = {**about, "replicas": replicas, "endpoints": _endpoints(scene, centre), "said": again}
    changed = _changed(scene, centre, word=old["uid"][:8])
    return {**scene.describe(ordinal), "centre": now, "changed": changed}


def _named(scene: Scene) -> Centre:
    if scene.centre is None:
        raise CannotRun(
            "a configuration centre to take away",
            seen="the profile names none",
            remedy="`centre` in its profile.yaml: docs/add-a-profile.md; `config` has one",
        )
    return scene.centre


def _path(scene: Scene, centre: Centre) -> str:
    return f"/apis/apps/v1/namespaces/{scene.namespace}/deployments/{centre.deployment}"


def _replicas(scene: Scene, path: str) -> int:
    """Give how many it has; raises CannotRun when there is none to take away."""
    there = found(scene.kube, path)
    replicas = int(there["spec"].get("replicas", 1)) if there else 0
    if not replicas:
        raise CannotRun(
            f"a configuration centre {path.rpartition('/')[2]} that runs",
            seen="it has no replicas" if there else "there is no such Deployment",
        )
    return replicas


def _asked(scene: Scene, centre: Centre, ordinal: int) -> str:
    """Let a member ask the centre; raises CannotRun when it does not answer."""
    try:
        return _run(scene, ordinal, centre.ask)
    except ToolFailed as error:
        raise CannotRun(
            f"the configuration centre to answer {scene.name(ordinal)}", seen=error.seen
        ) from None


def _refused(scene: Scene, centre: Centre, ordinal: int) -> str:
    """Let a member ask who must not answer; says how it was refused.

    Raises CannotRun when an answer comes. That the member itself can still be asked is shown
    beside: a command that cannot be run at all shows nothing.
    """
    try:
        said = _run(scene, ordinal, centre.ask)
    except ToolFailed as error:
        _run(scene, ordinal, ("true",))
        return error.seen
    raise CannotRun("the configuration centre to answer nobody", seen=f"an answer: {said}")


def _answers_again(scene: Scene, centre: Centre, ordinal: int) -> str:
    """Give what the centre says to a member once it answers.

    A Service leads to an endpoint a moment after it is Ready, and nothing tells when.
    """
    said: list[str] = []

    def differs() -> str | None:
        try:
            said.append(_run(scene, ordinal, centre.ask))
        except ToolFailed as error:
            return error.seen
        return None

    poll(differs, limit("a centre answers"), every=0.5)
    return said[-1]


def _changed(scene: Scene, centre: Centre, word: str) -> dict[str, Any]:
    """Publish a change, and let every member say when it runs with it; empty where none is made."""
    if not (centre.publish and centre.taken):
        return {}
    first, *_ = _members(scene)
    published = _run(scene, first, (*centre.publish, word))
    late = {}
    for ordinal in _members(scene):
        try:
            _run(scene, ordinal, (*centre.taken, word))
        except ToolFailed as error:
            late[scene.name(ordinal)] = error.seen
    return {"word": word, "published": published, "late": late}


def _run(scene: Scene, ordinal: int, argv: Sequence[str]) -> str:
    where = scene.namespace, scene.name(ordinal), scene.container
    return scene.kube.run(*where, argv, limit("command in a container")).strip()


def _members(scene: Scene) -> Sequence[int]:
    return [*scene.replicated().ordinals]


def _there(scene: Scene, ordinal: int) -> dict[str, str]:
    return scene.describe(ordinal) if scene.member(ordinal) else {}


def _left(scene: Scene, centre: Centre) -> str | None:
    there = _endpoints(scene, centre)
    return f"{centre.service} leads to {', '.join(there)} still" if there else None


def _away(scene: Scene, centre: Centre) -> str | None:
    there = _endpoints(scene, centre, ready=True)
    return None if there else f"{centre.service} leads to nobody that is Ready"


def _endpoints(scene: Scene, centre: Centre, *, ready: bool = False) -> list[str]:
    """Name the addresses that the centre's Service leads to, perhaps only those that are Ready."""
    slices: Sequence[EndpointSlice] = [*scene.stream.items("endpointslices").values()]
    return sorted({
        address
        for one in slices
        if one.metadata.labels.get(_SERVICE) == centre.service
        for endpoint in one.endpoints or ()
        if not ready or endpoint.conditions.ready is not False
        for address in endpoint.addresses
    })  # fmt: skip
