"""The kind configuration of one cluster: its shape, its timings, its name and its image.

May import: cluster.audit, cluster.shapes, cluster.storage, cluster.timings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seatrial.cluster import audit
from seatrial.cluster.shapes import Shape
from seatrial.cluster.storage import Node, mounted
from seatrial.cluster.timings import Timing, patches


def kind_config(
    name: str, shape: Shape, timing: Timing, image: str, folder: Path
) -> dict[str, Any]:
    """Give a whole kind configuration that names the cluster and each node's image.

    A shape's own kubeadm patches stay, and those of the timing come after them. `folder` is the
    cluster's own: what nodes mount by a relative host path lies in it.
    """
    own = shape.config.get("kubeadmConfigPatches") or []
    return {
        **shape.config,
        "name": name,
        "nodes": [
            {**node, "image": image, **_mounts(_all(node, shape, folder))}
            for node in shape.config["nodes"]
        ],
        "kubeadmConfigPatches": [*own, *patches(timing, audit.FLAGS, audit.VOLUMES)],
    }


def _all(node: Node, shape: Shape, folder: Path) -> list[dict[str, Any]]:
    own = mounted(node, shape, folder)
    return [*own, audit.mount(folder)] if node["role"] == "control-plane" else own


def _mounts(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"extraMounts": found} if found else {}
