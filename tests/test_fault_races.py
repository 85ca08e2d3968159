"""Two watched kinds tell of one change in any order: a proof never rests on one of them alone."""

from __future__ import annotations

from typing import Any, cast

import pytest

from seatrial.faults import claim_lost, scratch
from seatrial.faults.scene import Scene
from seatrial.kube.objects import Condition, Meta, Pod, PodSpec, PodStatus
from seatrial.kube.volumes import Claim, ClaimMeta, ClaimSpec, ClaimStatus, Volume

OLD = [{"name": "data-web-1", "volume": "pvc-1"}]


class Seen:
    """A watch that stands still: what it has told of so far, by kind."""

    def __init__(self, **kinds: list[Any]) -> None:
        self.kinds = {kind: {one.metadata.name: one for one in kinds[kind]} for kind in kinds}

    def items(self, kind: str) -> dict[str, Any]:
        return self.kinds.get(kind, {})


def scene(**kinds: list[Any]) -> Scene:
    return Scene(cast("Any", None), cast("Any", Seen(**kinds)), "x", "web")


def ready(name: str, uid: str) -> Pod:
    status = PodStatus(phase="Running", conditions=[Condition(type="Ready", status="True")])
    return Pod(metadata=Meta(name=name, uid=uid), spec=PodSpec(node_name="n"), status=status)


def claim(name: str, phase: str = "Bound") -> Claim:
    spec, status = ClaimSpec(volume_name="pvc-1"), ClaimStatus(phase=phase)
    return Claim(metadata=ClaimMeta(name=name, uid="c"), spec=spec, status=status)


def test_a_member_on_an_empty_disk_is_not_back_though_its_old_volume_is_told_of_first():
    seen = scene(pods=[ready("web-1", "empty")], persistentvolumeclaims=[claim("data-web-1")])
    assert "still the one on an empty disk" in str(claim_lost._away(seen, 1, "empty", OLD))
    assert claim_lost._away(seen, 1, "another", OLD) is None


@pytest.mark.parametrize(("phase", "served"), [("Pending", False), ("Bound", True)])
def test_a_scratch_claim_is_served_once_its_own_status_says_so(phase, served):
    seen = scene(
        pods=[ready("scratch", "p")],
        persistentvolumeclaims=[claim("scratch", phase)],
        persistentvolumes=[Volume(metadata=Meta(name="pvc-1", uid="v"))],
    )
    assert (scratch._unserved(seen) is None) == served
