"""Nodes that share a directory: each cluster has its own, and volumes that lie there by default."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.cluster import shapes, storage
from seatrial.cluster.config import kind_config
from seatrial.cluster.timings import TIMINGS
from seatrial.errors import CannotRun
from seatrial.places import carried

OURS = carried("clusters") / "nodeimage/node/files/kind/manifests/default-storage.yaml"
SHAPE = shapes.shape("three-workers-shared")
DEFAULT = "storageclass.kubernetes.io/is-default-class"


class Engine:
    """Holds a node image with our manifests; what a container removes is gone."""

    def __init__(self, text: str = "") -> None:
        self.text = text or OURS.read_text()
        self.said: list[tuple[str, ...]] = []

    def docker(self, *words: str, **_: object) -> str:
        self.said.append(words)
        if "find" in words:
            folder = words[words.index("--volume") + 1].split(":")[0]
            for path in Path(folder).iterdir():
                REMOVE(path)
        return self.text


REMOVE = shutil.rmtree


def found(text: str, kind: str) -> dict[str, dict[str, Any]]:
    documents = [d for d in yaml.safe_load_all(text) if d["kind"] == kind]
    return {d["metadata"]["name"]: d for d in documents}


@pytest.fixture
def classes() -> str:
    return storage.with_shared_class(OURS.read_text())


def config(folder: Path) -> dict[str, Any]:
    return kind_config("sea", SHAPE, TIMINGS["fast"], "an/image:1", folder)


def test_every_node_mounts_the_same_directory_below_the_clusters_own_folder(tmp_path):
    for node in config(tmp_path)["nodes"]:
        first = node["extraMounts"][0]
        assert first == {
            "hostPath": str(tmp_path / "mounts/shared"), "containerPath": shapes.SHARED
        }  # fmt: skip


def test_only_the_node_that_kind_asks_gets_the_storage_manifest(tmp_path):
    mounts = {node["role"]: node["extraMounts"] for node in config(tmp_path)["nodes"]}
    assert len(mounts["worker"]) == 1
    assert mounts["control-plane"][1] == {
        "hostPath": str(tmp_path / "storage.yaml"),
        "containerPath": "/kind/manifests/default-storage.yaml",
        "readOnly": True,
    }


def test_two_clusters_share_nothing(tmp_path):
    one, other = (config(tmp_path / name)["nodes"][1]["extraMounts"] for name in ("a", "b"))
    assert one[0]["hostPath"] != other[0]["hostPath"]


def test_a_shape_that_shares_nothing_mounts_nothing(tmp_path):
    plain = shapes.shape("three-workers")
    assert (plain.shared, plain.own_paths) == (False, frozenset())
    made = kind_config("sea", plain, TIMINGS["fast"], "an/image:1", tmp_path)
    assert not any("extraMounts" in node for node in made["nodes"] if node["role"] == "worker")


def test_an_absolute_host_path_stays_and_is_never_ours_to_make_or_remove(tmp_path):
    theirs = tmp_path / "theirs"
    nodes = [
        {"role": "control-plane", "extraMounts": [{"hostPath": str(theirs), "containerPath": "/x"}]}
    ]
    shape = shapes.Shape("s", "A shape.", {"nodes": nodes})
    engine: Any = Engine()
    storage.lay_out(engine, shape, "i", tmp_path)
    assert not theirs.exists()
    assert engine.said == []
    assert storage.mounted(nodes[0], shape, tmp_path)[0]["hostPath"] == str(theirs)


def test_the_directory_and_the_manifest_are_there_before_kind_is_asked(tmp_path):
    engine: Any = Engine()
    storage.lay_out(engine, SHAPE, "an/image:1", tmp_path)
    assert (tmp_path / "mounts/shared").is_dir()
    assert "shared" in found((tmp_path / "storage.yaml").read_text(), "StorageClass")
    assert engine.said[0][-2:] == ("an/image:1", "/kind/manifests/default-storage.yaml")


def test_the_class_whose_volumes_are_shared_is_the_default_and_the_only_one(classes):
    made = found(classes, "StorageClass")
    defaults = {n: c["metadata"].get("annotations", {}).get(DEFAULT) for n, c in made.items()}
    assert defaults == {"standard": None, "shared": "true"}
    assert {c["provisioner"] for c in made.values()} == {"rancher.io/local-path"}
    assert made["shared"]["volumeBindingMode"] == "WaitForFirstConsumer"


def test_each_class_has_exactly_one_place(classes):
    data = found(classes, "ConfigMap")["local-path-config"]["data"]
    placed = json.loads(data["config.json"])
    assert placed["nodePathMap"] == []
    assert placed["storageClassConfigs"]["shared"] == {"sharedFileSystemPath": "/srv/shared"}
    assert list(placed["storageClassConfigs"]["standard"]) == ["nodePathMap"]
    before = found(OURS.read_text(), "ConfigMap")["local-path-config"]["data"]
    assert (data["setup"], data["teardown"]) == (before["setup"], before["teardown"])


def test_who_removes_a_shared_volume_would_rather_not_run_on_a_victim(classes):
    data = found(classes, "ConfigMap")["local-path-config"]["data"]
    helper = yaml.safe_load(data["helperPod.yaml"])
    before = found(OURS.read_text(), "ConfigMap")["local-path-config"]["data"]["helperPod.yaml"]
    affinity = helper["spec"].pop("affinity")["nodeAffinity"]
    assert helper == yaml.safe_load(before)
    # Required, it would keep the helper of a pinned volume off the volume's own node.
    assert list(affinity) == ["preferredDuringSchedulingIgnoredDuringExecution"]


def test_all_else_of_the_images_manifests_stays(classes):
    for kind in ("Deployment", "ClusterRole", "ClusterRoleBinding", "ServiceAccount", "Namespace"):
        assert found(classes, kind) == found(OURS.read_text(), kind)


@pytest.mark.parametrize("kind", ["StorageClass", "ConfigMap"])
def test_an_image_with_other_storage_is_refused_in_a_sentence(kind, tmp_path):
    rest = [d for d in yaml.safe_load_all(OURS.read_text()) if d["kind"] != kind]
    engine: Any = Engine(yaml.safe_dump_all(rest))
    with pytest.raises(CannotRun, match="sets up local-path-provisioner"):
        storage.lay_out(engine, SHAPE, "an/image:1", tmp_path)


def test_what_was_shared_goes_with_its_cluster(tmp_path):
    volume = tmp_path / "mounts/shared/pvc-1"
    volume.mkdir(parents=True)
    engine: Any = Engine()
    storage.remove(engine, "an/image:1", tmp_path)
    assert not (tmp_path / "mounts").exists()
    assert engine.said == []
    storage.remove(engine, "an/image:1", tmp_path)


def test_what_only_root_may_remove_a_container_removes(tmp_path, monkeypatch):
    volume = tmp_path / "mounts/shared/pvc-1"
    volume.mkdir(parents=True)
    # As somebody whose Docker is not their own: nothing of another user's can be removed.
    refused = [True]
    monkeypatch.setattr(
        shutil, "rmtree", lambda path, **_: None if refused and refused.pop() else REMOVE(path)
    )
    engine: Any = Engine()
    storage.remove(engine, "an/image:1", tmp_path)
    assert not (tmp_path / "mounts").exists()
    assert engine.said[-1][-4:] == ("/srv/shared", "-mindepth", "1", "-delete")
