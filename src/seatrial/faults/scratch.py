"""A claim of our own, of the class that the set's claims have, and a short pod that uses it.

Nothing of the set is touched: what is promised of a class is shown on a claim that nobody needs.
May import: model, errors, timing, kube, faults.{absence,disks,scene}; faults/disk_speed.py as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults import disks
from seatrial.faults.absence import absent
from seatrial.faults.scene import Scene
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.kube.pods import confined
from seatrial.kube.volumes import Claim, Volume
from seatrial.kube.watch import Stream
from seatrial.timing import limit, wait

NAME = "scratch"
"""What claim, pod and container are called."""
SIZE, LARGER = "64Mi", "128Mi"
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_KINDS = ("pods", "persistentvolumeclaims")
_BY_HAND = "kubernetes.io/no-provisioner"
_HOST = "kubernetes.io/hostname"
_CLAIM, _OWN = "/claim", "/own"
_PROGRAM = Path(__file__).parent / "disk_speed.py"
_WAITS = "import signal, sys\nsignal.signal(15, lambda *_: sys.exit(0))\nsignal.pause()"


def class_of(scene: Scene, ordinal: int) -> dict[str, Any]:
    """Give the storage class of the member's first claim: {name, provisioner, reclaim, expands}.

    `others` are further classes that its claims have. Raises CannotRun when it has no claim of a
    class, or one whose volumes are made by hand: such a volume would not come back.
    """
    there: Mapping[str, Claim] = scene.stream.items("persistentvolumeclaims")
    claims = [there[name] for name in scene.pod(ordinal).claims if name in there]
    names = [*dict.fromkeys(filter(None, (claim.spec.storage_class_name for claim in claims)))]
    if not names:
        raise CannotRun(
            f"a claim of {scene.name(ordinal)} that has a storage class",
            seen=", ".join(f"{claim.metadata.name} has none" for claim in claims) or "no claim",
        )
    found = scene.kube.get(f"{_CLASSES}/{names[0]}")
    if found["provisioner"] == _BY_HAND:
        raise CannotRun(
            "a class whose volumes are made when asked for", seen=f"{names[0]}: by hand"
        )
    return {
        "name": names[0],
        "provisioner": found["provisioner"],
        "reclaim": found.get("reclaimPolicy", disks.DELETE),
        "expands": bool(found.get("allowVolumeExpansion")),
        "others": names[1:],
    }


def served(scene: Scene, ordinal: int, storage_class: str) -> tuple[Claim, Volume, str]:
    """Make claim and pod on the member's node; give claim, volume and node once the pod runs."""
    node = scene.pod(ordinal).spec.node_name
    machine = scene.machine(node)
    host = machine.metadata.labels.get(_HOST, node) if machine else node
    scene.kube.apply([_claim(storage_class), _pod(scene.image, host)], scene.namespace)
    wait(scene.stream, lambda _: _unserved(scene), limit("scratch claim is served"))
    claim: Claim = scene.stream.items("persistentvolumeclaims")[NAME]
    volume: Volume = scene.stream.items("persistentvolumes")[claim.spec.volume_name]
    return claim, volume, scene.stream.items("pods")[NAME].spec.node_name


def ask(scene: Scene, *words: str) -> str:
    """Run the program in the pod; gives what it prints. Raises ToolFailed."""
    argv = ("python3", "-B", "-c", _PROGRAM.read_text(), *words)
    within = limit("command in a container")
    return scene.kube.run(scene.namespace, NAME, NAME, argv, within).strip()


def measure(scene: Scene) -> str:
    """Write the file that is kept and measure both disks; gives one JSON object."""
    return ask(scene, "measure", _CLAIM, _OWN)


def kept(scene: Scene) -> str:
    """Give the SHA-256 of the file as it is read now."""
    return ask(scene, "check", _CLAIM)


def path(namespace: str, plural: str) -> str:
    """Give the URL path of our pod or claim."""
    return f"/api/v1/namespaces/{namespace}/{plural}/{NAME}"


def discarded(kube: Kube, namespace: str) -> str:
    """Remove pod, claim and volume, whatever its class would do with it; says so if any was there.

    A volume that is kept is given the policy Delete: then its own provisioner takes it away, with
    its directory. Raises NotReady when it stays. Source: kubernetes.io, "Change the Reclaim Policy
    of a PersistentVolume".
    """
    with Stream(kube, _KINDS, namespace) as stream:
        there = [kind for kind in _KINDS if NAME in stream.items(kind)]
        for kind in there:
            kube.delete(path(namespace, kind))
        wait(stream, _kept, limit("scratch claim is gone"))
    # Listed only now: a volume that was in the making is there by the end of its claim, but the
    # watch of volumes may tell of it later than that of claims tells of the end.
    with Stream(kube, ("persistentvolumes",)) as stream:
        volumes = _mine(stream, namespace)
        for volume in volumes:
            if volume.spec.persistent_volume_reclaim_policy != disks.DELETE:
                _let_go(kube, volume.metadata.name)
        wait(stream, lambda seen: _left(seen, namespace), limit("volume is reclaimed"))
    return "the scratch claim was there and is gone" if volumes or there else ""


def _mine(seen: Stream, namespace: str) -> list[Volume]:
    volumes: Mapping[str, Volume] = seen.items("persistentvolumes")
    references = ((volume, volume.spec.claim_ref) for volume in volumes.values())
    return [
        v for v, claim in references if claim and (claim.namespace, claim.name) == (namespace, NAME)
    ]


def _let_go(kube: Kube, volume: str) -> None:
    def act() -> str:
        kube.patch(disks.volume_path(volume), disks.policy(disks.DELETE))
        return volume

    absent(act)


def _kept(seen: Stream) -> str | None:
    left = [kind for kind in _KINDS if NAME in seen.items(kind)]
    return f"{NAME} of {', '.join(left)} is still there" if left else None


def _left(seen: Stream, namespace: str) -> str | None:
    left = [volume.metadata.name for volume in _mine(seen, namespace)]
    return f"volume {', '.join(left)} is still there" if left else None


def _unserved(scene: Scene) -> str | None:
    pod: Pod | None = scene.stream.items("pods").get(NAME)
    claim: Claim | None = scene.stream.items("persistentvolumeclaims").get(NAME)
    if pod is None or claim is None:
        return "no scratch claim and pod yet"
    if pod.status.phase != "Running":
        return f"pod {NAME} is {pod.status.phase}: {pod.trouble}"
    # A running pod shows that it is bound; the watch of claims may tell so later than that of pods.
    bound = claim.status.phase == "Bound"
    if not bound or claim.spec.volume_name not in scene.stream.items("persistentvolumes"):
        return f"claim {NAME} is bound to no volume yet"
    return None


def _claim(storage_class: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": NAME},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": SIZE}},
        },
    }


def _pod(image: str, host: str) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {"name": "claim", "persistentVolumeClaim": {"claimName": NAME}},
        # Under the kubelet's own folder: that is the node's own disk.
        {"name": "own", "emptyDir": {"sizeLimit": SIZE}},
    ]
    spec = confined(_container(image), volumes, "Never")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME},
        "spec": {"nodeSelector": {_HOST: host}, **spec},
    }


def _container(image: str) -> dict[str, Any]:
    return {
        "name": NAME,
        "image": image,
        "command": ["python3", "-B", "-c", _WAITS],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [
            {"name": "claim", "mountPath": _CLAIM},
            {"name": "own", "mountPath": _OWN},
        ],
    }
