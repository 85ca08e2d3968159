"""A claim of the set's own class is made, written to, grown where that is allowed, and deleted.

It is a claim that nobody needs, so no member is touched; what the class does with its volume is
what it would do with a member's. Whatever is left of it is removed in the end, by the journal too.
Source: kubernetes.io, "Persistent Volumes", "Reclaiming" and "Expanding Persistent Volumes Claims".
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from seatrial.errors import SeatrialError
from seatrial.faults import disks, scratch
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.volumes import Claim, Volume
from seatrial.timing import Limit, happens, limit, wait


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to remove whatever there is of the claim."""
    del ordinal
    return (Step("discard", path=f"/api/v1/namespaces/{scene.namespace}"),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete a claim of the class that the member's have; receipt: the watch saw it gone.

    The receipt holds {class, claim, volume, node, pinned, measured, expanded, folder}, the healing
    {volume: {gone, phase, seconds}, folder}: what became of the volume before we removed what was
    left, and what its node's own disk shows. `folder` is {asked, found, why}.
    """
    about = scratch.class_of(scene, ordinal)
    claim, volume, node = scratch.served(scene, ordinal, about["name"])
    made = _Made(scene, claim, volume, node)
    measured = json.loads(scratch.measure(scene))
    expanded = _expanded(scene, about, measured["kept"])
    before = made.folder()
    made.released()
    yield {
        "class": about,
        "claim": claim.metadata.uid,
        "volume": volume.metadata.name,
        "policy": volume.spec.persistent_volume_reclaim_policy,
        "node": node,
        "pinned": bool(volume.node),
        "measured": measured["rounds"],
        "expanded": expanded,
        "folder": before,
        "witness": "DELETED of the claim seen on the watch",
    }
    fate = made.fate()
    after = made.folder()
    scratch.discarded(scene.kube, scene.namespace)
    wait(scene.stream, lambda _: made.there(), limit("volume is reclaimed"))
    return {"volume": fate, "folder": after}


@dataclass(frozen=True)
class _Made:
    """The claim and its volume, as they were while the pod used them."""

    scene: Scene
    claim: Claim
    volume: Volume
    node: str

    def released(self) -> None:
        """Delete pod and claim, and wait until the watch has shown both gone."""
        within = limit("scratch claim is gone")
        space, kube = self.scene.namespace, self.scene.kube
        kube.delete(scratch.path(space, "pods"))
        wait(self.scene.stream, lambda _: self._still("pods"), within)
        claim = scratch.path(space, "persistentvolumeclaims")
        kube.delete(claim, uid=self.claim.metadata.uid)
        wait(self.scene.stream, lambda _: self._still("persistentvolumeclaims"), within)

    def fate(self) -> dict[str, Any]:
        """Say whether the volume went, and when; one that is to stay is watched for a while."""
        began = time.monotonic()
        policy = self.volume.spec.persistent_volume_reclaim_policy
        gone = happens(self.scene.stream, lambda _: self.there(), patience(policy))
        left: Volume | None = self._volume()
        seconds = round(time.monotonic() - began, 3)
        return {"gone": gone, "phase": left.status.phase if left else "", "seconds": seconds}

    def there(self) -> str | None:
        """Say that the volume is there still."""
        left = self._volume()
        return f"volume {left.metadata.name} is {left.status.phase}" if left else None

    def folder(self) -> dict[str, Any]:
        """Look on the node's own disk for the volume's folder."""
        name = self.volume.metadata.name
        try:
            there = self.scene.nodes[self.node].lying(self.scene.namespace)
        except KeyError:
            return {"asked": False, "found": False, "why": f"{self.node} is no machine of ours"}
        except SeatrialError as error:
            return {"asked": False, "found": False, "why": error.seen or error.wanted}
        return {"asked": True, "found": any(one.startswith(f"{name}_") for one in there), "why": ""}

    def _volume(self) -> Volume | None:
        found: Volume | None = self.scene.stream.items("persistentvolumes").get(
            self.volume.metadata.name
        )
        return found

    def _still(self, plural: str) -> str | None:
        there = scratch.NAME in self.scene.stream.items(plural)
        return f"{scratch.NAME} of {plural} is still there" if there else None


def patience(policy: str) -> Limit:
    """Give how long a volume of a policy is watched: to its end, or a while if it is to stay."""
    return limit("volume is reclaimed" if policy == disks.DELETE else "a kept volume is watched")


def _expanded(scene: Scene, about: Proof, kept: str) -> dict[str, Any]:
    """Let the claim grow where its class allows that; read the file again afterwards."""
    if not about["expands"]:
        return {"asked": False}
    before = _capacity(scene)
    asked = {"spec": {"resources": {"requests": {"storage": scratch.LARGER}}}}
    scene.kube.patch(scratch.path(scene.namespace, "persistentvolumeclaims"), asked)
    within = limit("claim is expanded")
    grown = happens(scene.stream, lambda _: None if _capacity(scene) != before else "same", within)
    same = scratch.kept(scene) == kept
    return {
        "asked": True,
        "before": before,
        "after": _capacity(scene),
        "wanted": scratch.LARGER,
        "grown": grown,
        "intact": same,
    }


def _capacity(scene: Scene) -> str:
    claim: Claim | None = scene.stream.items("persistentvolumeclaims").get(scratch.NAME)
    return (claim.status.capacity or {}).get("storage", "") if claim else ""
