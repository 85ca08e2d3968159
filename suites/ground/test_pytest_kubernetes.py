"""The ground: whoever has tests for pytest-kubernetes runs them on a cluster of ours, unchanged.

Its external provider takes a kubeconfig, and removes that file when it never asked whether the
cluster is there: so it gets a copy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_kubernetes.providers.base import AClusterManager

from seatrial.cluster import tools
from seatrial.progress import Quiet

if TYPE_CHECKING:
    from seatrial.ground import Ground


@pytest.fixture
def external(
    trial_ground: Ground, k8s_manager: Any, tmp_path: Path, monkeypatch: Any
) -> AClusterManager:
    """Give pytest-kubernetes' own manager over the session's cluster."""
    kubectl = tools.kubectl(Quiet())
    monkeypatch.setenv("PATH", str(kubectl.parent), prepend=":")
    kubeconfig = trial_ground.cluster.export(tmp_path / "kubeconfig")
    return k8s_manager("external")("seatrial", kubeconfig=kubeconfig)


def test_its_fixture_finds_our_cluster_and_all_of_its_nodes(external, trial_ground):
    external.create()
    found = external.kubectl(["get", "nodes"])["items"]
    wanted = {node.name for node in trial_ground.cluster.nodes}
    assert {node["metadata"]["name"] for node in found} == wanted
    assert "v{}.{}".format(*external.version()) in trial_ground.cluster.kubernetes


def test_its_apply_and_wait_work_on_our_cluster(external):
    external.create()
    name = "seatrial-pytest-kubernetes"
    external.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        external.wait(f"namespace/{name}", "jsonpath={.status.phase}=Active")
    finally:
        external.kubectl(["delete", "namespace", name, "--wait=false"], as_dict=False)


def test_its_delete_leaves_our_cluster_and_our_kubeconfig_alone(external, trial_ground):
    external.delete()
    assert trial_ground.cluster.kubeconfig.exists()
    assert trial_ground.cluster.connect().get("/version")["gitVersion"]
