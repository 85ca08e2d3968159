"""What nodes of a shape mount from their host, and the storage class whose volumes lie there.

kind applies the storage manifest that its first node holds. Ours, made of the image's own, is
mounted over that one: no claim ever meets another class, and no node image is built for it.
Source: local-path-provisioner 0.0.30, README, "storageClassConfigs" and "sharedFileSystemPath";
kind 0.33, pkg/cluster/internal/create/actions/installstorage.
May import: errors, cluster.engine, cluster.records, cluster.shapes.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from seatrial.cluster import records
from seatrial.cluster.engine import Engine
from seatrial.cluster.shapes import SHARED, Shape
from seatrial.errors import CannotRun

CLASS, PINNED = "shared", "standard"
"""The storage classes: whose volumes lie in what nodes share, and what kind's manifests make."""
_MANIFEST = "/kind/manifests/default-storage.yaml"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_ROOT = ("run", "--rm", "--network", "none", "--entrypoint")

Node = Mapping[str, Any]


def home(folder: Path) -> Path:
    """Give where a cluster's relative host paths lie, below the cluster's own `folder`."""
    return folder / "mounts"


def lay_out(engine: Engine, shape: Shape, image: str, folder: Path) -> None:
    """Make what the nodes of a shape will mount, before they are there.

    Raises CannotRun when the node image has no storage that can be shared.
    """
    for path in shape.own_paths:
        (home(folder) / path).mkdir(parents=True, exist_ok=True)
    if shape.shared:
        theirs = engine.docker(*_ROOT, "cat", image, _MANIFEST)
        records.write(_ours(folder), with_shared_class(theirs).encode())


def mounted(node: Node, shape: Shape, folder: Path) -> list[dict[str, Any]]:
    """Give the mounts of a node of a kind configuration, with the host paths as they are here."""
    own = [
        {**mount, "hostPath": str(home(folder) / mount["hostPath"])}
        for mount in node.get("extraMounts") or ()
    ]
    if not shape.shared or node["role"] != "control-plane":
        return own
    ours = {"hostPath": str(_ours(folder)), "containerPath": _MANIFEST, "readOnly": True}
    return [*own, ours]


def remove(engine: Engine, image: str, folder: Path) -> None:
    """Remove what the nodes of a cluster mounted, with all that is in it.

    Pods wrote it under user ids of their own: what is not ours to remove, a container removes.
    """
    shutil.rmtree(home(folder), ignore_errors=True)
    if home(folder).exists():
        volume = ("--volume", f"{home(folder)}:{SHARED}")
        words = (SHARED, "-mindepth", "1", "-delete")
        engine.docker(*_ROOT, "find", *volume, image, *words)
        shutil.rmtree(home(folder))


def with_shared_class(manifests: str) -> str:
    """Add the class whose volumes every node has, as the default, to an image's own manifests."""
    documents = [found for found in yaml.safe_load_all(manifests) if found]
    classes = [found for found in documents if found["kind"] == "StorageClass"]
    configs = [found for found in documents if "config.json" in found.get("data", {})]
    if not classes or len(configs) != 1:
        raise CannotRun(
            f"a node image whose {_MANIFEST} sets up local-path-provisioner",
            seen=f"{len(classes)} storage classes and {len(configs)} configurations in it",
            remedy="another --kubernetes, or a shape whose nodes share nothing",
        )
    shared = copy.deepcopy(classes[0])
    shared["metadata"] = {"name": CLASS, "annotations": {_DEFAULT: "true"}}
    for found in classes:
        found["metadata"].get("annotations", {}).pop(_DEFAULT, None)
    _configure(configs[0]["data"], [found["metadata"]["name"] for found in classes])
    return yaml.safe_dump_all([*documents, shared], sort_keys=False)


def _configure(data: dict[str, str], pinned: list[str]) -> None:
    """Give each class its place; beside classes of their own the provisioner takes no other."""
    config = json.loads(data["config.json"])
    places: dict[str, Any] = {name: {"nodePathMap": config["nodePathMap"]} for name in pinned}
    places[CLASS] = {"sharedFileSystemPath": SHARED}
    data["config.json"] = json.dumps({**config, "nodePathMap": [], "storageClassConfigs": places})
    helper = yaml.safe_load(data["helperPod.yaml"])
    helper["spec"]["affinity"] = _AWAY
    data["helperPod.yaml"] = yaml.safe_dump(helper, sort_keys=False)


_AWAY = {
    "nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 100,
                "preference": {"matchExpressions": [{"key": _CONTROL_PLANE, "operator": "Exists"}]},
            }
        ]
    }
}
"""A shared volume is removed on any node, and the helper tolerates dead ones, too: it is asked to
run where no fault is. Not required: for pinned volumes its node is named, and must be that one."""


def _ours(folder: Path) -> Path:
    return folder / "storage.yaml"
