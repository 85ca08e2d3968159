"""Proof that nothing of a trial is left: each thing that can be left is found, and waited for."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from seatrial import cleanliness, timing
from seatrial.errors import NotOurs, NotReady
from seatrial.faults.undo import OURS, OUT_OF_SERVICE
from seatrial.kube.client import connect
from seatrial.machine import Drop, Running
from seatrial.testing import PaperNode, fake_api
from seatrial.testing.runtime import PaperRuntime

NODE, SPACE = "sea-worker", "trial-1"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
FOLDER = f"pvc-1_{SPACE}_data-web-0"


@pytest.fixture
def api():
    with fake_api() as running:
        running.put("nodes", NODE, status=READY)
        running.put("namespaces", "default")
        yield running


@pytest.fixture
def node(tmp_path):
    return PaperNode(tmp_path / "node.json", NODE, runtime=PaperRuntime())


@pytest.fixture
def prove(api, node, tmp_path, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, cleanliness._WITHIN, 0.5)
    kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
    return lambda: cleanliness.proved(kube, {NODE: node}, SPACE)


def container() -> Running:
    return Running("c1", "web", "web-0", "u", SPACE, time.time())


def test_a_clean_ground_is_proved_so_with_who_was_asked(prove):
    proof = prove()
    assert (proof["namespaces"], proof["nodes"], proof["unasked"]) == ([SPACE], [NODE], {})


LEFT: dict[str, tuple[Any, str]] = {
    "namespace": (lambda api, _: api.put("namespaces", SPACE), f"namespace {SPACE}"),
    "volume": (
        lambda api, _: api.put(
            "persistentvolumes", "pvc-1", spec={"claimRef": {"name": "d", "namespace": SPACE}}
        ),
        "volume pvc-1",
    ),
    "rights": (
        lambda api, _: api.put("clusterroles", f"seatrial-rescuer-{SPACE}"),
        f"clusterroles seatrial-rescuer-{SPACE}",
    ),
    "node": (
        lambda api, _: api.put(
            "nodes", NODE, status={"conditions": [{"type": "Ready", "status": "Unknown"}]}
        ),
        f"node {NODE} is not Ready",
    ),
    "taint": (
        lambda api, _: api.put(
            "nodes",
            NODE,
            spec={"taints": [{"key": OUT_OF_SERVICE, "value": OURS, "effect": "NoExecute"}]},
        ),
        "out of service by our word",
    ),
    "container": (
        lambda _, node: node.runtime.starts(container()),
        f"a container of web-0 on {NODE}",
    ),
    "folder": (lambda _, node: node.runtime.volumes.append(FOLDER), f"folder {FOLDER}"),
    "dropped packets": (
        lambda _, node: node.bar(f"{SPACE}-0-partition", [Drop()]),
        f"rules {SPACE}-0-partition on {NODE}",
    ),
    "packet filter": (lambda _, node: node.cut(), f"rules of ours that cut it off on {NODE}"),
}


@pytest.mark.parametrize("left", LEFT)
def test_whatever_is_left_is_named(left, api, node, prove):
    make, said = LEFT[left]
    make(api, node)
    with pytest.raises(NotReady, match=said):
        prove()


def test_what_others_have_is_no_matter(api, node, prove):
    api.put("namespaces", "trial-2")
    claim = {"name": "data", "namespace": "trial-2"}
    api.put("persistentvolumes", "pvc-2", spec={"claimRef": claim})
    api.put("persistentvolumes", "bare")
    theirs = {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
    api.put("nodes", NODE, spec={"taints": [theirs]})
    node.runtime.volumes.append("pvc-2_trial-2_data-web-0")
    assert prove()["nodes"] == [NODE]


def test_what_is_on_its_way_out_is_waited_for(api, prove, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, cleanliness._WITHIN, 30)
    LEFT["volume"][0](api, None)
    later = threading.Timer(0.3, lambda: api.remove("persistentvolumes", "pvc-1"))
    later.start()
    assert prove()["seconds"] >= 0.2
    later.join()


def test_a_node_that_we_did_not_make_is_not_asked_and_that_is_said(api, tmp_path):
    class Theirs(PaperNode):
        """Not ours to look into."""

        def is_cut(self) -> bool:
            raise NotOurs("leave to look", seen="its cluster is not one that seatrial made")

    kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
    theirs = Theirs(tmp_path / "node.json", NODE)
    proof = cleanliness.proved(kube, {NODE: theirs}, SPACE)
    assert proof["nodes"] == []
    assert "not one that seatrial made" in proof["unasked"][NODE]
