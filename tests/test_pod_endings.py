"""When a pod that is told to go is proved to go: its kubelet says so, or it is gone."""

from __future__ import annotations

import threading

import pytest

from seatrial import timing
from seatrial.errors import NotReady
from seatrial.faults import FAULTS, broken
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.testing.kept import proof, stages
from seatrial.testing.staging import staging

READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
SPEC = {"nodeName": "sea-worker", "terminationGracePeriodSeconds": 30}


class Kubelet(FakeApi):
    """Plays the kubelet of one pod: it tells that it ends it, and later has ended it.

    A `dead` one does neither; a `quiet` one tells nothing.
    """

    dead = quiet = False

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def tells(self, uid: str, name: str = "web-0.1") -> None:
        about = {"kind": "Pod", "namespace": "x", "name": "web-0", "uid": uid}
        self.put("events", name, "x", involvedObject=about, reason="Killing", count=1)

    def delete(self, plural: str, name: str, namespace: str = "", grace: int | None = None) -> None:
        uid = self.of(plural)[f"{namespace}/{name}"]["metadata"]["uid"]
        super().delete(plural, name, namespace, grace)
        if not self.dead:
            if not self.quiet:
                self.tells(uid, "web-0.2")
            threading.Timer(0.5, self.ends).start()

    def ends(self) -> None:
        self.told.append("ended")
        self.remove("pods", "web-0", "x")
        self.put("pods", "web-0", "x", spec=SPEC, status=READY)


@pytest.fixture
def api():
    with fake_api(Kubelet()) as running:
        running.kubelets = False
        running.put("pods", "web-0", "x", spec=SPEC, status=READY)
        yield running


@pytest.fixture
def scene(api, tmp_path):
    with staging(api, tmp_path, "pods", "nodes", "events", "endpointslices") as found:
        yield found


def test_a_pod_whose_kubelet_ends_it_is_proved_to_go_before_it_is_gone(scene, api):
    kept, uid = Kept(), scene.pod(0).metadata.uid
    with broken(FAULTS["pod-delete"], scene, 0, kept) as receipt:
        assert api.told == []
        assert "event Killing" in receipt["witness"]
    assert api.told == ["ended"]
    assert proof(kept, "healed")["uid"] != uid == receipt["uid"]


def test_a_kubelet_that_tells_nothing_is_believed_when_the_pod_is_gone(scene, api):
    api.quiet = True
    with broken(FAULTS["pod-delete"], scene, 0, Kept()) as receipt:
        assert (api.told, receipt["witness"]) == (["ended"], "DELETED seen on the watch")


def test_a_service_that_sends_it_no_more_traffic_is_a_witness_too(scene, api):
    api.dead = True
    about = {"kind": "Pod", "name": "web-0", "uid": scene.pod(0).metadata.uid}

    def parted() -> None:
        place = {"addresses": ["10.0.0.1"], "targetRef": about, "conditions": {"terminating": True}}
        api.put("endpointslices", "web-x", "x", endpoints=[place])
        threading.Timer(0.5, api.ends).start()

    threading.Timer(0.3, parted).start()
    with broken(FAULTS["pod-delete"], scene, 0, Kept()) as receipt:
        assert receipt["witness"] == "the EndpointSlice web-x calls it terminating"


def test_what_a_kubelet_ended_before_for_a_probes_sake_is_no_receipt(scene, api, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "pod is replaced", 0.5)
    api.dead, kept = True, Kept()
    api.tells(scene.pod(0).metadata.uid)
    with scene.stream.changed:
        assert scene.stream.changed.wait_for(lambda: scene.stream.items("events"), 20)
    with (
        pytest.raises(NotReady, match="nobody says that it is going"),
        broken(FAULTS["pod-delete"], scene, 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "stopped"]


def test_a_receipt_tells_when_harm_began(scene):
    kept = Kept()
    with broken(FAULTS["pod-delete"], scene, 0, kept):
        pass
    receipt = next(op for op in kept.ops if op.value["stage"] == "receipt")
    planned = next(op for op in kept.ops if op.value["stage"] == "planned")
    assert planned.completed <= receipt.value["struck"] <= receipt.completed
