"""The set's template is given an image that serves nobody, or that nobody has, and is put back.

The one that starts is the pause image that every node has for its own use: nothing has to be
pulled, and whatever the members are, it is not that. The other one is never asked for elsewhere
(imagePullPolicy Never), so that no registry hears of a trial.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults import members, revisions
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.sets import HASH
from seatrial.kube.objects import ContainerStatus
from seatrial.timing import limit, wait

_PAUSE = re.compile(r"(?:.*/)?pause:[\w.-]+")
_OWN = ("args", "command", "lifecycle")
"""What a container says about its own image's programs."""
_NOBODYS = "nobody-has-this:seatrial"
_REFUSED = "ErrImageNeverPull"
"""What the kubelet says of an image that it lacks and must not pull."""

Shows = Callable[[ContainerStatus], bool]


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to put the containers back, and to delete who stays broken."""
    del ordinal
    return revisions.undo(scene, _containers(_containers_of(scene)))


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Ask for a revision that never serves; receipt: the watch saw a pod of it start.

    What comes then is watched for a while: who else is told to go is the judges' to see.
    """
    del ordinal
    shown = lambda status: bool(status.container_id)  # noqa: E731 - one use
    image = pause(scene.kube.get("/api/v1/nodes")["items"])
    whole = _containers_of(scene)
    return (yield from _broken(scene, [idle(each, image) for each in whole], shown))


def inject_image(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Ask for a revision whose image nobody has; receipt: the watch saw a pod of it refused."""
    del ordinal
    shown = lambda status: (status.state.waiting or {}).get("reason") == _REFUSED  # noqa: E731
    lacking = [{**idle(c, _NOBODYS), "imagePullPolicy": "Never"} for c in _containers_of(scene)]
    return (yield from _broken(scene, lacking, shown, _REFUSED))


def _broken(
    scene: Scene, containers: list[dict[str, Any]], shown: Shows, reason: str = ""
) -> Generator[Proof, None, Proof]:
    before, olds, whole = revisions.revision(scene), revisions.uids(scene), _containers_of(scene)
    scene.kube.patch(members.path(scene), _containers(containers))
    wanted = revisions.until_other(scene, before)
    wait(scene.stream, lambda _: _unshown(scene, wanted, shown), limit("pod is replaced"))
    first = _showing(scene, wanted, shown)
    still = {n: pod.metadata.uid for n in olds if (pod := scene.member(n)) and n not in first}
    revisions.moves(scene, still, "a halt is watched")
    yield {
        "pods": revisions.ended(scene, olds),
        "revision": wanted,
        "before": before,
        "image": containers[0]["image"],
        "reason": reason,
        "started": [revisions.named(scene, n, uid) for n, uid in first.items()],
        "witness": f"a container of the new revision {reason or 'runs'}, seen on the watch",
    }
    return revisions.went_back(scene, _containers(whole), before, by_itself=True)


def _containers_of(scene: Scene) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scene.kube.get(members.path(scene))["spec"]["template"]["spec"][
        "containers"
    ]
    return found


def _containers(containers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": containers}}}}


def idle(container: Mapping[str, Any], image: str) -> dict[str, Any]:
    """Give a container another image; probes, ports and mounts stay."""
    kept = {key: value for key, value in container.items() if key not in _OWN}
    return {**kept, "image": image, "imagePullPolicy": "IfNotPresent"}


def pause(nodes: Sequence[Mapping[str, Any]]) -> str:
    """Name the pause image that most nodes say they have; the name differs by who made them."""
    said: Counter[str] = Counter(
        name
        for node in nodes
        for image in node.get("status", {}).get("images", ())
        for name in image.get("names") or ()
        if _PAUSE.fullmatch(name)
    )
    if not said:
        raise CannotRun("a pause image on the nodes", seen="no node says that it has one")
    return max(said, key=lambda name: (said[name], name))


def _showing(scene: Scene, wanted: str, shown: Shows) -> dict[int, str]:
    """Give the pods of a revision with a container that shows what is wanted."""
    pods = {n: scene.member(n) for n in scene.replicated().ordinals}
    return {
        n: pod.metadata.uid
        for n, pod in pods.items()
        if pod
        and pod.metadata.labels.get(HASH) == wanted
        and any(map(shown, pod.status.container_statuses))
    }


def _unshown(scene: Scene, wanted: str, shown: Shows) -> str | None:
    if _showing(scene, wanted, shown):
        return None
    return f"no pod of revision {wanted} came as far as its image"
